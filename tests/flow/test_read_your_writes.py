"""?after=CURSOR: what was told of a job can be read here, or the answer says that it cannot yet."""
import threading
import time

import pytest

from client import check_problem
from sockets import Socket
from sse import Stream

HOUR = 3600 * 1000


def beyond(cursor, by):
    """A cursor of the same log, so many positions further on."""
    log, pos = cursor.split("-")
    return f"{log}-{int(pos) + by}"


def paths(job):
    return [f"/v1/jobs/{job['id']}", f"/v1/jobs/{job['id']}/input", "/v1/jobs"]


def test_what_is_read_already_is_answered_at_once(api):
    job = api.run("echo", 1)
    begin = time.monotonic()
    for path in paths(job) + [f"/v1/jobs/{job['id']}/result"]:
        assert api.get(f"{path}?after={job['cursor']}").status == 200
    assert time.monotonic() - begin < 1.5


def test_an_answer_waits_for_a_position_that_comes(api, service):
    job = api.submit("echo", 1, delay_ms=HOUR)
    other = service.client()
    answers = []
    ask = threading.Thread(target=lambda: answers.append(other.get(f"/v1/jobs/{job['id']}?after={beyond(job['cursor'], 1)}")))
    ask.start()
    ask.join(0.3)
    assert not answers, answers
    assert api.cancel(job["id"]).status == 202      # the next event of this log, of nobody else
    ask.join(20)
    assert answers[0].status == 200 and answers[0].json["state"] == "cancelled"


def test_a_position_that_does_not_come_is_told_as_behind(api):
    job = api.submit("echo", 1, delay_ms=HOUR)
    for path in paths(job):
        begin = time.monotonic()
        answer = api.get(f"{path}?after={beyond(job['cursor'], 10000)}")
        check_problem(answer, 503, "behind")
        assert answer.headers["Retry-After"] == "1"
        assert 1.9 <= time.monotonic() - begin < 15
    api.cancel(job["id"])


@pytest.mark.parametrize("cursor", ["", "x", "12", "0-0", "ffffffff-1"])
def test_a_cursor_of_another_log_or_none_is_refused(api, cursor):
    job = api.run("echo", 1)
    for path in paths(job) + [f"/v1/jobs/{job['id']}/result"]:
        check_problem(api.get(f"{path}?after={cursor}"), 400, "bad-cursor")


def test_who_leaves_while_waiting_leaves_nothing_behind(api, service):
    job = api.submit("echo", 1, delay_ms=HOUR)
    for _ in range(20):
        other = service.client(timeout=0.05)
        with pytest.raises(OSError):
            other.get(f"/v1/jobs/{job['id']}?after={beyond(job['cursor'], 10000)}")
    api.cancel(job["id"])
    assert api.get(f"/v1/jobs/{job['id']}").status == 200


def test_an_unknown_id_of_this_very_moment_is_not_found_at_once(api):
    job = api.submit("echo", 1)
    near = job["id"][:-1] + ("0" if job["id"][-1] != "0" else "1")
    begin = time.monotonic()
    check_problem(api.get(f"/v1/jobs/{near}"), 404, "not-found")
    check_problem(api.post(f"/v1/jobs/{near}:cancel", b""), 404, "not-found")
    assert time.monotonic() - begin < 1.5


# ---- many nodes: what one has accepted a moment ago is asked of the other ----

ROUNDS = 20


@pytest.fixture
def one(cluster):
    return cluster.apis[0].client()


@pytest.fixture
def two(cluster):
    return cluster.apis[1].client()


def test_a_job_of_the_other_node_is_known_read_and_cancelled_at_once(one, two):
    for i in range(ROUNDS):
        job = one.submit("echo", i, delay_ms=HOUR)
        assert two.get(f"/v1/jobs/{job['id']}/input").json == i
        job = one.submit("echo", i, delay_ms=HOUR)
        assert two.cancel(job["id"]).status == 202
        assert one.job(job["id"], after=two.job(job["id"])["cursor"])["state"] == "cancelled"
        job = one.submit("echo", i, delay_ms=HOUR, tags=["listed"])
        assert two.get(f"/v1/jobs?tag=listed&page_size=1&after={job['cursor']}").json["jobs"][0]["id"] == job["id"]
        one.cancel(job["id"])


def test_a_job_of_the_other_node_is_subscribed_to_at_once(cluster, one):
    with Socket(cluster.apis[1]) as open_already:
        for i in range(ROUNDS):
            job = one.submit("echo", i)
            with Socket(cluster.apis[1], f"?job={job['id']}") as socket:
                assert socket.answer("subscribed")["job"] == job["id"]
                socket.events_until("job.succeeded", job["id"])
            job = one.submit("echo", i)
            open_already.send({"op": "subscribe", "ref": str(i), "job": job["id"], "after": job["cursor"]})
            assert open_already.answer("subscribed", str(i))["recovered"] is True
            open_already.events_until("job.succeeded", job["id"])
            job = one.submit("echo", i)
            with Stream(cluster.apis[1].port, f"/v1/jobs/{job['id']}/events?after={job['cursor']}") as stream:
                assert stream.next()[1]["recovered"] is True
                assert [event["type"] for event in stream.events()][-1] == "job.succeeded"


def test_all_events_go_on_from_a_cursor_of_the_other_node(cluster, one, two):
    for i in range(ROUNDS):
        job = one.submit("echo", i, delay_ms=HOUR)
        answer = two.get(f"/v1/events?after={job['cursor']}").json
        assert answer["recovered"] is True
        one.cancel(job["id"])


def test_an_unknown_job_is_told_apart_from_one_on_its_way(cluster, one, two):
    job = one.submit("echo", 1)
    near = job["id"][:-1] + ("0" if job["id"][-1] != "0" else "1")
    check_problem(two.get(f"/v1/jobs/{near}"), 404, "not-found")
    with Socket(cluster.apis[1]) as socket:
        socket.send({"op": "subscribe", "ref": "a", "job": near})
        assert socket.answer("error", "a")["problem"]["type"].endswith("#not-found")
    folded = two.metric("buzzer_events_folded_total")
    check_problem(two.get("/v1/jobs/00000000000000000000000000"), 404, "not-found")      # of long ago: nobody is asked
    assert two.metric("buzzer_events_folded_total") <= folded + 3


def test_who_asks_together_shares_what_is_asked_of_the_log(cluster, one):
    job = one.submit("echo", 1)
    ids = [job["id"][:-2] + a + b for a in "0123456789" for b in "0123456789"][:40]
    before = one.metric("buzzer_events_folded_total")
    askers = [threading.Thread(target=lambda id=id: check_problem(cluster.apis[1].client().get(f"/v1/jobs/{id}"), 404, "not-found"))
              for id in ids if id != job["id"]]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(30)
    one.wait(job["id"])
    assert one.metric("buzzer_events_folded_total") - before < len(askers)
