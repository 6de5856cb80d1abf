"""?after=CURSOR: what was told of a job can be read here, or the answer says that it cannot yet."""
import threading
import time

import pytest

from client import check_problem

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
