"""Attempts, back-off, and POST .../{id}:retry"""
import pytest

from client import check_problem

FAILS = {"name": "fails", "max_attempts": 3, "backoff_ms": 20, "backoff_max_ms": 50, "command": ["/bin/false"]}
ONCE = {"name": "once", "max_attempts": 1, "command": ["/bin/false"]}
REFUSES = {"name": "refuses", "max_attempts": 5, "backoff_ms": 20, "command": ["/bin/sh", "-c", "exit 65"]}
SECOND = {"name": "second", "max_attempts": 3, "backoff_ms": 20, "command": [
    "/bin/sh", "-c", "[ $JOB_ATTEMPT = 2 ] && echo 2"]}
SLOW = {"name": "slow", "max_attempts": 2, "backoff_ms": 3600000, "backoff_max_ms": 3600000, "command": ["/bin/false"]}


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    from service import Service
    service = Service(tmp_path_factory.mktemp("retry"), settings={"types": [FAILS, ONCE, REFUSES, SECOND, SLOW]}).start()
    yield service.client()
    service.stop()
    service.check_log()


def test_a_failure_is_tried_again_until_no_try_is_left(failing):
    job = failing.run("fails", 1)
    assert job["state"] == "failed" and job["attempt"] == 3 and job["max_attempts"] == 3
    assert [a["attempt"] for a in job["attempts"]] == [1, 2, 3]
    assert all(a["error"]["code"] == "handler_error" and a["finished_at"] and a["worker"] for a in job["attempts"])
    assert job["error"]["code"] == "handler_error" and job["error"]["attempt"] == 3
    assert job["error"]["message"]


def test_a_second_try_may_succeed(failing):
    job = failing.run("second", 1)
    assert job["state"] == "succeeded" and job["attempt"] == 2 and job["result"] == 2 and job["error"] is None
    assert job["attempts"][0]["error"] and job["attempts"][1]["error"] is None


def test_bad_input_is_never_tried_again(failing):
    job = failing.run("refuses", 1)
    assert job["state"] == "failed" and job["attempt"] == 1
    assert job["error"]["code"] == "bad_input" and job["error"]["retryable"] is False


def test_the_client_may_allow_more_or_fewer_tries(failing):
    assert failing.run("fails", 1, max_attempts=1)["attempt"] == 1
    assert failing.run("fails", 1, max_attempts=5)["attempt"] == 5


def test_a_job_between_its_tries_is_retrying_and_can_be_cancelled(failing):
    job = failing.submit("slow", 1)
    job = failing.wait(job["id"], states={"retrying"})
    assert job["error"]["code"] == "handler_error" and job["error"]["retryable"] is True and job["attempt"] == 1
    assert job["finished_at"] is None and "Retry-After" in failing.get(f"/v1/jobs/{job['id']}").headers
    assert failing.cancel(job["id"]).json["state"] == "cancelled"


def test_a_failed_job_can_be_queued_again(failing):
    job = failing.run("once", 1)
    assert job["state"] == "failed"
    answer = failing.post(f"/v1/jobs/{job['id']}:retry")
    assert answer.status == 202, answer
    again = answer.json
    assert again["state"] in ("queued", "running", "failed") and again["max_attempts"] == 2
    assert again["attempts"][0] == job["attempts"][0]
    job = failing.wait(job["id"])
    assert job["state"] == "failed" and job["attempt"] == 2 and len(job["attempts"]) == 2


def test_a_retry_raises_the_allowance_by_the_first_one(failing):
    job = failing.run("fails", 1)
    failing.post(f"/v1/jobs/{job['id']}:retry")
    job = failing.wait(job["id"])
    assert job["attempt"] == 6 and job["max_attempts"] == 6 and len(job["attempts"]) == 6


def test_a_cancelled_job_can_be_queued_again_without_its_delay(failing):
    job = failing.submit("echo", "x", delay_ms=3600000, expires_in_ms=7200000)
    failing.cancel(job["id"])
    answer = failing.post(f"/v1/jobs/{job['id']}:retry")
    assert answer.status == 202 and answer.json["run_at"] is None and answer.json["finished_at"] is None
    assert failing.wait(job["id"])["result"] == "x"


def test_an_expired_job_can_be_queued_again_and_does_not_expire_anew(start):
    api = start("--slots", "1").client()
    blocker = api.submit("sleep", {"seconds": 60})
    api.wait(blocker["id"], states={"running"})
    job = api.submit("echo", "x", expires_in_ms=100)
    assert api.wait(job["id"])["state"] == "expired"
    assert api.post(f"/v1/jobs/{job['id']}:retry").json["state"] == "queued"
    api.cancel(blocker["id"])
    assert api.wait(job["id"])["state"] == "succeeded"


def test_only_what_ended_without_success_can_be_queued_again(failing):
    job = failing.run("echo", 1)
    check_problem(failing.post(f"/v1/jobs/{job['id']}:retry"), 409, "not-retryable")
    waiting = failing.submit("echo", 1, delay_ms=3600000)
    check_problem(failing.post(f"/v1/jobs/{waiting['id']}:retry"), 409, "not-retryable")
    failing.cancel(waiting["id"])
    check_problem(failing.post(f"/v1/jobs/{'0' * 26}:retry"), 404, "not-found")


def test_the_error_of_an_attempt_shows_what_the_command_said(start):
    service = start(settings={"types": [{"name": "says", "max_attempts": 1, "command": [
        "/bin/sh", "-c", "echo the cable is unplugged >&2; exit 3"]}]})
    job = service.client().run("says", 1)
    assert "the cable is unplugged" in job["error"]["message"] or "3" in job["error"]["message"]
