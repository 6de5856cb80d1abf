"""What a client is told while no broker answers: soon, the truth, and when to ask again."""
import threading
import time

import pytest

from broker import Kafka
from client import check_problem
from service import PATIENCE, until
from sockets import Socket

HOUR = 3600 * 1000
ANSWER_S = 5


@pytest.fixture
def away(make_cluster, broker):
    """A service of two api nodes, ready, and its broker, which falls silent when told to."""
    broker.start()
    cluster = make_cluster(Kafka(broker.brokers, "away"), apis=2, workers=0).start()
    yield cluster, broker
    broker.resume()


def not_ready(node):
    answer = node.client().get("/readyz?verbose")
    return answer.status == 503 and b"[no] event log answers" in answer.body


def test_what_waits_for_a_silent_broker_is_answered_and_still_happens(away):
    cluster, broker = away
    one = cluster.apis[0].client()
    cancelled = one.submit("echo", 1, delay_ms=HOUR)
    fast, answers = {"Idempotency-Key": "once"}, {}

    def ask(name, path, body, headers=None):
        begin = time.monotonic()
        answers[name] = cluster.apis[0].client().post(path, body, headers), time.monotonic() - begin

    asks = {"submit": ("/v1/jobs", {"type": "echo", "input": 2}, fast),
            "batch": ("/v1/jobs:batch", {"jobs": [{"type": "echo", "input": 3, "tags": ["batch"]}] * 2}),
            "cancel": (f"/v1/jobs/{cancelled['id']}:cancel", b""), "pause": ("/v1/queues/held:pause", b"")}
    socket = Socket(cluster.apis[0])
    broker.pause()
    socket.send({"op": "submit", "ref": "s", "job": {"type": "echo", "input": 4, "tags": ["socket"]}})
    threads = [threading.Thread(target=ask, args=(name, *words)) for name, words in asks.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for name in asks:
        answer, took = answers[name]
        check_problem(answer, 503, "log-away")
        assert answer.headers["Retry-After"] and ANSWER_S - 1 <= took < (ANSWER_S + 2) * PATIENCE, (name, took)
    assert socket.answer("error", "s")["problem"]["type"].endswith("#log-away")
    until(lambda: not_ready(cluster.apis[0]), what="the node to see that it is alone")
    begin = time.monotonic()
    check_problem(one.post("/v1/jobs", {"type": "echo", "input": 5, "tags": ["refused"]}), 503, "log-away")
    assert time.monotonic() - begin < 2 * PATIENCE                         # no need to try
    assert one.job(cancelled["id"])["state"] == "scheduled"                # reading goes on
    assert one.metric("buzzer_log_away_total") >= 6
    broker.resume()
    for node in cluster.apis:
        until(lambda: node.client().get("/readyz").status == 200, 30, f"{node} to be ready again")
    again = until(lambda: one.post("/v1/jobs", asks["submit"][1], fast), what="an answer")
    assert again.status == 202, again                                      # the same job, not a second one
    two = cluster.apis[1].client()
    until(lambda: two.job(cancelled["id"])["state"] == "cancelled", what="the cancel")
    until(lambda: any(q["name"] == "held" and q["paused"] for q in two.get("/v1/queues").json["queues"]), what="the pause")
    listed = two.get(f"/v1/jobs?after={again.json['cursor']}").json["jobs"]
    assert [job["tags"] for job in listed].count(["batch"]) == 2 and len(listed) == 5, listed
    assert ["refused"] not in [job["tags"] for job in listed]
    socket.close()


def test_a_body_kept_apart_is_not_waited_for_forever(away):
    cluster, broker = away
    one, two = (node.client() for node in cluster.apis)
    data = bytes(range(256)) * 1024
    job = one.submit_bytes("echo", data, "application/octet-stream", delay_ms=HOUR)
    assert two.get(f"/v1/jobs/{job['id']}/input?after={job['cursor']}").body == data
    broker.pause()
    leaver = cluster.apis[1].client(timeout=0.3)
    with pytest.raises(OSError):
        leaver.get(f"/v1/jobs/{job['id']}/input")
    begin = time.monotonic()
    answer = two.get(f"/v1/jobs/{job['id']}/input")
    assert time.monotonic() - begin < (ANSWER_S + 2) * PATIENCE
    check_problem(answer, 503, "log-away")
    assert two.job(job["id"])["state"] == "scheduled"
    broker.resume()
    assert until(lambda: two.get(f"/v1/jobs/{job['id']}/input"), 30).status in (200, 503)
    until(lambda: two.get(f"/v1/jobs/{job['id']}/input").body == data, 30, "the body")


def test_what_may_exist_is_not_called_unknown_and_what_is_behind_says_so(away):
    cluster, broker = away
    one, two = (node.client() for node in cluster.apis)
    job = one.submit("echo", 1, delay_ms=HOUR)
    near = job["id"][:-1] + ("0" if job["id"][-1] != "0" else "1")
    check_problem(two.get(f"/v1/jobs/{near}"), 404, "not-found")
    broker.pause()
    begin = time.monotonic()
    check_problem(two.get(f"/v1/jobs/{near}"), 503, "log-away")
    assert time.monotonic() - begin < (ANSWER_S + 2) * PATIENCE
    check_problem(two.get("/v1/jobs/00000000000000000000000000"), 404, "not-found")
    log, pos = job["cursor"].split("-")
    answer = two.get(f"/v1/jobs/{job['id']}?after={log}-{int(pos) + 1000000}")
    check_problem(answer, 503, "behind")
    assert answer.headers["Retry-After"] == "1"
