"""Sockets that read slowly, vanish, or are many."""
import json
import threading

import pytest
from service import PATIENCE, until
from sockets import Frames, Socket
from sse import Stream


def test_who_is_too_slow_is_closed_with_its_cursor_and_resumes_without_a_gap(start):
    service = start()
    api = service.client()
    text, ids = "x" * 50000, []
    with Frames(service.port, "?all=1&event=job.succeeded", receive_buffer=4096, timeout=60 * PATIENCE) as slow:
        assert json.loads(slow.read()[1])["op"] == "subscribed"
        while not api.metric("buzzer_ws_too_slow_total"):
            assert len(ids) < 1000, "nobody was too slow"
            ids += [api.submit("echo", text)["id"] for _ in range(10)]
            api.wait(ids[-1])
        for id in ids:
            api.wait(id)
        n, seen, cursor = len(ids), [], None
        while cursor is None:
            opcode, payload = slow.read()
            if opcode == 8:
                assert int.from_bytes(payload[:2], "big") == 4408
                cursor = payload[2:].decode()
            elif opcode == 1:
                seen.append(json.loads(payload))
    assert len(seen) < n, "nothing was held back, so nothing was shown"
    if seen:        # what the filter left out may have moved it on
        assert int(seen[-1]["cursor"].split("-")[1]) <= int(cursor.split("-")[1])
    with Socket(service, f"?all=1&event=job.succeeded&after={cursor}") as socket:
        assert socket.answer("subscribed")["recovered"] is True
        while len(seen) < n:
            seen.append(socket.event())
        assert socket.is_silent()
    assert sorted(event["subject"] for event in seen) == sorted(ids)


def test_a_slow_one_holds_up_nobody_else(start):
    service = start()
    api = service.client()
    with Frames(service.port, "?all=1", receive_buffer=4096) as slow, Socket(service, "?all=1") as quick:
        assert slow.status == 101
        quick.answer("subscribed")
        ids = {api.submit("echo", "x" * 50000)["id"] for _ in range(100)}
        done = set()
        while done != ids:
            event = quick.event()
            if event["type"] == "job.succeeded":
                done.add(event["subject"])


@pytest.mark.parametrize("way", ["socket", "stream"])
def test_a_burst_costs_a_quick_client_nothing(start, way):
    """4,000 jobs in four requests are far more than a queue holds; who reads on is told each state of each, in order."""
    service = start()
    api, answers, told = service.client(), [], {}
    with Socket(service, "?all=1") if way == "socket" else Stream(service.port, "/v1/events") as client:
        client.answer("subscribed") if way == "socket" else client.next()
        batch = {"jobs": [{"type": "echo", "input": i} for i in range(1000)]}
        poster = threading.Thread(target=lambda: [answers.append(api.post("/v1/jobs:batch", batch).status) for _ in range(4)])
        poster.start()
        for _ in range(12000):
            event = client.event() if way == "socket" else client.next()[1]
            told.setdefault(event["subject"], []).append(event["type"])
        poster.join()
    assert answers == [202] * 4
    assert len(told) == 4000
    assert all(types == ["job.queued", "job.running", "job.succeeded"] for types in told.values())
    assert api.metric("buzzer_ws_too_slow_total") == 0


def test_a_leaving_service_says_1001(start):
    service = start()
    with Socket(service, "?all=1") as socket:
        socket.answer("subscribed")
        service.stop()
        assert socket.closed()[0] == 1001


def test_who_vanishes_leaves_nothing_behind(start):
    service = start()
    api = service.client()
    for _ in range(5):
        held = [Frames(service.port, "?all=1") for _ in range(50)]
        assert api.run("echo", 1)["state"] == "succeeded"
        for frames in held:
            frames.socket.close()
    until(lambda: api.metric("buzzer_ws_sockets") == 0, 30, "all sockets gone")
    assert api.metric("buzzer_ws_subscriptions") == 0


def test_five_hundred_sockets_hear_of_one_job(service, api):
    held = [Frames(service.port, "?all=1&tag=fan", timeout=30) for _ in range(500)]
    for frames in held:
        assert json.loads(frames.read()[1])["op"] == "subscribed"
    id = api.submit("echo", 1, tags=["fan"])["id"]
    for frames in held:
        types = [json.loads(frames.read()[1])["type"] for _ in range(3)]
        assert types == ["job.queued", "job.running", "job.succeeded"]
        frames.socket.close()
    assert id
