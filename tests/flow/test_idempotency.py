"""The Idempotency-Key header: a repeat is safe."""
import threading
import uuid

import pytest

from client import check_problem


def key():
    return {"Idempotency-Key": uuid.uuid4().hex}


def test_the_same_key_and_submission_is_the_same_job(api):
    headers = key()
    first = api.submit("echo", {"a": 1, "b": [1, 2]}, headers, priority=3)
    again = api.submit("echo", {"b": [1, 2], "a": 1}, headers, priority=3)
    assert again["id"] == first["id"]
    api.wait(first["id"])
    assert api.submit("echo", {"a": 1, "b": [1, 2]}, headers, priority=3)["state"] == "succeeded"


def test_quotes_of_a_structured_field_do_not_matter(api):
    word = uuid.uuid4().hex
    first = api.submit("echo", 1, {"Idempotency-Key": word})
    assert api.submit("echo", 1, {"Idempotency-Key": f'"{word}"'})["id"] == first["id"]


@pytest.mark.parametrize("other", [{"input": 2}, {"type": "sleep", "input": {"seconds": 0}}, {"priority": 6},
                                   {"tags": ["x"]}, {"queue": "q"}, {"max_attempts": 2}, {"timeout_ms": 9999}])
def test_the_same_key_with_something_else_is_refused(api, other):
    headers = key()
    job = api.submit("echo", 1, headers)
    answer = api.post("/v1/jobs", {"type": "echo", "input": 1, **other}, headers)
    check_problem(answer, 422, "idempotency-key-reused")
    assert api.submit("echo", 1, headers)["id"] == job["id"]


def test_a_refused_request_leaves_no_key(api):
    headers = key()
    check_problem(api.post("/v1/jobs", {"type": "primes", "input": {"below": "x"}}, headers), 422, "invalid-input")
    assert api.submit("primes", {"below": 10}, headers)["id"]


def test_raw_bodies_have_keys_too(api):
    headers = {**key(), "Content-Type": "text/plain"}
    answers = [api.post("/v1/jobs?type=echo", b"abc", headers) for _ in range(2)]
    assert answers[0].json["id"] == answers[1].json["id"]
    check_problem(api.post("/v1/jobs?type=echo", b"abd", headers), 422, "idempotency-key-reused")


def test_fifty_at_once_make_one_job(service, api):
    before = api.metric("buzzer_jobs_submitted_total")
    headers, ids, barrier = key(), [], threading.Barrier(50)

    def submit():
        client = service.client()
        client.get("/livez")
        barrier.wait()
        ids.append(client.submit("echo", "once", headers)["id"])

    threads = [threading.Thread(target=submit) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ids) == 50 and len(set(ids)) == 1
    assert api.metric("buzzer_jobs_submitted_total") == before + 1


def test_jobs_without_a_key_are_never_the_same(api):
    assert api.submit("echo", 1)["id"] != api.submit("echo", 1)["id"]


@pytest.mark.parametrize("bad", ["", '""', "x" * 256, "a\tb", "\xe9"])
def test_a_bad_key_is_refused(api, bad):
    check_problem(api.post("/v1/jobs", {"type": "echo", "input": 1}, {"Idempotency-Key": bad}), 400,
                  "bad-idempotency-key")


@pytest.mark.parametrize("length", [1, 254, 255])
def test_a_key_may_have_up_to_255_characters(api, length):
    word = (uuid.uuid4().hex * 8)[:length] if length > 1 else "~"
    assert api.submit("echo", 1, {"Idempotency-Key": word})["id"]


def test_a_key_holds_across_a_restart(start):
    service = start()
    first = service.client().submit("echo", 1, {"Idempotency-Key": "k"})
    service.stop()
    service.start()
    assert service.client().submit("echo", 1, {"Idempotency-Key": "k"})["id"] == first["id"]


def test_a_key_holds_when_the_defaults_of_its_type_have_changed(start):
    def settings(**defaults):
        return {"types": [{"name": "mine", "command": ["/bin/cat"], **defaults}]}

    service = start(settings=settings(timeout_ms=60000))
    first = service.client().submit("mine", 1, {"Idempotency-Key": "k"})
    service.stop()
    service.configure(settings(timeout_ms=50000, max_attempts=2, keep_ms=7200000))
    service.start()
    api = service.client()
    assert api.submit("mine", 1, {"Idempotency-Key": "k"})["id"] == first["id"]
    answer = api.post("/v1/jobs", {"type": "mine", "input": 1, "timeout_ms": 50000}, {"Idempotency-Key": "k"})
    check_problem(answer, 422, "idempotency-key-reused")


def test_a_key_outlives_its_removed_job(start):
    from service import until
    api = start().client()
    job = api.submit("echo", 1, {"Idempotency-Key": "k"}, keep_ms=0)
    until(lambda: api.get(f"/v1/jobs/{job['id']}").status == 404, 30, "its removal")
    answer = api.post("/v1/jobs", {"type": "echo", "input": 1, "keep_ms": 0}, {"Idempotency-Key": "k"})
    check_problem(answer, 409, "job-removed")


def test_who_waits_with_a_key_gets_the_finished_job(api):
    headers = {**key(), "Prefer": "wait=10"}
    for _ in range(2):
        answer = api.post("/v1/jobs", {"type": "echo", "input": 1}, headers)
        assert answer.status == 200 and answer.json["result"] == 1
