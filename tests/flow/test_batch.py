"""POST /v1/jobs:batch: all or none, in order."""
import pytest

from client import check_problem


def test_a_batch_is_accepted_in_order(api):
    answer = api.post("/v1/jobs:batch", {"jobs": [{"type": "echo", "input": i} for i in range(50)]})
    assert answer.status == 202, answer
    assert answer.json["batch"]["id"]
    ids = [job["id"] for job in answer.json["jobs"]]
    assert len(set(ids)) == 50
    assert [api.wait(id)["result"] for id in ids] == list(range(50))


def test_one_fault_refuses_all_and_is_pointed_at(api):
    before = api.metric("buzzer_jobs_submitted_total")
    jobs = [{"type": "primes", "input": {"below": 10}} for _ in range(10)]
    jobs[3]["input"] = {"below": "x"}
    jobs[7]["priority"] = 99
    jobs[9] = 5
    answer = api.post("/v1/jobs:batch", {"jobs": jobs})
    check_problem(answer, 422, "invalid-input", ["#/jobs/3/input/below", "#/jobs/7/priority", "#/jobs/9"])
    assert api.metric("buzzer_jobs_submitted_total") == before


@pytest.mark.parametrize("n, status", [(1, 202), (999, 202), (1000, 202), (1001, 422), (0, 422)])
def test_a_batch_has_up_to_1000_jobs(api, n, status):
    answer = api.post("/v1/jobs:batch", {"jobs": [{"type": "echo", "input": 1, "keep_ms": 1000}] * n})
    assert answer.status == status, answer
    if status == 202:
        assert len({job["id"] for job in answer.json["jobs"]}) == n
        api.wait(answer.json["jobs"][-1]["id"])


@pytest.mark.parametrize("body, pointers", [
    ({}, ["#/jobs"]), ({"jobs": 5}, ["#/jobs"]), ({"jobs": [{"type": "echo", "input": 1}], "more": 1}, ["#/more"])])
def test_what_is_no_batch_is_refused(api, body, pointers):
    check_problem(api.post("/v1/jobs:batch", body), 422, "invalid-input", pointers)


def test_a_batch_is_json(api):
    check_problem(api.post("/v1/jobs:batch", b"x", {"Content-Type": "text/plain"}), 415, "unsupported-media-type")
    check_problem(api.post("/v1/jobs:batch", b"{", {"Content-Type": "application/json"}), 400, "not-json")


def test_a_thousand_faults_are_bounded(api):
    answer = api.post("/v1/jobs:batch", {"jobs": [{"type": "echo", "priority": 99}] * 1000})
    problem = check_problem(answer, 422, "invalid-input")
    assert 50 <= len(problem["errors"]) <= 60
