"""POST /v1/jobs: what is accepted, in which forms, and how options take effect."""
import base64
import datetime
import json

import pytest

from client import FINAL, ID, TIME, check_problem
from service import until

YEAR = datetime.date.today().year + 2
MEMBERS = {"id", "type", "state", "queue", "priority", "tags", "created_at", "started_at", "finished_at", "run_at",
           "attempt", "max_attempts", "progress", "result", "error", "cancel_requested", "cursor", "attempts", "links",
           "position", "estimated_start_at"}


def test_a_job_is_accepted_with_its_id_its_place_and_itself(api):
    answer = api.post("/v1/jobs", {"type": "echo", "input": {"a": [1, 2.5, None, "ü"]}})
    assert answer.status == 202
    job = answer.json
    assert ID.fullmatch(job["id"])
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert int(answer.headers["Retry-After"]) >= 0
    assert MEMBERS <= set(job), MEMBERS - set(job)
    assert job["links"] == {**job["links"], "self": f"/v1/jobs/{job['id']}", "result": f"/v1/jobs/{job['id']}/result",
                            "events": f"/v1/jobs/{job['id']}/events", "cancel": f"/v1/jobs/{job['id']}:cancel"}
    assert TIME.fullmatch(job["created_at"])


def test_options_nobody_gave_have_their_defaults(api):
    job = api.submit("sleep", {"seconds": 0}, delay_ms=60000)
    assert (job["queue"], job["priority"], job["tags"]) == ("default", 5, [])
    assert (job["attempt"], job["progress"], job["error"], job["attempts"]) == (0, None, None, [])
    assert job["state"] == "scheduled" and job["cancel_requested"] is False
    assert job["started_at"] is None and job["finished_at"] is None
    api.cancel(job["id"])


def test_a_job_ends_with_its_result_in_it(api):
    job = api.run("echo", {"a": [1, 2.5, None, "ü"]})
    assert job["state"] == "succeeded" and job["result"] == {"a": [1, 2.5, None, "ü"]}
    assert job["attempt"] == 1 and len(job["attempts"]) == 1
    assert TIME.fullmatch(job["started_at"]) and TIME.fullmatch(job["finished_at"])
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]
    assert job["position"] is None and job["estimated_start_at"] is None


@pytest.mark.parametrize("below, count, largest", [(1000000, 78498, 999983), (10, 4, 7), (3, 1, 2), (1e6, 78498, 999983)])
def test_primes_are_counted(api, below, count, largest):
    assert api.run("primes", {"below": below})["result"] == {"count": count, "largest": largest}


def test_the_sleep_type_says_how_long_it_slept(api):
    assert api.run("sleep", {"seconds": 0.01})["result"] == {"slept": 0.01}


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "text", [], {}, [[{"deep": [1]}]], "\u0000 \U0001f514"])
def test_echo_gives_back_any_json(api, value):
    job = api.run("echo", value)
    assert job["state"] == "succeeded" and job["result"] == value
    assert api.result(job["id"]).json == value


def test_any_other_content_type_is_the_input_byte_for_byte(api):
    data = bytes(range(256)) * 40 + b"\r\n\x00"
    job = api.submit_bytes("echo", data, "application/x-mine", tag=["a", "b"], priority=7, queue="side")
    assert (job["tags"], job["priority"], job["queue"]) == (["a", "b"], 7, "side")
    api.wait(job["id"])
    result = api.result(job["id"])
    assert result.body == data and result.media_type == "application/x-mine"
    sent = api.get(f"/v1/jobs/{job['id']}/input")
    assert sent.body == data and sent.media_type == "application/x-mine"


def multipart(parts, boundary="x-y-z"):
    body = b""
    for name, filename, media_type, data in parts:
        body += f"--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"".encode()
        body += f"; filename=\"{filename}\"".encode() if filename else b""
        body += b"\r\n" + (f"Content-Type: {media_type}\r\n".encode() if media_type else b"") + b"\r\n" + data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def test_a_form_with_one_file_means_the_same(api):
    data = b"--x-y-\r\n--x-y\r\n\x00\xff" * 500
    body, media_type = multipart([("type", None, None, b"echo"), ("tag", None, None, b"a"), ("tag", None, None, b"b"),
                                  ("priority", None, None, b"8"), ("file", "../../x", "application/x-mine", data)])
    answer = api.post("/v1/jobs", body, {"Content-Type": media_type})
    assert answer.status == 202, answer
    job = answer.json
    assert (job["tags"], job["priority"]) == (["a", "b"], 8)
    api.wait(job["id"])
    assert api.result(job["id"]).body == data
    assert api.result(job["id"]).media_type == "application/x-mine"


@pytest.mark.parametrize("parts", [
    [("type", None, None, b"echo")],
    [("type", None, None, b"echo"), ("file", "a", "a/b", b"1"), ("file", "b", "a/b", b"2")],
    [("type", None, None, b"echo"), ("file", "a", "a/b", b"1"), ("nonsense", None, None, b"2")],
    [("file", "a", "a/b", b"1")],
], ids=["no file", "two files", "an unknown field", "no type"])
def test_a_form_that_is_wrong_is_refused(api, parts):
    body, media_type = multipart(parts)
    check_problem(api.post("/v1/jobs", body, {"Content-Type": media_type}), 422, "invalid-input")


@pytest.mark.parametrize("body, media_type", [
    (b"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nnever ends", "multipart/form-data; boundary=x"),
    (b"no boundary at all", "multipart/form-data"),
    (b"", "multipart/form-data; boundary=x"),
], ids=["no end", "no boundary", "empty"])
def test_a_form_that_is_none_is_refused(api, body, media_type):
    answer = api.post("/v1/jobs?type=echo", body, {"Content-Type": media_type})
    assert answer.status in (400, 422), answer
    check_problem(answer, answer.status, answer.json["type"].split("#")[1])


def test_every_option_given_is_told_again(api):
    job = api.submit("sleep", {"seconds": 0}, queue="nightly", priority=9, tags=["a:1", "b"], max_attempts=7,
                     timeout_ms=5000, keep_ms=3600000, expires_in_ms=3600000, run_at=f"{YEAR}-01-01T00:00:00+01:00")
    assert (job["queue"], job["priority"], job["tags"], job["max_attempts"]) == ("nightly", 9, ["a:1", "b"], 7)
    assert job["state"] == "scheduled" and job["run_at"] == f"{YEAR - 1}-12-31T23:00:00.000Z"
    api.cancel(job["id"])


def test_the_query_takes_the_same_options_as_json(api):
    job = api.submit_bytes("echo", b"x", "text/plain", delay_ms=60000, max_attempts=4, timeout_ms=1000, keep_ms=60000,
                           expires_in_ms=90000)
    assert job["state"] == "scheduled" and job["max_attempts"] == 4
    api.cancel(job["id"])


def test_a_delayed_job_starts_after_its_delay(api):
    job = api.submit("echo", 1, delay_ms=300)
    assert job["state"] == "scheduled" and job["run_at"] > job["created_at"]
    job = api.wait(job["id"])
    assert job["started_at"] >= job["created_at"][:-1] and job["state"] == "succeeded"
    assert milliseconds(job["started_at"]) - milliseconds(job["created_at"]) >= 300


def milliseconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def test_a_time_that_is_over_means_now(api):
    job = api.submit("echo", 1, run_at="2001-01-01T00:00:00Z")
    assert api.wait(job["id"])["state"] == "succeeded"


@pytest.mark.parametrize("change, pointer", [
    ({"type": None}, "#/type"), ({"type": 5}, "#/type"), ({"type": "no-such"}, "#/type"),
    ({"input": {"below": 0.5}}, "#/input/below"), ({"input": {"below": "1"}}, "#/input/below"),
    ({"input": {"below": 1000000001}}, "#/input/below"), ({"priority": 10}, "#/priority"),
    ({"priority": -1}, "#/priority"), ({"priority": 2.5}, "#/priority"), ({"priority": "5"}, "#/priority"),
    ({"queue": ""}, "#/queue"), ({"queue": "a b"}, "#/queue"), ({"queue": "x" * 65}, "#/queue"),
    ({"tags": "a"}, "#/tags"), ({"tags": [str(i) for i in range(17)]}, "#/tags"), ({"tags": ["a", 5]}, "#/tags/1"),
    ({"tags": ["ok", "bad\n"]}, "#/tags/1"), ({"max_attempts": 0}, "#/max_attempts"),
    ({"max_attempts": 101}, "#/max_attempts"), ({"timeout_ms": 0}, "#/timeout_ms"), ({"delay_ms": -1}, "#/delay_ms"),
    ({"run_at": "tomorrow"}, "#/run_at"), ({"run_at": "2026-13-01T00:00:00Z"}, "#/run_at"),
    ({"expires_in_ms": -5}, "#/expires_in_ms"), ({"keep_ms": -1}, "#/keep_ms"), ({"colour": "red"}, "#/colour"),
    ({"Queue": "x"}, "#/Queue"), ({"a/b~c": 1}, "#/a~1b~0c"), ({"params": {"lang": "x"}}, "#/params/lang"),
    ({"params": 5}, "#/params"),
], ids=lambda value: json.dumps(value)[:30])
def test_a_wrong_member_is_refused_where_it_stands(api, change, pointer):
    before = api.metric("buzzer_jobs_submitted_total")
    job = {"type": "primes", "input": {"below": 10}, **change}
    check_problem(api.post("/v1/jobs", job), 422, "invalid-input", [pointer])
    assert api.metric("buzzer_jobs_submitted_total") == before


def test_all_faults_are_told_at_once(api):
    answer = api.post("/v1/jobs", {"type": "primes", "input": {"below": "x", "above": 1}, "priority": 12, "foo": 1,
                                   "delay_ms": "1", "tags": ["", "ok"]})
    check_problem(answer, 422, "invalid-input", ["#/input/below", "#/input/above", "#/priority", "#/foo", "#/delay_ms",
                                                 "#/tags/0"])


def test_a_delay_and_a_time_together_are_refused(api):
    answer = api.post("/v1/jobs", {"type": "echo", "input": 1, "delay_ms": 5, "run_at": f"{YEAR}-01-01T00:00:00Z"})
    problem = check_problem(answer, 422, "invalid-input")
    assert {fault["pointer"] for fault in problem["errors"]} <= {"#/delay_ms", "#/run_at"}


@pytest.mark.parametrize("query", ["type=primes&below=5", "type=echo&priority=x", "type=echo&colour=red", "tag=a", "",
                                   "type=echo&priority=5&priority=6", "type=echo&param.x=1"])
def test_a_wrong_query_of_a_raw_submission_is_refused(api, query):
    answer = api.post("/v1/jobs?" + query, b"x", {"Content-Type": "text/plain"})
    assert answer.status in (400, 415, 422), answer
    check_problem(answer, answer.status, answer.json["type"].split("#")[1])


@pytest.mark.parametrize("body", [
    b"", b"{", b"null", b"[]", b"5", b'"x"', b"{} {}", b'{"type":"echo","type":"echo"}', b"{'a':1}", b"\xff\xfe{}",
    b'{"type":"echo","input":"\xff"}', b'{"type":"echo","input":{"a":1,"a":2}}', b'{"type":"echo","input":NaN}',
    b'{"type":"echo","input":1e999}', b'{"type":"echo","input":"\\ud800"}', b"[" * 100000,
], ids=lambda body: repr(body[:30]))
def test_what_is_no_json_object_is_refused(api, body):
    answer = api.post("/v1/jobs", body, {"Content-Type": "application/json"})
    if body in (b"null", b"[]", b"5", b'"x"'):
        assert answer.status in (400, 422), answer       # JSON, but no object
    elif body.startswith(b"[["):
        assert answer.status in (400, 422), answer       # too deep to say whether it is JSON
    else:
        check_problem(answer, 400, "not-json")


@pytest.mark.parametrize("headers, status", [
    ({}, 415), ({"Content-Type": ""}, 415),
    ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
    ({"Content-Type": "application/json; charset=utf-8"}, 202), ({"Content-Type": "Application/JSON"}, 202),
])
def test_the_content_type_decides(api, headers, status):
    answer = api.post("/v1/jobs", json.dumps({"type": "echo", "input": 1}).encode(), headers)
    assert answer.status == status, answer
    if status == 415:
        check_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("media_type", ["nonsense", "a/", "/b", "a b/c", "a/b/c", "a/b; c", "\"a\"/b"])
def test_a_content_type_that_is_no_media_type_is_refused(api, media_type):
    answer = api.post("/v1/jobs?type=echo", b"x", {"Content-Type": media_type})
    check_problem(answer, 415, "unsupported-media-type")


def test_a_type_refuses_the_media_types_it_does_not_take(api):
    check_problem(api.post("/v1/jobs?type=primes", b"x", {"Content-Type": "text/plain"}), 415,
                  "unsupported-media-type")


def test_bytes_travel_in_json_as_base64_for_a_type_that_takes_bytes(start):
    service = start(settings={"types": [{"name": "count", "command": ["/usr/bin/wc", "-c"],
                                         "content_types": ["application/octet-stream"]}]})
    api = service.client()
    data = bytes(range(256))
    job = api.submit("count", {"base64": base64.b64encode(data).decode()})
    assert api.wait(job["id"])["result"] == 256
    assert api.get(f"/v1/jobs/{job['id']}/input").body == data
    for wrong in ({"base64": "%%%"}, {"base64": 5}, {"base64": "aGk=", "more": 1}, "text", None):
        check_problem(api.post("/v1/jobs", {"type": "count", "input": wrong}), 422, "invalid-input")


@pytest.mark.parametrize("prefer, applied", [("wait=5", "wait=5"), ("wait=100", "wait=60"),
                                             ("respond-async, wait=7", "wait=7"), ("wait = 5", "wait=5")])
def test_who_prefers_to_wait_gets_the_finished_job(api, prefer, applied):
    answer = api.post("/v1/jobs", {"type": "echo", "input": "x"}, {"Prefer": prefer})
    assert answer.status == 200, answer
    assert answer.json["state"] == "succeeded" and answer.json["result"] == "x"
    assert applied in answer.headers["Preference-Applied"].replace(" ", "")


def test_who_waits_in_vain_gets_202_when_the_time_is_up(api):
    answer = api.post("/v1/jobs", {"type": "sleep", "input": {"seconds": 60}}, {"Prefer": "wait=1"})
    assert answer.status == 202 and answer.json["state"] in ("queued", "running")
    assert "wait=1" in answer.headers["Preference-Applied"]
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json['id']}"
    api.cancel(answer.json["id"])


@pytest.mark.parametrize("prefer", ["wait=x", "wait=-1", "return=minimal", "", "wait"])
def test_a_preference_that_is_none_is_passed_over(api, prefer):
    answer = api.post("/v1/jobs", {"type": "echo", "input": 1}, {"Prefer": prefer})
    assert answer.status == 202 and "Preference-Applied" not in answer.headers


def test_a_job_not_started_in_time_expires(start):
    api = start("--slots", "1").client()
    blocker = api.submit("sleep", {"seconds": 60})
    api.wait(blocker["id"], states={"running"})
    job = api.submit("echo", 1, expires_in_ms=200)
    job = api.wait(job["id"])
    assert job["state"] == "expired" and job["attempt"] == 0 and job["result"] is None
    check_problem(api.get(f"/v1/jobs/{job['id']}/result"), 409, "no-result")
    api.cancel(blocker["id"])


def test_higher_priority_goes_first_and_then_who_came_first(start):
    api = start("--slots", "1").client()
    blocker = api.submit("sleep", {"seconds": 60})
    api.wait(blocker["id"], states={"running"})
    ids = {name: api.submit("echo", name, priority=priority)["id"]
           for name, priority in (("a", 1), ("b", 5), ("c", 9), ("d", 5), ("e", 0), ("f", 9))}
    api.cancel(blocker["id"])
    jobs = [api.wait(id) for id in ids.values()]
    order = sorted(jobs, key=lambda job: (job["started_at"], int(job["cursor"].split("-")[1])))
    assert "".join(job["result"] for job in order) == "cfbdae"


def test_a_queued_job_tells_its_place(start):
    api = start("--slots", "1").client()
    blocker = api.submit("sleep", {"seconds": 60})
    api.wait(blocker["id"], states={"running"})
    ids = [api.submit("echo", i)["id"] for i in range(3)]
    first = api.submit("echo", 9, priority=9)["id"]
    other = api.submit("echo", 9, queue="other")["id"]
    places = [api.job(id)["position"] for id in (first, *ids, other)]
    assert places == [0, 1, 2, 3, 0]
    assert api.job(blocker["id"])["position"] is None
    api.cancel(blocker["id"])
    assert all(api.wait(id)["position"] is None for id in ids)


def test_a_job_is_gone_when_its_time_to_be_kept_is_over(api):
    job = api.submit("echo", 1, keep_ms=0)
    until(lambda: api.get(f"/v1/jobs/{job['id']}").status == 404, 30, "its removal")


def test_a_full_queue_refuses_and_takes_again_when_there_is_room(start):
    api = start("--slots", "1", "--max-waiting", "3").client()
    blocker = api.submit("sleep", {"seconds": 60})
    api.wait(blocker["id"], states={"running"})
    ids = [api.submit("echo", i)["id"] for i in range(3)]
    answer = api.post("/v1/jobs", {"type": "echo", "input": 3})
    check_problem(answer, 503, "queue-full")
    assert int(answer.headers["Retry-After"]) > 0
    check_problem(api.post("/v1/jobs:batch", {"jobs": [{"type": "echo", "input": 3}]}), 503, "queue-full")
    api.cancel(blocker["id"])
    assert {api.wait(id)["state"] for id in ids} <= FINAL
    assert api.run("echo", 4)["state"] == "succeeded"
