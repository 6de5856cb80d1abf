"""Two tenants on one service: what is one's is not there for the other, on any way in or out."""
import json
import threading

import pytest

from client import check_problem
from keyed import Keyed, bearer
from service import Service, until
from sockets import Socket, kinds
from sse import Stream

STEPS = {"name": "steps", "command": ["/bin/sh", "-c", "for i in 10 50 90; do echo \"{\\\"percent\\\":$i}\" >&3; sleep 0.2; done; echo 1"]}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("tenants"), "--slots", "4", "--http-threads", "2", settings={"types": [STEPS]}).start()
    before = service.client().run("echo", "from before there were keys")
    keyed = Keyed(service)
    keyed.before = before["id"]
    yield keyed
    service.stop()
    service.check_log()


@pytest.fixture
def a(keyed):
    return keyed.a


@pytest.fixture
def b(keyed):
    return keyed.b


@pytest.fixture(autouse=True)
def settled(a, b):
    """What an earlier test left to run has ended: who hears of all jobs hears of this test's alone."""
    until(lambda: not any(client.get(f"/v1/jobs?state={state}").json["jobs"] for client in (a, b) for state in ("queued", "running")), 30,
          "the jobs of the test before")


def ids(client, query=""):
    """Every job the client can list, page by page."""
    found, token = [], ""
    while True:
        page = client.get(f"/v1/jobs?page_size=2&page_token={token}{query}").json
        found += [job["id"] for job in page["jobs"]]
        token = page["next_page_token"]
        if not token:
            return found


def test_what_is_anothers_is_not_there(keyed, a, b):
    job = a.run("echo", {"secret": "of a"})["id"]
    for client in (b, keyed.boss):       # not even for an administrator, whose own tenant is another
        for method, path in (("GET", f"/v1/jobs/{job}"), ("GET", f"/v1/jobs/{job}?wait=1"), ("GET", f"/v1/jobs/{job}/result"),
                             ("GET", f"/v1/jobs/{job}/input"), ("GET", f"/v1/jobs/{job}/events"), ("POST", f"/v1/jobs/{job}:cancel"),
                             ("POST", f"/v1/jobs/{job}:retry"), ("HEAD", f"/v1/jobs/{job}")):
            answer = client.request(method, path, b"" if method == "POST" else None)
            nowhere = client.request(method, path.replace(job, "0" * 26), b"" if method == "POST" else None)
            assert answer.status == nowhere.status == 404, (method, path, answer)
            assert answer.body.replace(job.encode(), b"") == nowhere.body.replace(b"0" * 26, b""), "it can be told from one that is not there"
    assert a.job(job)["state"] == "succeeded"


def test_a_running_job_of_another_tenant_runs_on(a, b):
    job = a.submit("sleep", {"seconds": 60})["id"]
    a.wait(job, states={"running"})
    check_problem(b.cancel(job), 404, "not-found")
    assert a.job(job)["cancel_requested"] is False
    assert a.cancel(job).status == 202 and a.wait(job)["state"] == "cancelled"


def test_keys_of_one_tenant_share_its_jobs(keyed, a):
    job = a.submit("echo", 1)["id"]
    assert keyed.client("a", "read").get(f"/v1/jobs/{job}").status == 200


def test_jobs_from_before_there_were_keys_are_the_default_tenants(keyed, a):
    assert keyed.boss.job(keyed.before)["state"] == "succeeded" and keyed.before in ids(keyed.boss)
    assert a.get(f"/v1/jobs/{keyed.before}").status == 404 and keyed.before not in ids(a)


def test_each_lists_its_own(keyed, a, b):
    mine = [a.submit("echo", i, tags=["mixed"])["id"] for i in range(5)]
    yours = [b.submit("echo", i, tags=["mixed"])["id"] for i in range(5)]
    batch = a.post("/v1/jobs:batch", {"jobs": [{"type": "echo", "input": i, "tags": ["mixed"]} for i in range(3)]})
    assert batch.status == 202
    mine += [job["id"] for job in batch.json["jobs"]]
    for query in ("&tag=mixed", "&tag=mixed&type=echo", "&tag=mixed&queue=default"):
        assert ids(a, query) == mine[::-1] and ids(b, query) == yours[::-1], query
    assert ids(keyed.boss, "&tag=mixed") == []


def test_a_page_token_of_one_shows_the_other_nothing_of_it(a, b):
    for i in range(3):
        a.submit("echo", i), b.submit("echo", i)
    token = a.get("/v1/jobs?page_size=1").json["next_page_token"]
    theirs = {job["id"] for job in b.get(f"/v1/jobs?page_size=500&page_token={token}").json["jobs"]}
    assert theirs <= set(ids(b))


def test_an_idempotency_key_is_its_tenants(keyed, a, b):
    headers = {"Idempotency-Key": "the same"}
    first = a.submit("echo", {"of": "a"}, headers)
    other = b.submit("echo", {"of": "b"}, headers)       # another submission, and no reuse
    assert first["id"] != other["id"]
    assert a.submit("echo", {"of": "a"}, headers)["id"] == first["id"]
    assert b.submit("echo", {"of": "b"}, headers)["id"] == other["id"]
    check_problem(a.post("/v1/jobs", {"type": "echo", "input": {"of": "b"}}, headers), 422, "idempotency-key-reused")
    assert keyed.client("a", "submit").submit("echo", {"of": "a"}, headers)["id"] == first["id"]


def test_at_once_the_same_idempotency_key_makes_one_job_for_each_tenant(a, b, keyed):
    made, clients = [], [keyed.service.client(key=client.key) for client in (a, b) * 8]
    threads = [threading.Thread(target=lambda c=client: made.append((c.key, c.submit("echo", 1, {"Idempotency-Key": "at once"})["id"])))
               for client in clients]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert len(made) == 16 and len(set(made)) == 2 and len({id for _, id in made}) == 2


def test_all_jobs_are_those_of_the_tenant_on_a_socket(keyed, a, b):
    with Socket(keyed, "?all=1", extra_headers=bearer(a)) as of_a, Socket(keyed, "?all=1&type=steps", extra_headers=bearer(b)) as of_b:
        of_a.answer("subscribed"), of_b.answer("subscribed")
        mine, yours = a.submit("steps", 1)["id"], b.submit("steps", 1)["id"]
        for socket, job in ((of_a, mine), (of_b, yours)):
            events = socket.events_until("job.succeeded")
            assert {event["subject"] for event in events} == {job} and kinds(events) == ["job.queued", "job.running", "job.succeeded"]
            assert any(event["type"] == "job.progress" for event in events)
        assert of_a.is_silent() and of_b.is_silent()


def test_what_is_submitted_on_a_socket_is_its_tenants(keyed, a, b):
    with Socket(keyed, extra_headers=bearer(b)) as socket:
        job = socket.send({"op": "submit", "ref": "1", "job": {"type": "echo", "input": 1}}).answer("submitted", "1")["job"]["id"]
        socket.events_until("job.succeeded", job)
    assert b.job(job)["state"] == "succeeded" and a.get(f"/v1/jobs/{job}").status == 404


def test_a_job_of_another_cannot_be_subscribed_to(keyed, a, b):
    job = a.submit("echo", 1, delay_ms=3600000)
    with Socket(keyed, extra_headers=bearer(b)) as socket:
        for frame in ({"op": "subscribe", "ref": "1", "job": job["id"]}, {"op": "subscribe", "ref": "1", "job": job["id"], "after": job["cursor"]}):
            assert socket.send(frame).answer("error", "1")["problem"]["status"] == 404
        assert a.cancel(job["id"]).status == 202
        assert socket.is_silent()


def history(client, cursor):
    """All events after the cursor, by polling."""
    found = []
    while True:
        page = client.get(f"/v1/events?after={cursor}").json
        assert page["recovered"]
        found += page["events"]
        if not page["events"]:
            return found
        cursor = page["cursor"]


def test_the_past_is_told_to_each_as_far_as_it_is_its_own(keyed, a, b):
    cursor = a.get("/v1/events").json["cursor"]
    mine = {a.run("echo", i)["id"] for i in range(3)}
    yours = {b.run("echo", i)["id"] for i in range(3)}
    assert {event["subject"] for event in history(a, cursor)} == mine
    assert {event["subject"] for event in history(b, cursor)} == yours       # a cursor is a place, and anybody's
    with Socket(keyed, f"?all=1&after={cursor}", extra_headers=bearer(b)) as socket:
        socket.answer("subscribed")
        seen = [socket.event() for _ in range(9)]
        assert {event["subject"] for event in seen} == yours and socket.is_silent()
    with Stream(keyed.port, f"/v1/events?after={cursor}", **bearer(a)) as stream:
        assert stream.next()[0] == "subscribed"
        assert {stream.next()[1]["subject"] for _ in range(9)} == mine


def test_a_stream_of_all_jobs_is_the_tenants(keyed, a, b):
    with Stream(keyed.port, "/v1/events", **bearer(a)) as stream:
        assert stream.next()[0] == "subscribed"
        b.run("echo", 1)
        job = a.run("echo", 1)["id"]
        assert {stream.next()[1]["subject"] for _ in range(3)} == {job}


def test_waiting_for_all_jobs_is_waiting_for_the_tenants(keyed, a, b):
    waiting = keyed.service.client(key=a.key)
    waiting.connection.request("GET", "/v1/events?wait=2", headers=bearer(a))
    b.run("echo", 1)
    assert json.loads(waiting.connection.getresponse().read())["events"] == []


def test_tenants_outlive_the_process_and_a_retry(start):
    service = start(settings={"types": [{"name": "fails", "command": ["/bin/false"], "max_attempts": 1}]})
    own = Keyed(service)
    job = own.a.run("fails", 1)["id"]
    own.a.submit("echo", 1, {"Idempotency-Key": "k"})
    service.kill()
    service.start()
    mine, yours = service.client(key=own.a.key), service.client(key=own.b.key)
    assert yours.get(f"/v1/jobs/{job}").status == 404 and mine.post(f"/v1/jobs/{job}:retry").status == 202
    assert mine.wait(job)["state"] == "failed" and len(ids(mine)) == 2 and ids(yours) == []
    assert yours.submit("echo", 2, {"Idempotency-Key": "k"})["id"] not in ids(mine)
