"""GET /v1/jobs/{id}: what is told, when, and how long it waits."""
import threading
import time

import pytest

from client import check_problem
from service import until


@pytest.mark.parametrize("id", ["nosuch", "0" * 26, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a" * 3000, "%00", "ü"])
@pytest.mark.parametrize("tail", ["", "/result", "/input", "/events"])
def test_a_job_nobody_knows_is_not_found(api, id, tail):
    from urllib.parse import quote
    answer = api.get(f"/v1/jobs/{quote(id, safe='%.')}{tail}")
    assert answer.status in (400, 404), answer
    if id in ("nosuch", "0" * 26, "01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        check_problem(answer, 404, "not-found")


def test_an_unfinished_job_says_when_to_ask_again_and_a_finished_one_does_not(api):
    job = api.submit("sleep", {"seconds": 60})
    assert int(api.get(f"/v1/jobs/{job['id']}").headers["Retry-After"]) >= 0
    api.cancel(job["id"])
    api.wait(job["id"])
    assert "Retry-After" not in api.get(f"/v1/jobs/{job['id']}").headers


def test_waiting_ends_when_the_job_ends(api, service):
    job = api.submit("sleep", {"seconds": 60})
    other = service.client()
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(other.get(f"/v1/jobs/{job['id']}?wait=60")))
    waiter.start()
    api.wait(job["id"], states={"running"})
    assert not answers
    api.cancel(job["id"])
    waiter.join(20)
    assert answers[0].status == 200 and answers[0].json["state"] == "cancelled"


def test_waiting_ends_when_the_time_is_up(api):
    job = api.submit("sleep", {"seconds": 60})
    begin = time.monotonic()
    answer = api.get(f"/v1/jobs/{job['id']}?wait=1")
    assert answer.status == 200 and answer.json["state"] in ("queued", "running")
    assert time.monotonic() - begin >= 1
    assert "Retry-After" in answer.headers
    api.cancel(job["id"])


def test_who_waits_for_a_finished_job_has_it_at_once(api):
    job = api.run("echo", 1)
    assert api.get(f"/v1/jobs/{job['id']}?wait=61").json == job


@pytest.mark.parametrize("query", ["wait=x", "wait=-1", "wait=", "wait=1&wait=2", "colour=red"])
def test_a_wrong_query_is_refused(api, query):
    job = api.run("echo", 1)
    check_problem(api.get(f"/v1/jobs/{job['id']}?{query}"), 400, "bad-query")


def test_a_hundred_wait_for_one_job(service):
    api = service.client()
    job = api.submit("sleep", {"seconds": 60})
    states = []

    def ask():
        states.append(service.client().get(f"/v1/jobs/{job['id']}?wait=60").json["state"])

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    api.wait(job["id"], states={"running"})
    api.cancel(job["id"])
    for thread in threads:
        thread.join(30)
    assert states == ["cancelled"] * 100


def test_a_waiter_who_goes_away_leaves_nothing_behind(api, service):
    from raw import Raw
    job = api.submit("sleep", {"seconds": 60})
    for _ in range(50):
        with Raw(service.port) as raw:
            raw.send(f"GET /v1/jobs/{job['id']}?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    api.cancel(job["id"])
    assert api.wait(job["id"])["state"] == "cancelled"


def test_head_says_what_get_says_without_the_body(api):
    job = api.run("echo", "x" * 1000)
    for path in (f"/v1/jobs/{job['id']}", f"/v1/jobs/{job['id']}/result", f"/v1/jobs/{job['id']}/input", "/v1/jobs",
                 "/v1/types", "/livez", "/readyz", "/openapi.json", "/asyncapi.json", "/docs/problems"):
        full, head = api.get(path), api.request("HEAD", path)
        assert (head.status, head.body) == (full.status, b""), path
        assert head.headers["Content-Type"] == full.headers["Content-Type"], path
        assert head.headers["Content-Length"] == str(len(full.body)), path


def test_types_tell_what_can_be_submitted(api):
    types = {type["name"]: type for type in api.get("/v1/types").json["types"]}
    assert {"primes", "sleep", "echo"} <= set(types)
    for type in types.values():
        assert set(type) >= {"name", "description", "input_schema", "content_types", "params", "timeout_ms",
                             "max_attempts", "concurrency"}, type
    assert types["primes"]["input_schema"]["properties"]["below"]


def test_progress_is_told_while_it_runs(start):
    service = start(settings={"types": [{"name": "steps", "command": [
        "/bin/sh", "-c", "echo '{\"percent\":40,\"message\":\"page 2 of 5\"}' >&3; sleep 60"]}]})
    api = service.client()
    job = api.submit("steps", 1)
    until(lambda: api.job(job["id"])["progress"] == {"percent": 40, "message": "page 2 of 5"}, what="its progress")
    api.cancel(job["id"])
    api.wait(job["id"])
