"""GET /v1/snapshot: a copy of the view, for whom it is, and what it is good for."""
import sqlite3
import threading

from client import check_problem
from keyed import Keyed

BIG = 4 * 1024 * 1024


def test_a_snapshot_is_an_administrators(start):
    service = start("--slots", "1")
    keyed = Keyed(service)
    check_problem(service.client().get("/v1/snapshot"), 401, "no-key")
    check_problem(service.client().get("/v1/snapshot?ticket=" + keyed.boss.key[:-1] + "x"), 401, "no-key")
    check_problem(service.client().get("/v1/snapshot?ticket=" + keyed.boss.key), 401, "no-key")     # a key is no ticket
    check_problem(keyed.a.get("/v1/snapshot"), 403, "no-right")
    answer = keyed.boss.get("/v1/snapshot")
    assert answer.status == 200 and answer.media_type == "application/vnd.sqlite3", answer
    assert answer.body.startswith(b"SQLite format 3\0") and len(answer.body) == int(answer.headers["Content-Length"])
    assert not [file.name for file in service.data.glob("copy-*")]


def test_a_service_goes_on_from_a_copy(start, make):
    service = start("--slots", "1", "--demo-scale", "0.01")
    api = service.client()
    ended = [api.run("echo", i) for i in range(5)]
    later = api.submit("echo", 6, delay_ms=3_600_000)
    copy = api.get("/v1/snapshot").body
    assert api.run("echo", "later than the copy")["state"] == "succeeded"
    again = make("--slots", "1", "--demo-scale", "0.01")
    file = again.data / "buzzer.db"
    file.write_bytes(copy)
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    db.close()
    again.start()
    two = again.client()
    assert [two.job(job["id"]) for job in ended] == ended and two.job(later["id"])["state"] == "scheduled"
    assert [two.result(job["id"]).json for job in ended] == [api.result(job["id"]).json for job in ended]
    assert len(two.get("/v1/jobs").json["jobs"]) == 6
    assert two.run("echo", "goes on")["state"] == "succeeded"


def test_one_copy_at_a_time(start):
    """The view is so large that the first is still at it when the second comes."""
    service = start("--slots", "1", "--http-threads", "2")
    api = service.client()
    for _ in range(8):
        api.submit_bytes("echo", bytes(BIG), "application/octet-stream", delay_ms=3_600_000)
    gate, answers = threading.Barrier(2), []

    def ask():
        client = service.client()
        client.get("/livez")
        gate.wait()
        answers.append(client.get("/v1/snapshot"))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    refused, given = sorted(answers, key=lambda answer: answer.status, reverse=True)
    check_problem(refused, 503, "busy")
    assert given.status == 200 and len(given.body) > 8 * BIG
    assert api.get("/v1/snapshot").status == 200
