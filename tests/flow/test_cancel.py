"""POST .../{id}:cancel"""
import pytest

from client import check_problem
from service import running_with, until


def test_a_running_job_is_stopped(api):
    job = api.submit("sleep", {"seconds": 60})
    api.wait(job["id"], states={"running"})
    answer = api.cancel(job["id"])
    assert answer.status == 202 and answer.json["id"] == job["id"]
    assert answer.json["cancel_requested"] is True or answer.json["state"] == "cancelled"
    job = api.wait(job["id"])
    assert job["state"] == "cancelled" and job["result"] is None and job["finished_at"]
    assert len(job["attempts"]) == 1 and job["attempts"][0]["finished_at"]


def test_a_waiting_job_is_cancelled_at_once(start):
    api = start("--slots", "1").client()
    blocker = api.submit("sleep", {"seconds": 60})
    api.wait(blocker["id"], states={"running"})
    job = api.submit("echo", 1)
    answer = api.cancel(job["id"])
    assert answer.status == 202 and answer.json["state"] == "cancelled" and answer.json["attempt"] == 0
    api.cancel(blocker["id"])


def test_a_scheduled_job_is_cancelled_at_once(api):
    job = api.submit("echo", 1, delay_ms=3600000)
    assert api.cancel(job["id"]).json["state"] == "cancelled"
    assert api.job(job["id"])["state"] == "cancelled"


def test_a_finished_job_cannot_be_cancelled(api):
    job = api.run("echo", 1)
    check_problem(api.cancel(job["id"]), 409, "already-finished")
    assert api.job(job["id"]) == job


def test_a_cancelled_job_cannot_be_cancelled_again(api):
    job = api.submit("echo", 1, delay_ms=3600000)
    api.cancel(job["id"])
    check_problem(api.cancel(job["id"]), 409, "already-finished")


@pytest.mark.parametrize("id", ["nosuch", "0" * 26])
def test_a_job_nobody_knows_cannot_be_cancelled(api, id):
    check_problem(api.cancel(id), 404, "not-found")


def test_asking_twice_while_it_is_being_stopped_is_fine(start):
    service = start(settings={"types": [{"name": "stubborn", "kill_grace_ms": 800, "command": [
        "/bin/sh", "-c", "trap '' TERM; sleep 4242.1 & wait; sleep 4242.1"]}]})
    api = service.client()
    job = api.submit("stubborn", 1)
    until(lambda: running_with("4242.1"), what="the command")
    assert [api.cancel(job["id"]).status for _ in range(3)] == [202] * 3
    assert api.wait(job["id"])["state"] == "cancelled"
    until(lambda: not running_with("4242.1"), 1, "the end of its processes")


def test_a_cancel_of_many_leaves_no_success_behind_it(api):
    ids = [api.submit("sleep", {"seconds": 0.02})["id"] for _ in range(60)]
    said = {id: api.cancel(id).status for id in ids}
    for id in ids:
        job = api.wait(id)
        if said[id] == 202:
            assert job["state"] == "cancelled", job
        else:
            assert said[id] == 409 and job["state"] == "succeeded", job
