"""Clients that keep a journal: they submit, cancel, look and subscribe, at whichever node answers, and write it all down."""
import http.client
import itertools
import json
import random
import threading
import time
import uuid

from client import Client
from journal import Journal, digest, pos_of
from service import PATIENCE
from sockets import Frames
from sse import Stream

# What is submitted, how often in a hundred, and how it ends. `who` and `fails` are of TYPES.
MIX = [(72, "echo", None, "succeeded"), (8, "who", 1, "succeeded"), (9, "sleep", {"seconds": 0.05}, "succeeded"),
       (6, "primes", {"below": 1000000}, "succeeded"), (5, "fails", 1, "failed")]
TYPES = [{"name": "who", "command": ["/bin/sh", "-c", "printf '{\"job\":\"%s\",\"attempt\":%s}' $JOB_ID $JOB_ATTEMPT"]},
         {"name": "fails", "command": ["/bin/false"], "max_attempts": 2, "backoff_ms": 10, "backoff_max_ms": 20}]
AWAY = (OSError, http.client.HTTPException)
PATIENCE_S = 2 * PATIENCE         # a node that says nothing for so long is left for another


class Submitter(threading.Thread):
    """Submits at a steady pace until it is told to stop; asks again with the same key until an answer comes."""

    def __init__(self, folder, name, nodes, rate, seed):
        super().__init__(name=name, daemon=True)
        self.journal, self.nodes, self.rate = Journal(folder, name), nodes, rate
        self.dice, self.stopped = random.Random(f"{seed} {name}"), threading.Event()
        self.clients = {}
        self.accepted = {}            # id: what it was, for the harness to wait for

    def run(self):
        due = time.monotonic()
        while not self.stopped.is_set():
            self.one_job()
            due = max(due + self.dice.expovariate(self.rate), time.monotonic() - 1)
            self.stopped.wait(max(0, due - time.monotonic()))
        self.close()

    def close(self):
        for client in self.clients.values():
            client.close()
        self.journal.close()

    def ask(self, method, path, body=None, headers=None, node=None):
        """(node, begun, answer or None) of whichever node; no answer in time means unknown."""
        node, begun = node or self.dice.choice(self.nodes), time.monotonic()
        name, port = node.name, node.port
        client = self.clients.get((name, port)) or Client(port, timeout=PATIENCE_S)
        self.clients[name, port] = client
        try:
            return name, begun, client.request(method, path, body, headers)
        except AWAY:
            client.close()
            return name, begun, None

    def one_job(self, only=None):
        """Until it is accepted, or refused for good: by any node, or by that one."""
        _, type, input, expect = self.dice.choices(MIX, [share for share, *_ in MIX])[0]
        key = uuid.UUID(int=self.dice.getrandbits(128)).hex
        input = key if type == "echo" else input
        while True:
            node, begun, answer = self.ask("POST", "/v1/jobs", {"type": type, "input": input, "tags": [key]},
                                           {"Idempotency-Key": key}, only)
            status = answer.status if answer else None
            job = answer.json if status == 202 else None
            self.journal.write("post", node, begun, key=key, type=type, input=input, expect=expect, status=status,
                               job=digest(job) if job else None)
            if status not in (None, 503):
                break
            time.sleep(0.05)
        if job:
            self.accepted[job["id"]] = type
            self.follow(job)

    def follow(self, job):
        """Some are cancelled, some are looked at: anywhere, or with the cursor, which every node must honour."""
        if self.dice.random() < .05:
            node, begun, answer = self.ask("POST", f"/v1/jobs/{job['id']}:cancel", b"")
            self.journal.write("cancel", node, begun, id=job["id"], status=answer.status if answer else None,
                               job=digest(answer.json) if answer and answer.status == 202 else None)
        for _ in range(2):
            if self.dice.random() < .2:
                after = job["cursor"] if self.dice.random() < .5 else None
                node, begun, answer = self.ask("GET", f"/v1/jobs/{job['id']}" + (f"?after={after}" if after else ""))
                seen = answer.json if answer and answer.status == 200 else None
                self.journal.write("get", node, begun, id=job["id"], after=after and pos_of(after),
                                   status=answer.status if answer else None, job=digest(seen) if seen else None)


class Subscriber(threading.Thread):
    """Follows all jobs over WebSocket. After a cut, or when nothing comes, it resumes at the next node with its cursor."""

    def __init__(self, folder, name, nodes, first=0):
        super().__init__(name=name, daemon=True)
        self.journal, self.nodes = Journal(folder, name), itertools.cycle(nodes[first:] + nodes[:first])
        self.stopped, self.subscribed = threading.Event(), threading.Event()
        self.cursor, self.cuts = None, -1
        self.ended = set()            # ids it was told the end of, for the harness to wait for

    def run(self):
        while not self.stopped.is_set():
            node = next(self.nodes)
            self.cuts += 1
            try:
                self.follow(node)
            except (*AWAY, EOFError):
                time.sleep(0.05)
        self.journal.close()

    def follow(self, node):
        name, begun, asked = node.name, time.monotonic(), self.cursor
        after = f"&after={asked}" if asked else ""
        try:
            frames = Frames(node.port, f"?all=1{after}", timeout=PATIENCE_S)
        except AssertionError:        # a node that comes or goes does not take the handshake
            return time.sleep(0.05)
        with frames:
            while not self.stopped.is_set():
                opcode, payload = frames.read()
                if opcode == 8:
                    return None
                if opcode == 9:
                    frames.frame(10, payload)
                if opcode == 1:
                    self.take(name, begun, asked, json.loads(payload))
        return None

    def take(self, node, begun, after, frame):
        if frame.get("op") == "subscribed":
            self.journal.write("subscribed", node, begun, after=after and pos_of(after), recovered=frame["recovered"],
                               pos=pos_of(frame["cursor"]))
            self.cursor = frame["cursor"] if not after or not frame["recovered"] else after
            self.subscribed.set()
            return
        assert frame.get("specversion") == "1.0", f"{self.name} got {frame}"
        self.journal.write("event", node, time.monotonic(), type=frame["type"], pos=pos_of(frame["cursor"]),
                           job=digest(frame["data"]))
        if frame["type"] != "job.progress":       # it stands where its job does, which may be far behind what was told
            self.cursor = frame["cursor"]
        if frame["data"].get("finished_at"):
            self.ended.add(frame["subject"])


class StreamSubscriber(Subscriber):
    """Likewise over server-sent events."""

    def follow(self, node):
        name, begun, asked = node.name, time.monotonic(), self.cursor
        with Stream(node.port, "/v1/events", timeout=PATIENCE_S, **({"Last_Event_ID": asked} if asked else {})) as stream:
            while stream.status == 200 and not self.stopped.is_set():
                try:
                    item = stream.next()
                except AssertionError:        # cut within an event, which was not told then
                    return
                if item is None:
                    return
                kind, said = item
                self.take(name, begun, asked, {"op": kind, **said} if kind == "subscribed" else said)
        time.sleep(0.05)


def list_all(folder, node):
    """Writes down every job as one node lists it, and gives them."""
    client, begun, jobs, token = Client(node.port), time.monotonic(), [], ""
    while True:
        page = client.get("/v1/jobs?page_size=500" + (f"&page_token={token}" if token else "")).json
        jobs += [digest(job) for job in page["jobs"]]
        token = page["next_page_token"]
        if not token:
            break
    client.close()
    journal = Journal(folder, f"list-{node.name}")
    journal.write("listed", node.name, begun, jobs=jobs)
    journal.close()
    return jobs
