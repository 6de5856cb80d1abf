"""What a service that was killed or stopped finds again, and how it goes."""
import os
import signal
import subprocess
import time

from service import PATIENCE, PROGRAM, running_with, until
from sockets import Socket


def test_everything_is_there_again_after_a_kill(start):
    service = start("--slots", "1")
    api = service.client()
    done = api.run("echo", {"x": 1}, tags=["t"])
    running = api.submit("sleep", {"seconds": 0.5})["id"]
    api.wait(running, states={"running"})
    queued = [api.submit("echo", i)["id"] for i in range(20)]
    later = api.submit("echo", "later", delay_ms=3600000)
    cancelled = api.submit("echo", 1, delay_ms=3600000)["id"]
    api.cancel(cancelled)
    service.kill()
    service.start()
    api = service.client()
    assert api.job(done["id"]) == done
    assert api.result(done["id"]).json == {"x": 1}
    assert api.job(later["id"])["state"] == "scheduled" and api.job(later["id"])["run_at"] == later["run_at"]
    assert api.job(cancelled)["state"] == "cancelled"
    assert [api.wait(id)["result"] for id in queued] == list(range(20))
    job = api.wait(running)
    assert job["state"] == "succeeded" and job["result"] == {"slept": 0.5}


def test_a_job_that_was_running_runs_again_and_its_loss_is_listed(start):
    service = start("--slots", "1")
    api = service.client()
    id = api.submit("sleep", {"seconds": 1}, max_attempts=1)["id"]
    api.wait(id, states={"running"})
    service.kill()
    service.start()
    job = service.client().wait(id)
    assert job["state"] == "succeeded" and job["max_attempts"] == 1
    assert [a["error"] and a["error"]["code"] for a in job["attempts"]] == ["lost_worker", None]
    assert job["attempts"][0]["finished_at"] and job["attempts"][0]["worker"] != job["attempts"][1]["worker"]


def test_the_fifth_loss_fails_the_job(start):
    service = start("--slots", "1")
    id = service.client().submit("sleep", {"seconds": 600})["id"]
    for losses in range(5):     # running anew, not still said to run from before the kill
        api = service.client()
        until(lambda: (job := api.job(id))["state"] == "running" and len(job["attempts"]) == losses + 1, what="the next start")
        service.kill()
        service.start()
    job = service.client().wait(id)
    assert job["state"] == "failed" and job["error"]["code"] == "lost_worker"
    assert [a["error"]["code"] for a in job["attempts"]] == ["lost_worker"] * 5


def test_a_cancel_that_was_asked_for_before_the_kill_is_kept(start):
    service = start("--slots", "1", settings={"types": [{
        "name": "stubborn", "kill_grace_ms": 60000, "command": ["/bin/sh", "-c", "trap '' TERM; sleep 77.7; sleep 77.7"]}]})
    api = service.client()
    id = api.submit("stubborn", 1)["id"]
    until(lambda: running_with("77.7"), what="the command")
    assert api.cancel(id).status == 202
    service.kill()
    until(lambda: not running_with("77.7"), 2, "the end of the command")
    service.start()
    assert service.client().wait(id)["state"] == "cancelled"


def test_time_that_passed_while_it_was_down_has_passed(start):
    service = start("--slots", "1")
    api = service.client()
    blocker = api.submit("sleep", {"seconds": 600})["id"]
    api.wait(blocker, states={"running"})
    due = api.submit("echo", "due", delay_ms=1000, priority=9)["id"]
    gone = api.submit("echo", "gone", expires_in_ms=1000)["id"]
    service.kill()
    time.sleep(1.2)
    service.start()
    api = service.client()
    assert api.wait(gone)["state"] in ("expired", "succeeded")
    api.cancel(blocker)
    assert api.wait(due)["result"] == "due"
    assert api.wait(gone)["state"] == "expired"


def test_a_data_folder_in_use_is_refused_with_one_line(start, tmp_path):
    service = start()
    again = subprocess.run([PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", service.data], capture_output=True,
                           timeout=30 * PATIENCE)
    assert again.returncode not in (0, -6, -11) and again.stdout == b""
    assert str(service.data) in again.stderr.decode() and again.stderr.count(b"\n") == 1
    assert service.client().run("echo", 1)["state"] == "succeeded"


def test_a_busy_port_is_refused_with_one_line(start, tmp_path):
    service = start()
    again = subprocess.run([PROGRAM, "serve", "--listen", f"127.0.0.1:{service.port}", "--data", tmp_path / "other"],
                           capture_output=True, timeout=30 * PATIENCE)
    assert again.returncode not in (0, -6, -11) and again.stdout == b""
    assert str(service.port) in again.stderr.decode() and again.stderr.count(b"\n") == 1


def test_a_stop_finishes_what_runs_and_exits_with_0(start):
    service = start("--slots", "2")
    api = service.client()
    running = [api.submit("sleep", {"seconds": 1.5})["id"] for _ in range(2)]
    for id in running:      # begun, not just claimed: what has not begun is handed back
        until(lambda: (api.job(id)["progress"] or {"percent": 0})["percent"], what="its progress")
    waiting = [api.submit("echo", i)["id"] for i in range(5)]
    service.signal(signal.SIGTERM)
    assert service.wait() == 0
    service.start()
    api = service.client()
    for id in running:
        job = api.job(id)
        assert job["state"] == "succeeded" and len(job["attempts"]) == 1, job
    assert [api.wait(id)["result"] for id in waiting] == list(range(5))


def test_while_it_drains_it_takes_nothing_new_and_says_so(start):
    service = start("--slots", "1")
    api, other = service.client(), service.client()
    api.wait(api.submit("sleep", {"seconds": 2})["id"], states={"running"})
    other.get("/livez")
    service.signal(signal.SIGTERM)
    seen = []
    for _ in range(300):
        try:
            seen.append((other.get("/readyz").status, other.post("/v1/jobs", {"type": "echo", "input": 1}).status,
                         other.get("/livez").status))
        except OSError:
            break
        if seen[-1][:2] == (503, 503):
            break
        time.sleep(0.01)
    assert service.wait() == 0
    assert not seen or seen[-1] == (503, 503, 200) or all(row[0] == 200 for row in seen)
    assert any(row == (503, 503, 200) for row in seen), f"never said that it drains: {seen[-3:]}"


def test_a_job_that_does_not_end_in_time_is_handed_back(start):
    service = start("--slots", "1", "--drain-ms", "500")
    api = service.client()
    id = api.submit("sleep", {"seconds": 3})["id"]
    api.wait(id, states={"running"})
    begin = time.monotonic()
    service.stop()
    assert time.monotonic() - begin < 20
    service.start()
    job = service.client().wait(id)
    assert job["state"] == "succeeded"


def test_a_second_signal_means_now(start):
    service = start("--slots", "1")
    api = service.client()
    id = api.submit("sleep", {"seconds": 20})["id"]
    until(lambda: (api.job(id)["progress"] or {"percent": 0})["percent"], what="its progress")
    service.signal(signal.SIGTERM)
    time.sleep(0.3)
    assert service.process.poll() is None
    service.signal(signal.SIGTERM)
    service.wait(10)
    service.start()
    assert service.client().job(id)["state"] in ("queued", "running")


def test_sockets_and_streams_are_told_when_it_goes(start):
    from sse import Stream
    service = start()
    socket = Socket(service, "?all=1")
    stream = Stream(service.port, "/v1/events")
    assert stream.next()[0] == "subscribed"
    service.stop()
    assert socket.closed()[0] == 1001
    assert list(stream.events()) == []


def test_it_leaves_nothing_open_or_running(start):
    service = start()
    assert service.client().run("echo", 1)["state"] == "succeeded"
    family = service.family()
    service.stop()
    assert not any(os.path.exists(f"/proc/{pid}") for pid in family)


def test_a_data_folder_it_makes_is_the_owners_alone(make):
    service = make()
    service.data.rmdir()
    service.start()
    service.client().run("echo", 1)
    closed = not service.data.stat().st_mode & 0o077
    for file in service.data.rglob("*"):
        assert closed or not file.stat().st_mode & 0o077, f"{file} is open to others"
