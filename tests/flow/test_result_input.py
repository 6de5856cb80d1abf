"""GET .../result and .../input: bytes as they were, and when there are none."""
import json
import random

import pytest

from client import check_problem


def test_a_result_has_its_own_media_type(api):
    job = api.run("primes", {"below": 100})
    answer = api.result(job["id"])
    assert answer.media_type == "application/json" and answer.json == {"count": 25, "largest": 97}


def test_an_unfinished_job_has_no_result_yet(api):
    job = api.submit("sleep", {"seconds": 60})
    answer = api.get(f"/v1/jobs/{job['id']}/result")
    check_problem(answer, 409, "not-finished")
    assert int(answer.headers["Retry-After"]) >= 0
    api.cancel(job["id"])
    api.wait(job["id"])
    check_problem(api.get(f"/v1/jobs/{job['id']}/result"), 409, "no-result")


def test_a_failed_job_says_its_error_where_the_result_would_be(start):
    service = start(settings={"types": [{"name": "bad", "max_attempts": 1, "command": [
        "/bin/sh", "-c", "echo the cable is unplugged >&2; exit 3"]}]})
    api = service.client()
    job = api.run("bad", 1)
    assert job["state"] == "failed" and job["error"]["code"] == "handler_error"
    problem = check_problem(api.get(f"/v1/jobs/{job['id']}/result"), 409, "no-result")
    assert "handler_error" in json.dumps(problem)


def test_the_input_is_as_it_was_sent(api):
    job = api.run("echo", {"b": 1, "a": [1.0, "x"]})
    answer = api.get(f"/v1/jobs/{job['id']}/input")
    assert answer.media_type == "application/json" and answer.json == {"b": 1, "a": [1.0, "x"]}


@pytest.mark.parametrize("size, inline", [(65535, True), (65536, True), (65537, False), (500000, False)])
def test_a_json_result_stands_in_the_job_up_to_64_kib(api, size, inline):
    text = "x" * (size - 2)
    job = api.run("echo", text)
    assert job["state"] == "succeeded"
    assert job["result"] == (text if inline else None)
    assert api.result(job["id"]).json == text


@pytest.mark.parametrize("size", [0, 1, 16383, 65535, 65536, 1 << 20, (16 << 20) - 1, 16 << 20])
def test_bytes_come_back_whatever_their_size(api, size):
    data = random.Random(size).randbytes(size)
    job = api.submit_bytes("echo", data, "application/octet-stream")
    assert api.wait(job["id"])["state"] == "succeeded"
    assert api.result(job["id"]).body == data
    assert api.get(f"/v1/jobs/{job['id']}/input").body == data


def test_a_result_of_bytes_is_never_in_the_job(api):
    job = api.submit_bytes("echo", b"small", "text/plain")
    assert api.wait(job["id"])["result"] is None
    assert api.result(job["id"]).body == b"small"


def test_downloads_are_not_run_by_a_browser(api):
    job = api.submit_bytes("echo", b"<script>alert(1)</script>", "text/html")
    api.wait(job["id"])
    for tail in ("result", "input"):
        answer = api.get(f"/v1/jobs/{job['id']}/{tail}")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        sandboxed = "sandbox" in answer.headers.get("Content-Security-Policy", "")
        assert sandboxed or answer.headers.get("Content-Disposition", "").startswith("attachment")
