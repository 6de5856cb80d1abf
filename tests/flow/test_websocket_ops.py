"""What is asked over a WebSocket, and the answers and events that come back."""
import pytest

from client import TIME
from sockets import Socket, kinds


def test_a_submission_over_the_socket_is_heard_of_to_its_end(service):
    with Socket(service) as socket:
        socket.send({"op": "submit", "ref": "2", "job": {"type": "echo", "input": {"x": 1}}})
        job = socket.answer("submitted", "2")["job"]
        events = socket.events_until("job.succeeded", job["id"])
        assert {event["subject"] for event in events} == {job["id"]}
        assert kinds(events)[-2:] == ["job.running", "job.succeeded"]
        assert events[-1]["data"]["result"] == {"x": 1}


def test_an_event_is_a_cloudevent_that_holds_the_job(service, api):
    with Socket(service, "?all=1&tag=shape") as socket:
        socket.answer("subscribed")
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        id = api.submit("echo", 1, {"traceparent": trace}, tags=["shape"])["id"]
        events = socket.events_until("job.succeeded", id)
    assert kinds(events) == ["job.queued", "job.running", "job.succeeded"]
    assert len({event["id"] for event in events}) == len(events)
    for event in events:
        assert (event["specversion"], event["source"], event["subject"]) == ("1.0", "/v1/jobs", id)
        assert event["datacontenttype"] == "application/json" and TIME.fullmatch(event["time"])
        assert event["data"]["id"] == id and event["type"] == "job." + event["data"]["state"]
        assert event["cursor"] == event["data"]["cursor"]
        assert event["traceparent"] == trace


def test_when_an_event_arrives_get_shows_that_state_already(service, api):
    order = ["queued", "running", "succeeded"]
    with Socket(service, "?all=1&tag=commit") as socket:
        socket.answer("subscribed")
        for i in range(30):
            id = api.submit("echo", i, tags=["commit"])["id"]
            while True:
                event = socket.event()
                now = api.job(id)
                assert order.index(now["state"]) >= order.index(event["data"]["state"])
                if event["type"] == "job.succeeded":
                    assert api.result(id).json == i
                    break


def test_subscribing_to_a_finished_job_gives_its_final_event_at_once(service, api):
    job = api.run("echo", "done")
    with Socket(service) as socket:
        socket.send({"op": "subscribe", "ref": "1", "job": job["id"]})
        answer = socket.answer("subscribed", "1")
        assert answer["job"] == job["id"] and answer["recovered"] is True and answer["cursor"]
        event = socket.event()
        assert event["type"] == "job.succeeded" and event["data"] == job
        assert socket.is_silent()


def test_a_subscription_in_the_query_is_the_same(service, api):
    jobs = [api.run("echo", i) for i in range(3)]
    with Socket(service, "?" + "&".join(f"job={job['id']}" for job in jobs)) as socket:
        found = {}
        while len(found) < 3:
            frame = socket.receive()
            if frame.get("op") != "subscribed":
                found[frame["subject"]] = frame["type"]
        assert found == {job["id"]: "job.succeeded" for job in jobs}


def test_who_unsubscribes_hears_no_more(service, api):
    with Socket(service) as socket:
        job = api.submit("sleep", {"seconds": 60})
        socket.send({"op": "subscribe", "job": job["id"]})
        socket.answer("subscribed")
        api.wait(job["id"], states={"running"})
        socket.send({"op": "unsubscribe", "ref": "u", "job": job["id"]}).send({"op": "ping"})
        while True:
            frame = socket.receive()
            if frame.get("op") == "pong":
                break
        api.cancel(job["id"])
        api.wait(job["id"])
        assert socket.is_silent()


@pytest.mark.parametrize("filter, mine, other", [
    ({"type": "primes"}, ("primes", {"below": 10}, {}), ("echo", 1, {})),
    ({"queue": "wsq"}, ("echo", 1, {"queue": "wsq"}), ("echo", 1, {})),
    ({"tag": "wst"}, ("echo", 1, {"tags": ["a", "wst"]}), ("echo", 1, {"tags": ["a"]})),
])
def test_filters_choose_what_is_heard(service, api, filter, mine, other):
    with Socket(service) as socket:
        socket.send({"op": "subscribe", "all": True, **filter})
        socket.answer("subscribed")
        api.submit(other[0], other[1], **other[2])
        id = api.submit(mine[0], mine[1], **mine[2])["id"]
        assert {event["subject"] for event in socket.events_until("job.succeeded", id)} == {id}


def test_a_filter_by_event_leaves_only_those(service, api):
    with Socket(service, "?all=1&event=job.succeeded&tag=only") as socket:
        socket.answer("subscribed")
        ids = [api.submit("echo", i, tags=["only"])["id"] for i in range(5)]
        events = [socket.event() for _ in range(5)]
        assert {event["type"] for event in events} == {"job.succeeded"}
        assert {event["subject"] for event in events} == set(ids)


def test_progress_is_told_as_it_comes(start):
    service = start(settings={"types": [{"name": "steps", "command": [
        "/bin/sh", "-c", "for i in 1 2 3; do echo \"{\\\"percent\\\":$i}\" >&3; sleep 0.3; done; echo null"]}]})
    with Socket(service) as socket:
        socket.send({"op": "submit", "job": {"type": "steps", "input": 1}})
        id = socket.answer("submitted")["job"]["id"]
        events = socket.events_until("job.succeeded", id)
    told = [event["data"]["progress"]["percent"] for event in events if event["type"] == "job.progress"]
    assert told and told == sorted(told) and set(told) <= {1, 2, 3}


@pytest.mark.parametrize("frame, word", [
    ({"op": "subscribe", "job": "nosuch"}, "not-found"), ({"op": "subscribe", "job": "0" * 26}, "not-found"),
    ({"op": "subscribe", "job": "0" * 26, "after": "nonsense"}, None),
    ({"op": "subscribe", "all": True, "after": "nonsense"}, "bad-cursor"),
    ({"op": "submit", "job": {"type": "primes", "input": {"below": "x"}}}, "invalid-input"),
    ({"op": "submit", "job": {"type": "nosuch"}}, "invalid-input"),
])
def test_what_cannot_be_done_is_an_error_frame_and_the_socket_goes_on(service, frame, word):
    with Socket(service) as socket:
        socket.send({"ref": "r", **frame})
        error = socket.receive()
        assert error["op"] == "error" and error["ref"] == "r"
        assert error["problem"]["status"] >= 400 and error["problem"]["title"]
        if word:
            assert error["problem"]["type"] == "/docs/problems#" + word
        assert socket.send({"op": "ping"}).receive() == {"op": "pong"}


def test_a_refused_submission_points_at_its_faults(service):
    with Socket(service) as socket:
        socket.send({"op": "submit", "job": {"type": "primes", "input": {"below": "x"}, "priority": 77}})
        pointers = {fault["pointer"] for fault in socket.receive()["problem"]["errors"]}
        assert pointers == {"#/job/input/below", "#/job/priority"}       # of the frame, which is what was sent


def test_a_socket_has_a_hundred_subscriptions_and_no_more(service, api):
    batch = api.post("/v1/jobs:batch", {"jobs": [{"type": "echo", "input": 1, "delay_ms": 3600000}] * 101}).json["jobs"]
    with Socket(service) as socket:
        for job in batch[:100]:
            socket.send({"op": "subscribe", "job": job["id"]})
            socket.answer("subscribed")
        socket.send({"op": "subscribe", "ref": "last", "job": batch[100]["id"]})
        assert socket.receive()["op"] == "error"
        socket.send({"op": "subscribe", "job": batch[5]["id"]})         # twice the same is one
        assert socket.receive()["op"] == "subscribed"
        socket.send({"op": "unsubscribe", "job": batch[0]["id"]})
        socket.send({"op": "subscribe", "ref": "now", "job": batch[100]["id"]})
        socket.answer("subscribed", "now")
    for job in batch:
        api.cancel(job["id"])


def test_no_job_is_taken_that_the_socket_could_not_follow(service, api):
    with Socket(service) as socket:
        for i in range(120):
            socket.send({"op": "submit", "ref": str(i), "job": {"type": "echo", "input": i, "delay_ms": 3600000, "tags": ["followed"]}})
        answers = []
        while len(answers) < 120:
            frame = socket.receive()
            answers += [frame] if "op" in frame else []
    taken = [a["job"]["id"] for a in answers if a["op"] == "submitted"]
    refused = [a["problem"]["type"] for a in answers if a["op"] == "error"]
    assert len(taken) == 100 and refused == ["/docs/problems#busy"] * 20, refused
    listed = api.get("/v1/jobs?tag=followed&page_size=500").json["jobs"]
    assert {job["id"] for job in listed} == set(taken)
    for id in taken:
        api.cancel(id)
