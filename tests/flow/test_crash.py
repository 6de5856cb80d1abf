"""Handlers that crash on purpose (tests/support/hurt.c): the harm stays in one executor."""
import pytest

from service import SANITIZER, Service, until
from sockets import Socket


@pytest.fixture(scope="module")
def hurting(tmp_path_factory, hurt):
    types = [{"name": name, "shared_object": hurt, "max_attempts": 2, "backoff_ms": 20, "backoff_max_ms": 50,
              "memory_bytes": 256 << 20, "timeout_ms": 60000}
             for name in ("segv", "abort", "exit", "killed", "eat_memory", "spin", "flood", "not_json", "no_result", "bad_input",
                          "fail", "garble", "escape")]
    service = Service(tmp_path_factory.mktemp("hurt"), "--slots", "3", settings={"types": types}).start()
    yield service
    service.stop()
    service.check_log()


@pytest.mark.parametrize("type", ["segv", "abort", "exit"])
def test_a_handler_that_dies_costs_an_attempt_and_is_tried_again(hurting, type):
    job = hurting.client().run(type, {})
    assert job["state"] == "failed" and job["attempt"] == 2 and len(job["attempts"]) == 2
    assert [a["error"]["code"] for a in job["attempts"]] == ["crashed"] * 2
    assert job["error"]["code"] == "crashed" and job["error"]["attempt"] == 2


def test_a_sigkill_from_elsewhere_is_a_crash_or_the_kernels_way_to_get_memory_back(hurting):
    job = hurting.client().run("killed", {})
    assert job["state"] == "failed" and job["attempt"] == 2
    assert {a["error"]["code"] for a in job["attempts"]} <= {"crashed", "out_of_memory"}


@pytest.mark.parametrize("type, names", [("segv", ("SEGV", "11")), ("abort", ("ABRT", "6"))])
def test_the_signal_is_named(hurting, type, names):
    message = hurting.client().run(type, {})["error"]["message"]
    assert SANITIZER or any(name in message for name in names), message


def test_a_handler_that_wants_all_memory_is_stopped(hurting):
    if SANITIZER:
        pytest.skip("a sanitized program reserves terabytes: the limit on address space is off")
    job = hurting.client().run("eat_memory", {})
    assert job["state"] == "failed" and job["error"]["code"] == "out_of_memory", job["error"]


@pytest.mark.parametrize("type, code, tries", [
    ("flood", "bad_output", 2), ("not_json", "bad_output", 2), ("no_result", "bad_output", 2), ("bad_input", "bad_input", 1),
    ("fail", "handler_error", 2),
])
def test_what_a_handler_does_wrong_is_said(hurting, type, code, tries):
    job = hurting.client().run(type, {})
    assert job["state"] == "failed" and job["error"]["code"] == code and job["attempt"] <= tries, job
    assert job["error"]["message"]


def test_a_handler_that_writes_nonsense_to_the_worker_harms_itself_alone(hurting):
    hurting.expect("broke the protocol")
    api = hurting.client()
    bad = api.submit("garble", {}, timeout_ms=3000, max_attempts=1)
    assert api.run("echo", 1)["state"] == "succeeded"
    assert api.wait(bad["id"])["state"] == "failed"


def test_a_handler_in_c_is_shut_in(hurting):
    job = hurting.client().run("escape", str(hurting.data / "buzzer.db"), max_attempts=1)
    assert job["state"] == "succeeded", job["error"]
    result = job["result"]
    open_doors = [door for door in ("data", "outside", "inet", "program") if result[door] == 0]
    assert not open_doors, result


def test_a_handler_that_spins_is_cancelled(hurting):
    api = hurting.client()
    job = api.submit("spin", {})
    api.wait(job["id"], states={"running"})
    api.cancel(job["id"])
    assert api.wait(job["id"])["state"] == "cancelled"


def test_a_handler_that_spins_is_timed_out(hurting):
    job = hurting.client().run("spin", {}, timeout_ms=300, max_attempts=1)
    assert job["state"] == "failed" and job["error"]["code"] == "timeout"


def test_neighbours_of_a_crash_notice_nothing(hurting):
    api = hurting.client()
    with Socket(hurting, "?all=1&event=job.succeeded&tag=good") as socket:
        socket.answer("subscribed")
        good, bad = [], []
        for i in range(60):
            good.append(api.submit("echo", i, tags=["good"])["id"])
            if i % 4 == 0:
                bad.append(api.submit(("segv", "abort", "exit")[i // 4 % 3], {})["id"])
        assert {socket.event()["subject"] for _ in good} == set(good)
    assert [api.job(id)["attempt"] for id in good] == [1] * 60
    assert {api.wait(id)["error"]["code"] for id in bad} == {"crashed"}


def test_a_job_that_crashes_its_worker_again_and_again_ends(hurting):
    api = hurting.client()
    ids = [api.submit("abort", {}, max_attempts=5)["id"] for _ in range(5)]
    for id in ids:
        job = api.wait(id)
        assert job["state"] == "failed" and job["attempt"] == 5
    assert api.get("/readyz").status == 200


def test_an_executor_killed_from_outside_is_a_crash_and_is_replaced(start):
    import os
    import signal
    service = start("--slots", "1")
    api = service.client()
    job = api.submit("sleep", {"seconds": 60}, max_attempts=1)
    # Progress, not the state, says that an executor is at it: one killed before it began costs no attempt.
    until(lambda: api.job(job["id"])["progress"], 10, "its first progress")
    children = [pid for pid in service.family() if pid != service.process.pid]
    assert children
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    job = api.wait(job["id"])
    assert job["state"] == "failed" and job["error"]["code"] in ("crashed", "out_of_memory")
    assert api.run("echo", 1)["state"] == "succeeded"


def test_no_executor_outlives_a_killed_service(start):
    service = start()
    api = service.client()
    for _ in range(2):
        api.wait(api.submit("sleep", {"seconds": 60})["id"], states={"running"})
    children = [pid for pid in service.family() if pid != service.process.pid]
    assert children
    service.process.kill()
    service.process.wait()
    from service import processes
    until(lambda: not set(children) & set(processes()), 2, "the end of the executors")
