"""GET /v1/queues, and queues that are held back."""
import time
from urllib.parse import quote

import pytest

from client import check_problem
from service import until

HOUR = 3600 * 1000


def queues(api):
    answer = api.get("/v1/queues")
    assert answer.status == 200, answer
    rows = answer.json["queues"]
    names = [row["name"] for row in rows]
    assert names == sorted(names) and len(set(names)) == len(names)
    return {row["name"]: row for row in rows}


def set_paused(api, name, verb):
    answer = api.post(f"/v1/queues/{quote(name, safe='')}:{verb}", b"")
    assert answer.status == 200, answer
    assert answer.json["name"] == name and answer.json["paused"] == (verb == "pause")
    return answer.json


def test_a_queue_counts_what_it_holds(api):
    later = [api.submit("echo", 1, queue="counted", delay_ms=HOUR) for _ in range(3)]
    running = api.submit("sleep", {"seconds": 60}, queue="counted")
    api.wait(running["id"], states={"running"})
    row = queues(api)["counted"]
    assert (row["waiting"], row["scheduled"], row["running"], row["paused"]) == (0, 3, 1, False)
    assert row["oldest_waiting_ms"] is None
    for job in [*later, running]:
        api.cancel(job["id"])
    api.wait(running["id"])
    until(lambda: "counted" not in queues(api), what="an empty queue to go")
    assert "default" in queues(api)


def test_a_paused_queue_starts_nothing_and_then_all_in_order(api):
    assert set_paused(api, "held", "pause")["waiting"] == 0
    jobs = [api.submit("echo", number, queue="held") for number in range(5)]
    first = api.submit("echo", 9, queue="held", priority=9)
    api.run("echo", 1)                                   # others run past it
    api.run("sleep", {"seconds": 0.3}, queue="free")
    row = queues(api)["held"]
    assert (row["waiting"], row["running"], row["paused"]) == (6, 0, True)
    assert row["oldest_waiting_ms"] >= 300
    assert all(api.job(job["id"])["state"] == "queued" for job in jobs)
    set_paused(api, "held", "resume")
    ended = [api.wait(job["id"]) for job in [first, *jobs]]
    started = [(job["attempts"][0]["started_at"], job["created_at"]) for job in ended]
    assert [at for at, _ in started] == sorted(at for at, _ in started), started
    until(lambda: "held" not in queues(api), what="the empty queue to go")


def test_what_runs_already_runs_on(api):
    job = api.submit("sleep", {"seconds": 1}, queue="on-its-way")
    api.wait(job["id"], states={"running"})
    assert set_paused(api, "on-its-way", "pause")["running"] == 1
    assert api.wait(job["id"])["state"] == "succeeded"
    set_paused(api, "on-its-way", "resume")


def batch(api, count, seconds):
    answer = api.post("/v1/jobs:batch", {"jobs": [{"type": "sleep", "input": {"seconds": seconds}}] * count})
    assert answer.status == 202, answer
    return answer.json["jobs"]


def hold_long_ones_for_short(api, count, seconds):
    """Those before them were short, so they are claimed ahead."""
    for job in batch(api, 1000, 0)[-10:]:
        api.wait(job["id"])
    return batch(api, count, seconds)


def test_what_was_claimed_as_short_and_is_long_waits_with_the_others(start):
    api = start("--slots", "2").client()
    hold_long_ones_for_short(api, 40, 2)
    until(lambda: queues(api)["default"]["running"] == 2, what="the others to be given back")
    first = api.submit("echo", 1, priority=9)
    assert api.wait(first["id"], 10)["state"] == "succeeded"
    row = queues(api)["default"]
    assert row["running"] <= 2 and row["waiting"] >= 35, row


def test_a_pause_reaches_what_was_claimed_ahead(start):
    api = start("--slots", "2").client()
    jobs = hold_long_ones_for_short(api, 200, 0.015)
    set_paused(api, "default", "pause")
    until(lambda: queues(api)["default"]["running"] == 0, what="what runs to end")
    waiting = queues(api)["default"]["waiting"]
    assert waiting > 0
    time.sleep(0.2)                                      # nothing is to happen
    row = queues(api)["default"]
    assert (row["waiting"], row["running"]) == (waiting, 0)
    set_paused(api, "default", "resume")
    for job in jobs:
        assert api.wait(job["id"])["state"] == "succeeded"


def test_a_waiting_job_of_a_paused_queue_can_be_cancelled(api):
    set_paused(api, "stopped", "pause")
    job = api.submit("echo", 1, queue="stopped")
    assert api.cancel(job["id"]).json["state"] == "cancelled"
    assert queues(api)["stopped"]["waiting"] == 0        # still there: it is paused
    set_paused(api, "stopped", "resume")


def test_twice_the_same_changes_nothing(api):
    for verb in ("resume", "pause", "pause", "resume", "resume"):
        set_paused(api, "again", verb)
    assert "again" not in queues(api)


@pytest.mark.parametrize("name", ["a/b", "a:b", "x:pause", "A.b-c_9", "q" * 64])
def test_every_name_of_a_queue_will_do(api, name):
    set_paused(api, name, "pause")
    assert queues(api)[name]["paused"]
    set_paused(api, name, "resume")


@pytest.mark.parametrize("name", ["a b", "ü", "q" * 65, "a%00"])
def test_a_name_that_no_queue_can_have_is_refused(api, name):
    answer = api.post(f"/v1/queues/{quote(name, safe='%')}:pause", b"")
    assert answer.status in (400, 404), answer


def test_other_methods_and_queries_are_refused(api):
    check_problem(api.get("/v1/queues/default:pause"), 405, "method-not-allowed")
    check_problem(api.post("/v1/queues", b""), 405, "method-not-allowed")
    check_problem(api.post("/v1/queues/default:pause?for=ever", b""), 400, "bad-query")
    check_problem(api.get("/v1/queues?x=1"), 400, "bad-query")
    assert not queues(api)["default"]["paused"]


def test_a_pause_survives_a_restart(make):
    service = make()
    service.start()
    api = service.client()
    set_paused(api, "kept", "pause")
    jobs = [api.submit("echo", number, queue="kept") for number in range(3)]
    later = api.submit("echo", 1, queue="kept", delay_ms=HOUR)
    service.stop()
    service.start()
    api = service.client()
    api.run("echo", 1)
    row = until(lambda: (queues(api) if api.get("/v1/queues").status == 200 else {}).get("kept"), what="the counts")
    assert (row["waiting"], row["scheduled"], row["paused"]) == (3, 1, True)
    time.sleep(0.2)                                      # nothing is to happen
    assert all(api.job(job["id"])["state"] == "queued" for job in jobs)
    set_paused(api, "kept", "resume")
    for job in jobs:
        assert api.wait(job["id"])["state"] == "succeeded"
    assert api.job(later["id"])["state"] == "scheduled"
