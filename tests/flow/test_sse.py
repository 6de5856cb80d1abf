"""Server-sent events and long polling: /v1/jobs/{id}/events and /v1/events."""
import json
import time

import pytest

from client import check_problem
from raw import Raw
from sse import Stream


def test_the_stream_of_one_job_begins_with_its_place_and_ends_after_its_end(service, api):
    job = api.submit("sleep", {"seconds": 60})
    with Stream(service.port, f"/v1/jobs/{job['id']}/events") as stream:
        assert stream.status == 200 and stream.headers["Content-Type"].startswith("text/event-stream")
        name, first = stream.next()
        assert name == "subscribed" and first["recovered"] is True and first["cursor"]
        api.wait(job["id"], states={"running"})
        api.cancel(job["id"])
        events = list(stream.events())
    assert events[-1]["type"] == "job.cancelled" and stream.last_id == events[-1]["cursor"]
    assert all(event["subject"] == job["id"] and event["specversion"] == "1.0" for event in events)


def test_a_finished_job_gives_its_final_event_and_the_end(service, api):
    job = api.run("echo", 7)
    with Stream(service.port, f"/v1/jobs/{job['id']}/events") as stream:
        events = list(stream.events())
    assert [event["type"] for event in events] == ["job.succeeded"] and events[0]["data"] == job


@pytest.mark.parametrize("way", ["header", "query"])
def test_resuming_replays_what_came_after(service, api, way):
    job = api.submit("echo", 7)
    api.wait(job["id"])
    headers = {"Last_Event_ID": job["cursor"]} if way == "header" else {}
    query = f"?after={job['cursor']}" if way == "query" else ""
    with Stream(service.port, f"/v1/jobs/{job['id']}/events{query}", **headers) as stream:
        assert stream.next() == ("subscribed", {"recovered": True, "cursor": stream_cursor(stream)})
        assert [event["type"] for event in stream.events()] == ["job.running", "job.succeeded"]


def stream_cursor(stream):
    class Any:
        def __eq__(self, other):
            return isinstance(other, str) and "-" in other
    return Any()


def test_resuming_from_the_final_event_says_there_is_no_more(service, api):
    job = api.run("echo", 7)
    for path, headers in ((f"?after={job['cursor']}", {}), ("", {"Last_Event_ID": job["cursor"]})):
        with Stream(service.port, f"/v1/jobs/{job['id']}/events{path}", **headers) as stream:
            assert stream.status == 204 and stream.response.read() == b""


def test_a_lost_cursor_is_said_to_be_lost(service, api):
    job = api.run("echo", 7)
    with Stream(service.port, f"/v1/jobs/{job['id']}/events", Last_Event_ID="00000000-5") as stream:
        name, first = stream.next()
        assert name == "subscribed" and first["recovered"] is False
        assert [event["data"] for event in stream.events()] == [job]


def test_all_jobs_are_heard_of_from_now_on_and_filtered(service, api):
    with Stream(service.port, "/v1/events?tag=sse&event=job.succeeded") as stream:
        assert stream.next()[0] == "subscribed"
        api.submit("echo", 0)
        ids = [api.submit("echo", i, tags=["sse"])["id"] for i in range(3)]
        events = [stream.next() for _ in range(3)]
    assert {name for name, _ in events} == {"message"}
    assert {event["subject"] for _, event in events} == set(ids)


def test_a_stream_says_something_every_fifteen_seconds(service, api):
    with Stream(service.port, "/v1/events?tag=nobody") as stream:
        stream.next()
        begin = time.monotonic()
        line = stream.response.readline()
        assert line.startswith(b":") and time.monotonic() - begin < 30


def test_a_cursor_that_is_none_is_refused(service, api):
    job = api.run("echo", 7)
    for path in (f"/v1/jobs/{job['id']}/events", "/v1/events"):
        with Stream(service.port, path, Last_Event_ID="nonsense") as stream:
            assert stream.status == 400


def test_streams_that_are_left_leave_nothing_behind(service, api):
    for _ in range(30):
        with Raw(service.port) as raw:
            raw.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n").head()
    assert api.run("echo", 1)["state"] == "succeeded"


def test_polling_gives_the_events_so_far_and_where_to_go_on(api):
    job = api.submit("echo", 7)
    api.wait(job["id"])
    page = api.get(f"/v1/jobs/{job['id']}/events?after={job['cursor']}").json
    assert page["recovered"] is True
    assert [event["type"] for event in page["events"]] == ["job.running", "job.succeeded"]
    assert page["cursor"] == page["events"][-1]["cursor"]
    page = api.get(f"/v1/jobs/{job['id']}/events?after={page['cursor']}").json
    assert page["events"] == [] and page["recovered"] is True


def test_polling_waits_for_what_comes(service, api):
    job = api.submit("echo", 1, delay_ms=3600000)
    cursor = job["cursor"]
    begin = time.monotonic()
    page = api.get(f"/v1/jobs/{job['id']}/events?after={cursor}&wait=1").json
    assert page["events"] == [] and time.monotonic() - begin >= 1
    other = service.client()
    other.connection.request("GET", f"/v1/jobs/{job['id']}/events?after={page['cursor']}&wait=60",
                             headers={"Accept": "application/json"})
    api.cancel(job["id"])
    page = json.loads(other.connection.getresponse().read())
    assert [event["type"] for event in page["events"]] == ["job.cancelled"]


def test_polling_all_jobs_misses_nothing(api):
    cursor = api.get("/v1/events").json["cursor"]
    ids = [api.submit("echo", i, tags=["poll"])["id"] for i in range(40)]
    seen = []
    while len({event["subject"] for event in seen if event["type"] == "job.succeeded"}) < 40:
        page = api.get(f"/v1/events?tag=poll&after={cursor}&wait=10").json
        assert page["recovered"] is True and page["cursor"]
        seen, cursor = seen + page["events"], page["cursor"]
    assert {event["subject"] for event in seen} == set(ids)
    for id in ids:
        kinds = [event["type"] for event in seen if event["subject"] == id]
        assert kinds == ["job.queued", "job.running", "job.succeeded"]


def test_a_lost_cursor_is_said_to_be_lost_when_polling(api):
    job = api.run("echo", 7)
    page = api.get(f"/v1/jobs/{job['id']}/events?after=00000000-5").json
    assert page["recovered"] is False and [event["data"] for event in page["events"]] == [job]


@pytest.mark.parametrize("query", ["wait=x", "colour=red", "event=nosuch", "wait=1&wait=2"])
def test_a_wrong_query_is_refused(api, query):
    check_problem(api.get(f"/v1/events?{query}"), 400, "bad-query")
