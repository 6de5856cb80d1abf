"""wscat, the WebSocket client people have at hand (Debian's node-ws)."""
import json
import os
import shutil
import subprocess

import pytest


def wscat(service, *words, query=""):
    program = shutil.which("wscat")
    if not program:
        pytest.skip("no wscat here")
    with subprocess.Popen([program, "-c", f"ws://127.0.0.1:{service.port}/v1/ws{query}", *words], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "NODE_PATH": "/usr/share/nodejs"}) as running:
        said = running.stdout.read()            # its standard input stays open: it leaves when that ends
    return said, [json.loads(line.lstrip("< ")) for line in said.splitlines() if line.lstrip("< ").startswith("{")]


@pytest.mark.parametrize("protocol", [[], ["-s", "buzzer.v1"], ["-s", "cloudevents.json"]])
def test_wscat_submits_and_sees_the_end(service, protocol):
    frame = json.dumps({"op": "submit", "ref": "1", "job": {"type": "echo", "input": "from wscat"}})
    _, frames = wscat(service, *protocol, "-x", frame, "-w", "3")
    assert frames[0]["op"] == "submitted"
    assert frames[-1]["type"] == "job.succeeded" and frames[-1]["data"]["result"] == "from wscat"


def test_wscat_hears_of_a_finished_job(service, api):
    job = api.run("echo", 5)
    _, frames = wscat(service, "-x", '{"op":"ping"}', "-w", "2", query=f"?job={job['id']}")
    assert {frame.get("op") or frame["type"] for frame in frames} == {"subscribed", "job.succeeded", "pong"}


def test_wscat_is_told_why_it_may_not(service):
    said, frames = wscat(service, "-x", "{}", query="?after=nonsense")
    assert not frames and "400" in said
