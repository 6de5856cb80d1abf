"""One service on many machines, from outside: whatever one node took, every other knows, does, tells and stops."""
import json
import threading
import time

import pytest
from client import check_problem
from cluster import LEASE_MS, known_workers
from journal import pos_of
from kafka_topics import events_of, said_in, text_of
from schemas import schema_of
from service import PATIENCE, running_with, until
from sockets import Socket, kinds
from sse import Stream


@pytest.fixture(scope="module", autouse=True)
def long_job(shared_cluster):
    """Runs beside all other tests here, for longer than six leases."""
    return shared_cluster.clients()[0].submit("sleep", {"seconds": 6.5 * LEASE_MS / 1000}, queue="long")["id"]


@pytest.fixture
def one(cluster):
    client = cluster.clients()[0]
    yield client
    client.close()


@pytest.fixture
def two(cluster):
    client = cluster.clients()[1]
    yield client
    client.close()


def test_what_one_node_took_the_other_knows_at_once(one, two):
    for i in range(30):
        job = one.submit("echo", i)
        there = two.job(job["id"])          # never a 404
        assert pos_of(there["cursor"]) >= pos_of(job["cursor"]) and there["created_at"] == job["created_at"]
        assert two.wait(job["id"])["result"] == i
        assert two.result(job["id"]).json == i


def test_an_id_that_is_none_is_unknown_everywhere(one, two):
    for api in (one, two):
        check_problem(api.get("/v1/jobs/01m82n3cx0dnactvn3pdm8d245"), 404, "not-found")


def test_a_cursor_is_honoured_by_every_node(one, two):
    """Read your own writes: with ?after= no node shows anything older, however fast one asks."""
    for i in range(30):
        job = one.submit("echo", i)
        ended = one.wait(job["id"])
        answer = two.get(f"/v1/jobs/{job['id']}?after={ended['cursor']}")
        assert answer.status == 200 and answer.json["state"] == "succeeded", answer


def test_events_come_from_the_other_node(cluster, one, two):
    with Socket(cluster.apis[1], "?all=1&tag=told") as socket, Stream(cluster.apis[1].port, "/v1/events?tag=told") as stream:
        socket.answer("subscribed")
        assert stream.next()[0] == "subscribed"
        id = one.submit("echo", 1, tags=["told"])["id"]
        events = socket.events_until("job.succeeded", id)
        assert kinds(events) == ["job.queued", "job.running", "job.succeeded"]
        streamed = []
        while not streamed or streamed[-1]["type"] != "job.succeeded":
            streamed.append(stream.next()[1])
        assert [e["id"] for e in streamed] == [e["id"] for e in events]
        assert two.job(id) == events[-1]["data"] == one.job(id, after=events[-1]["cursor"])


def test_a_cursor_of_one_node_resumes_at_the_other(cluster, one):
    with Socket(cluster.apis[0], "?all=1&tag=resume") as socket:
        socket.answer("subscribed")
        ids = [one.submit("echo", i, tags=["resume"])["id"] for i in range(5)]
        whole, done = [], 0
        while done < 5:
            whole.append(socket.event())
            done += whole[-1]["type"] == "job.succeeded"
    assert {event["subject"] for event in whole} == set(ids)
    for i, event in enumerate(whole):
        with Socket(cluster.apis[1], f"?all=1&tag=resume&after={event['cursor']}") as socket:
            assert socket.answer("subscribed")["recovered"] is True
            assert [socket.event() for _ in whole[i + 1:]] == whole[i + 1:]


def test_a_key_used_at_both_nodes_at_once_is_one_job(one, two):
    for i in range(20):
        answers, together = [], threading.Barrier(2)

        def post(api):
            together.wait()
            answers.append(api.post("/v1/jobs", {"type": "echo", "input": i, "tags": ["both"]}, {"Idempotency-Key": f"both {i}"}))

        threads = [threading.Thread(target=post, args=(api,)) for api in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30 * PATIENCE)
        assert [answer.status for answer in answers] == [202, 202], answers
        assert len({answer.json["id"] for answer in answers}) == 1
    assert len(one.get("/v1/jobs?tag=both").json["jobs"]) == 20
    answer = two.post("/v1/jobs", {"type": "echo", "input": "another"}, {"Idempotency-Key": "both 1"})
    check_problem(answer, 422, "idempotency-key-reused")


def test_a_running_job_is_cancelled_from_the_other_node_within_a_second(one, two):
    id = one.submit("stay", 1)["id"]
    until(lambda: running_with("71.7"), what="the command")
    begin = time.monotonic()
    assert two.cancel(id).status == 202
    until(lambda: not running_with("71.7"), 1, "the end of the command")
    job = one.wait(id, seconds=2 * PATIENCE)
    assert job["state"] == "cancelled" and time.monotonic() - begin < 1 * PATIENCE
    assert two.wait(id) == job
    check_problem(one.cancel(id), 409, "already-finished")


def test_a_failed_job_is_retried_from_the_other_node(one, two):
    id = one.submit("fails", 1)["id"]
    assert two.wait(id)["state"] == "failed"
    assert two.post(f"/v1/jobs/{id}:retry").status == 202
    job = until(lambda: (job := one.job(id))["state"] == "failed" and len(job["attempts"]) == 4 and job, what="four attempts")
    assert [a["attempt"] for a in job["attempts"]] == [1, 2, 3, 4] and job["max_attempts"] == 4
    assert two.job(id, after=job["cursor"]) == job


def test_a_batch_is_taken_whole_or_not_at_all(one, two):
    jobs = [{"type": "echo", "input": i, "tags": ["batch"]} for i in range(200)]
    answer = one.post("/v1/jobs:batch", {"jobs": jobs[:100] + [{"type": "nosuch"}] + jobs[100:]})
    check_problem(answer, 422, "invalid-input", ["#/jobs/100/type"])
    assert two.get("/v1/jobs?tag=batch").json["jobs"] == []
    answer = one.post("/v1/jobs:batch", {"jobs": jobs})
    assert answer.status == 202, answer
    ids = [job["id"] for job in answer.json["jobs"]]
    listed = two.get(f"/v1/jobs?tag=batch&page_size=500&after={answer.json['jobs'][-1]['cursor']}").json["jobs"]
    assert [job["id"] for job in listed] == ids[::-1]
    assert [two.wait(id)["result"] for id in ids] == list(range(200))


@pytest.mark.parametrize("size", [65535, 65536, 65537, 1 << 20])
def test_large_inputs_and_results_reach_every_node(one, two, size):
    data = bytes(i * 7 % 251 for i in range(1000)) * (size // 1000 + 1)
    data = data[:size]
    id = one.submit_bytes("echo", data, "application/octet-stream")["id"]
    answer = two.get(f"/v1/jobs/{id}/input")
    assert answer.body == data and answer.media_type == "application/octet-stream"
    ended = two.wait(id)
    assert ended["state"] == "succeeded"
    for api in (one, two):
        result = api.result(id, after=ended["cursor"])
        assert result.body == data and result.media_type == "application/octet-stream"


def test_large_json_is_the_same_at_every_node(one, two):
    text = "x" * 300000
    id = one.submit("echo", {"text": text})["id"]
    assert two.wait(id)["result"] is None         # too large to stand in the job
    assert two.result(id).json == {"text": text} == one.get(f"/v1/jobs/{id}/input").json


def test_progress_reaches_every_node(cluster, one, two):
    id = one.submit("sleep", {"seconds": 1.5})["id"]
    with Socket(cluster.apis[1], f"?job={id}") as socket:
        socket.answer("subscribed")
        events = socket.events_until("job.succeeded")
    percents = [e["data"]["progress"]["percent"] for e in events if e["type"] == "job.progress"]
    assert percents and percents == sorted(percents), [e["type"] for e in events]


def test_lists_are_the_same_everywhere(one, two):
    ids = [(one, two)[i % 2].submit("echo", i, tags=["listed"])["id"] for i in range(20)]
    last = [one.wait(id)["cursor"] for id in ids]
    lists = [api.get(f"/v1/jobs?tag=listed&after={max(last, key=pos_of)}").json["jobs"] for api in (one, two)]
    assert lists[0] == lists[1] and [job["id"] for job in lists[0]] == ids[::-1]


def test_every_worker_is_known_everywhere(cluster):
    known = [sorted(worker["id"] for worker in known_workers(api)) for api in cluster.apis]
    assert known[0] == known[1] and len(set(known[0])) == 2


def test_all_workers_work(one):
    ids = [one.submit("sleep", {"seconds": 0.5})["id"] for _ in range(8)]
    workers = {one.wait(id)["attempts"][0]["worker"] for id in ids}
    assert len(workers) == 2


def test_a_pause_holds_on_every_node(one, two):
    assert one.post("/v1/queues/held:pause").status == 200
    id = two.submit("echo", 1, queue="held")["id"]
    assert two.run("echo", 2)["state"] == "succeeded"
    queues = {queue["name"]: queue for queue in two.get("/v1/queues").json["queues"]}
    assert queues["held"]["paused"] is True and two.job(id)["state"] == "queued"
    assert two.post("/v1/queues/held:resume").status == 200
    assert one.wait(id)["state"] == "succeeded"


def test_what_happens_can_be_read_in_the_log(cluster, one):
    id = one.run("echo", {"word": "readable"})["id"]
    events = events_of(cluster.kafka)
    assert events[0]["kind"] == "genesis"
    assert [e["kind"] for e in events if e.get("job") == id] == ["submitted", "claimed", "done"]
    assert '"readable"' in text_of(cluster.kafka, "log")


def test_what_stands_in_the_topics_is_what_the_document_tells(cluster, one):
    one.wait(one.submit_bytes("echo", b"x" * 100_000, "application/octet-stream")["id"])
    one.run("fails", None)
    job = one.wait(one.submit("sleep", {"seconds": 0.5})["id"])
    document = one.get("/asyncapi.json").json
    told = {"LogEvent": events_of(cluster.kafka),
            "Beat": said_in(cluster.kafka, "workers"),
            "Progress": said_in(cluster.kafka, "progress")}
    for name, messages in told.items():
        validator = schema_of(document, document["components"]["schemas"][name])
        assert messages
        for message in messages:
            validator.validate(message)
            assert set(message) <= set(validator.schema["properties"]), message
    assert any("blob" in event["data"] for event in told["LogEvent"]) and job["id"] in {p["job"] for p in told["Progress"]}


def test_many_short_jobs_through_all_nodes_all_end(cluster, one, two):
    ids = []
    for api in (one, two):
        answer = api.post("/v1/jobs:batch", {"jobs": [{"type": "echo", "input": i} for i in range(1000)]})
        assert answer.status == 202, answer
        ids += [job["id"] for job in answer.json["jobs"]]
    assert all(two.wait(id, seconds=60 * PATIENCE)["state"] == "succeeded" for id in ids)


def test_a_job_of_many_leases_runs_once(one, two, long_job):
    job = two.wait(long_job, seconds=60 * PATIENCE)
    assert job["state"] == "succeeded" and len(job["attempts"]) == 1, job["attempts"]
    assert one.job(long_job, after=job["cursor"]) == job
