"""GET /v1/workers: who runs jobs, and what of. On the embedded log that is this very process; on Kafka also what
becomes of names, and of jobs that several workers could remove."""
import datetime
import re
import shutil
import signal
import socket

import pytest

from client import check_problem
from kafka_topics import events_of
from service import until


def workers(api):
    answer = api.get("/v1/workers")
    assert answer.status == 200 and answer.media_type == "application/json", answer
    return answer.json["workers"]


def seconds_ago(text):
    then = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (datetime.datetime.now(datetime.timezone.utc) - then).total_seconds()


def test_the_one_worker_of_an_embedded_service_is_told(start):
    service = start("--slots", "3")
    api = service.client()
    worker, = until(lambda: workers(api), what="the first heartbeat")
    assert set(worker) == {"id", "host", "pid", "version", "started_at", "last_seen_at", "slots", "running", "types",
                           "draining"}
    assert worker["pid"] == service.process.pid and worker["slots"] == 3 and worker["draining"] is False
    assert re.fullmatch(r"[A-Za-z0-9._-]+\.[0-9a-f]{8}-[0-9a-f]{8}", worker["id"])
    assert worker["host"] == re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:63]
    assert set(worker["types"]) == {entry["name"] for entry in api.get("/v1/types").json["types"]}
    assert 0 <= seconds_ago(worker["last_seen_at"]) <= 60 and 0 <= seconds_ago(worker["started_at"]) <= 60
    assert re.fullmatch(r"\d+\.\d+\.\d+", worker["version"])


def test_a_jobs_attempts_name_the_worker_that_is_listed(start):
    api = start().client()
    done = api.wait(api.submit("echo", {"a": 1})["id"])
    worker, = until(lambda: workers(api), what="the first heartbeat")
    assert done["attempts"][0]["worker"] == worker["id"]


def test_what_runs_is_counted(start):
    api = start("--slots", "2", "--lease-ms", "1000").client()
    job = api.submit("sleep", {"seconds": 60})
    until(lambda: [worker["running"] for worker in workers(api)] == [1], what="a heartbeat that tells of it")
    assert api.post(f"/v1/jobs/{job['id']}:cancel").status == 202
    until(lambda: [worker["running"] for worker in workers(api)] == [0], what="a heartbeat that tells of its end")


def test_the_folder_keeps_its_name_over_a_restart_and_each_life_gets_its_own(start):
    service = start()
    first, = until(lambda: workers(service.client()), what="the first heartbeat")
    service.stop()
    service.start()
    second, = until(lambda: workers(service.client()), what="the first heartbeat")
    assert first["id"] != second["id"]
    assert first["id"].rsplit("-", 1)[0] == second["id"].rsplit("-", 1)[0]


def test_a_worker_that_drains_says_so(start):
    service = start("--lease-ms", "1000")
    api = service.client()
    api.submit("sleep", {"seconds": 3})
    until(lambda: [worker["running"] for worker in workers(api)] == [1], what="the job to run")
    service.signal(signal.SIGTERM)
    until(lambda: [worker["draining"] for worker in workers(api)] == [True], what="a heartbeat that tells of the drain")
    service.ended()


def test_what_is_not_known_in_the_query_is_refused(api):
    check_problem(api.get("/v1/workers?pool=a"), 400, "bad-query")


def test_a_damaged_name_of_the_folder_stops_the_start(start):
    service = start()
    service.stop()
    (service.data / "node").write_text("nonsense\n")
    service.expect("cannot start")
    with pytest.raises(AssertionError, match="at its start"):
        service.start()
    assert service.process.wait(10) != 0
    (service.data / "node").unlink()
    service.start()


def test_a_copied_data_folder_is_told_of_by_both_that_have_it(make, kafka, tmp_path):
    flags = {"kafka": kafka.brokers, "topics": kafka.topics, "roles": "worker"}
    one = make("--lease-ms", "1500", **flags).start()
    until(lambda: (one.data / "buzzer.db").exists(), what="its view")
    one.stop()
    copy = tmp_path / "copy"
    shutil.copytree(one.folder, copy)
    two = make("--lease-ms", "1500", folder=copy, **flags)
    for service in (one, two):
        service.expect("THE DATA FOLDER WAS COPIED")
        service.start()
    for service in (one, two):
        until(lambda: "THE DATA FOLDER WAS COPIED" in service.log.read_text(), what="the alarm")


def test_a_worker_that_comes_back_is_no_copy_of_itself(start_cluster):
    cluster = start_cluster(apis=1, workers=1, lease_ms=1500)
    worker = cluster.workers[0]
    for _ in range(2):
        worker.kill()
        worker.start()
        cluster.until_ready()
    assert "COPIED" not in worker.log.read_text()


def test_what_is_over_is_removed_once_although_many_could(start_cluster):
    cluster = start_cluster(apis=1, workers=3)
    api = cluster.apis[0].client()
    # Who has heard of nobody else sweeps; all read the same heartbeats.
    until(lambda: len(api.get("/v1/workers").json["workers"]) == 3, 10, "three workers")
    ids = [api.submit("echo", i, keep_ms=1)["id"] for i in range(20)]
    for id in ids:
        until(lambda: api.get(f"/v1/jobs/{id}").status == 404, 20, "its removal")
    removals = [event for event in events_of(cluster.kafka) if event["kind"] == "removed"]
    assert sorted(event["job"] for event in removals) == sorted(ids)
    assert len({event["from"] for event in removals}) == 1
