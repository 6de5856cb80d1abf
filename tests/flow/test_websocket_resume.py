"""Cursors: a cut anywhere loses nothing, and a cursor that is lost says so."""
import pytest

from sockets import HANDSHAKE, Socket, handshake, kinds


def test_a_cut_in_the_middle_loses_nothing(service, api):
    """Cut at every event in turn: what comes after the cursor is exactly the rest."""
    with Socket(service, "?all=1&tag=cut") as socket:
        socket.answer("subscribed")
        ids = [api.submit("echo", i, tags=["cut"])["id"] for i in range(10)]
        whole, done = [], 0
        while done < 10:
            whole.append(socket.event())
            done += whole[-1]["type"] == "job.succeeded"
    assert {event["subject"] for event in whole} == set(ids)
    for i, event in enumerate(whole):
        with Socket(service, f"?all=1&tag=cut&after={event['cursor']}") as socket:
            assert socket.answer("subscribed")["recovered"] is True
            rest = [socket.event() for _ in whole[i + 1:]]
            assert [e["id"] for e in rest] == [e["id"] for e in whole[i + 1:]]
            assert rest == whole[i + 1:]


def test_a_cut_across_a_restart_loses_nothing(start):
    service = start()
    api = service.client()
    with Socket(service, "?all=1") as socket:
        socket.answer("subscribed")
        first = api.submit("echo", 1)["id"]
        cursor = socket.events_until("job.queued", first)[-1]["cursor"]
    api.wait(first)
    second = api.run("echo", 2)["id"]
    service.kill()
    service.start()
    third = service.client().run("echo", 3)["id"]
    with Socket(service, f"?all=1&after={cursor}") as socket:
        assert socket.answer("subscribed")["recovered"] is True
        events = socket.events_until("job.succeeded", third)
    assert [(e["subject"], e["type"]) for e in events] == [
        (first, "job.running"), (first, "job.succeeded"), (second, "job.queued"), (second, "job.running"),
        (second, "job.succeeded"), (third, "job.queued"), (third, "job.running"), (third, "job.succeeded")]


def test_one_job_is_resumed_in_the_middle(service, api):
    job = api.submit("sleep", {"seconds": 60})
    with Socket(service, f"?job={job['id']}&after={job['cursor']}") as socket:
        assert socket.answer("subscribed")["recovered"] is True
        cursor = socket.events_until("job.running")[-1]["cursor"]
    api.cancel(job["id"])
    api.wait(job["id"])
    with Socket(service) as socket:
        socket.send({"op": "subscribe", "job": job["id"], "after": cursor})
        assert socket.answer("subscribed")["recovered"] is True
        assert kinds([socket.event()]) == ["job.cancelled"]
        assert socket.is_silent()


@pytest.mark.parametrize("after", ["00000000-5", "ffffffff-99999999"])
def test_a_cursor_of_another_log_is_said_to_be_lost(service, api, after):
    job = api.run("echo", 1)
    with Socket(service) as socket:
        socket.send({"op": "subscribe", "ref": "1", "job": job["id"], "after": after})
        assert socket.answer("subscribed", "1")["recovered"] is False
        assert socket.event()["data"] == job
        socket.send({"op": "subscribe", "ref": "2", "all": True, "tag": "lost", "after": after})
        assert socket.answer("subscribed", "2")["recovered"] is False
        id = api.submit("echo", 1, tags=["lost"])["id"]
        assert kinds(socket.events_until("job.succeeded", id))[0] == "job.queued"


def test_a_lost_cursor_of_a_running_job_gives_its_present_state(service, api):
    job = api.submit("sleep", {"seconds": 60})
    api.wait(job["id"], states={"running"})
    with Socket(service) as socket:
        socket.send({"op": "subscribe", "job": job["id"], "after": "00000000-5"})
        assert socket.answer("subscribed")["recovered"] is False
        assert kinds([socket.event()]) == ["job.running"]
        api.cancel(job["id"])
        assert kinds(socket.events_until("job.cancelled")) == ["job.cancelled"]


def test_a_cursor_beyond_the_log_is_said_to_be_lost(service, api):
    job = api.run("echo", 1)
    log = job["cursor"].split("-")[0]
    with Socket(service, f"?job={job['id']}&after={log}-999999999") as socket:
        assert socket.answer("subscribed")["recovered"] is False
        assert socket.event()["type"] == "job.succeeded"


@pytest.mark.parametrize("cursor", ["x", "-", "1-", "-1", "1f00a2c4-x", "1f00a2c4--5", "zz00a2c4-5", "1f00a2c4-5-5",
                                    "1f00a2c4-99999999999999999999"])
def test_a_cursor_that_is_none_is_refused_everywhere(service, api, cursor):
    job = api.run("echo", 1)
    for path in (f"/v1/jobs/{job['id']}/events", "/v1/events"):
        answer = api.get(f"{path}?after={cursor}")
        assert answer.status == 400 and answer.json["type"].endswith("#bad-cursor"), (path, answer)
    assert handshake(service, *HANDSHAKE, query=f"?all=1&after={cursor}")[0] == 400
