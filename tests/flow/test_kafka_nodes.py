"""Nodes that come, go, die and return: what they held is done elsewhere, and they know all again."""
import time

from client import check_problem
from service import PATIENCE, until
from sockets import Socket


def losses(job):
    """The attempts that ended because their worker was gone."""
    return [a for a in job["attempts"] if a["error"] and a["error"]["code"] == "lost_worker"]


def test_as_many_jobs_as_slots_all_start_at_once(start_cluster):
    cluster = start_cluster(apis=1, workers=4, slots=2)
    api = cluster.apis[0].client()
    api.run("echo", 1)
    answer = api.post("/v1/jobs:batch", {"jobs": [{"type": "sleep", "input": {"seconds": 4}}] * 8})
    ids = [job["id"] for job in answer.json["jobs"]]
    begin = time.monotonic()
    until(lambda: all(api.job(id)["state"] == "running" for id in ids), 2, "all of them to run")
    print(f"\n8 jobs ran on 4 workers after {(time.monotonic() - begin) * 1000:.0f} ms")
    jobs = [api.wait(id) for id in ids]
    assert all(len(job["attempts"]) == 1 for job in jobs), jobs
    assert len({job["attempts"][0]["worker"] for job in jobs}) == 4


def test_a_worker_that_drains_hands_its_jobs_on(start_cluster):
    cluster = start_cluster(apis=1, workers=2, slots=2, flags=["--drain-ms", "500"])
    api = cluster.apis[0].client()
    ids = [api.submit("sleep", {"seconds": 3})["id"] for _ in range(4)]
    for id in ids:
        api.wait(id, states={"running"})
    first = cluster.workers[0]
    begin = time.monotonic()
    first.stop()
    assert time.monotonic() - begin < 10 * PATIENCE
    jobs = [api.wait(id) for id in ids]
    assert [job["state"] for job in jobs] == ["succeeded"] * 4
    assert not any(losses(job) for job in jobs), "what is handed back is not lost"
    assert len({job["attempts"][-1]["worker"] for job in jobs}) == 1
    until(lambda: len(api.get("/v1/workers").json["workers"]) == 1, what="it to be forgotten")


def test_what_a_dead_worker_held_is_done_by_another_after_its_lease(start_cluster):
    cluster = start_cluster(apis=2, workers=2, slots=2)
    one, two = cluster.clients()
    ids = [one.submit("sleep", {"seconds": 2})["id"] for _ in range(4)]
    for id in ids:
        one.wait(id, states={"running"})
    cluster.workers[0].kill()
    jobs = [two.wait(id, seconds=30 * PATIENCE) for id in ids]
    assert [job["state"] for job in jobs] == ["succeeded"] * 4
    assert sum(len(losses(job)) for job in jobs) == 2
    assert all(one.job(job["id"], after=job["cursor"]) == job for job in jobs)
    until(lambda: len(one.get("/v1/workers").json["workers"]) == 1, what="it to be forgotten")


def test_a_frozen_worker_that_wakes_changes_nothing(start_cluster):
    """A zombie: its jobs were given to another, and what it tells of them then is too late."""
    cluster = start_cluster(apis=1, workers=2, slots=2)
    api = cluster.apis[0].client()
    ids = [api.submit("sleep", {"seconds": 1})["id"] for _ in range(4)]
    for id in ids:
        api.wait(id, states={"running"})
    cluster.workers[0].freeze_alone()      # what it started ends meanwhile, with a result for it
    jobs = [api.wait(id, seconds=30 * PATIENCE) for id in ids]
    assert [job["state"] for job in jobs] == ["succeeded"] * 4 and sum(len(losses(job)) for job in jobs) == 2
    cluster.workers[0].thaw()
    fresh = [api.submit("sleep", {"seconds": 0.5})["id"] for _ in range(4)]
    assert [api.wait(id)["state"] for id in fresh] == ["succeeded"] * 4
    assert [api.job(job["id"]) for job in jobs] == jobs
    zombies = {a["worker"] for job in jobs for a in losses(job)}
    until(lambda: api.wait(api.submit("sleep", {"seconds": 0.1})["id"])["attempts"][0]["worker"] in zombies, what="it to work again")


def test_a_worker_that_starts_anew_gives_up_at_once_what_it_held(start_cluster):
    """It knows itself that nobody runs it any more; no lease has to pass."""
    cluster = start_cluster(apis=1, workers=1, slots=2, lease_ms=30000)
    api = cluster.apis[0].client()
    id = api.submit("sleep", {"seconds": 1})["id"]
    api.wait(id, states={"running"})
    begin = time.monotonic()
    cluster.workers[0].kill()
    cluster.workers[0].start()
    job = api.wait(id)
    assert job["state"] == "succeeded" and len(losses(job)) == 1 and len(job["attempts"]) == 2
    assert time.monotonic() - begin < 15 * PATIENCE


def test_a_node_that_comes_back_knows_all_that_happened(start_cluster):
    cluster = start_cluster(apis=2, workers=1)
    one, two = cluster.clients()
    first = one.run("echo", 1)
    with Socket(cluster.apis[1], "?all=1") as socket:
        socket.answer("subscribed")
        cursor = one.run("echo", 2)["cursor"]
    cluster.apis[1].kill()
    ended = [one.run("echo", i) for i in range(10)]
    cluster.apis[1].start()
    two = cluster.apis[1].client()
    assert two.job(first["id"]) == first
    assert [two.job(job["id"]) for job in ended] == ended
    with Socket(cluster.apis[1], f"?all=1&after={cursor}") as socket:
        assert socket.answer("subscribed")["recovered"] is True
        assert [e["subject"] for e in socket.events_until("job.succeeded", ended[-1]["id"])] == [
            job["id"] for job in ended for _ in range(3)]


def test_a_new_node_catches_up_and_is_ready(start_cluster):
    cluster = start_cluster(apis=1, workers=1)
    one = cluster.apis[0].client()
    ended = [one.run("echo", i) for i in range(20)]
    large = one.submit_bytes("echo", b"x" * 200000, "application/octet-stream")["id"]
    one.wait(large)
    new = cluster.add("api").start()
    two = new.client()
    assert two.get("/v1/jobs").json["jobs"] == one.get("/v1/jobs").json["jobs"]
    assert [two.job(job["id"]) for job in ended] == ended
    assert two.result(large).body == b"x" * 200000
    cluster.apis[0].kill()
    assert two.run("echo", "alone")["state"] == "succeeded"
    cluster.apis[0].forget()
    cluster.apis[0].start()
    one = cluster.apis[0].client()
    assert one.get("/v1/jobs").json["jobs"] == two.get("/v1/jobs").json["jobs"]


def test_all_nodes_start_again_after_all_were_killed(start_cluster):
    cluster = start_cluster(apis=2, workers=2)
    one, two = cluster.clients()
    ended = one.run("echo", 1)
    waiting = [one.submit("sleep", {"seconds": 0.2})["id"] for _ in range(10)]
    later = two.submit("echo", 1, delay_ms=3600000)
    for node in cluster.nodes:
        node.kill()
    for node in cluster.nodes:
        node.start(ready=False)
    cluster.until_ready()
    one, two = cluster.clients()
    assert two.job(ended["id"]) == ended and one.job(later["id"])["state"] == "scheduled"
    assert [two.wait(id)["state"] for id in waiting] == ["succeeded"] * 10


def test_an_access_key_holds_on_every_node(start_cluster):
    cluster = start_cluster(apis=2, workers=1)
    one, two = cluster.clients()
    assert two.get("/v1/jobs").status == 200
    made = one.post("/v1/keys", {"tenant": "t", "scopes": ["admin"], "name": "first"})
    assert made.status == 201, made
    admin = {"Authorization": "Bearer " + made.json["key"]}
    until(lambda: two.get("/v1/jobs").status == 401, 5, "the other node to want a key")
    assert two.request("GET", "/v1/jobs", headers=admin).status == 200
    other = two.request("POST", "/v1/keys", {"tenant": "t", "scopes": ["read"], "name": "second"}, admin)
    assert other.status == 201, other
    reader = {"Authorization": "Bearer " + other.json["key"]}
    until(lambda: one.request("GET", "/v1/jobs", headers=reader).status == 200, 5, "the key to hold here too")
    check_problem(one.request("POST", "/v1/jobs", {"type": "echo", "input": 1}, reader), 403, "no-right")
    assert one.request("DELETE", f"/v1/keys/{other.json['id']}", headers=admin).status == 204
    until(lambda: two.request("GET", "/v1/jobs", headers=reader).status == 401, 5, "the key to be revoked here too")


def test_what_came_while_no_worker_was_there_is_done_by_the_next(start_cluster):
    cluster = start_cluster(apis=1, workers=1)
    api = cluster.apis[0].client()
    cluster.workers[0].stop()
    id = api.submit("echo", 2)["id"]
    assert api.job(id)["state"] == "queued"
    cluster.workers[0].start()
    assert api.wait(id)["state"] == "succeeded"
