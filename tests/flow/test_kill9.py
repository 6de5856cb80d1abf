"""kill -9 of everything at random moments under load; judged only by what the clients wrote down.

Each client keeps a journal: what it sent with which key, and what came back. No answer means unknown,
and is asked again with the same key. At the end every 202 is there, in exactly one final state that
nobody ever saw otherwise, and no key stands for two jobs."""
import http.client
import json
import os
import random
import subprocess
import threading
import time
import uuid

from client import FINAL
from service import BUILD, PATIENCE

ROUNDS = int(os.environ.get("KILL_ROUNDS", "10"))
SEED = int(os.environ.get("KILL_SEED", "20261122"))
TYPES = [{"name": "fails", "command": ["/bin/false"], "max_attempts": 2, "backoff_ms": 10, "backoff_max_ms": 20}]


class Journal:
    """What one client did and saw, in order."""

    def __init__(self, service, number, stop):
        self.service, self.stop, self.dice = service, stop, random.Random(SEED + number)
        self.said = {}            # key: ids that came back
        self.seen = {}            # id: final states that were seen
        self.cancelled = set()    # ids whose cancel was answered with 202
        self.faults = []

    def submission(self):
        choice = self.dice.random()
        if choice < .8:
            return {"type": "echo", "input": self.dice.random()}
        if choice < .9:
            return {"type": "sleep", "input": {"seconds": 0.05}}
        return {"type": "fails", "input": 1}

    def look(self, job):
        if job["state"] in FINAL:
            self.seen.setdefault(job["id"], set()).add((job["state"], job["finished_at"], json.dumps(job["result"])))
        elif job["id"] in self.seen:
            self.faults.append(f"{job['id']} was final and is {job['state']}")

    def run(self):
        while not self.stop.is_set():
            key, submission = uuid.UUID(int=self.dice.getrandbits(128)).hex, self.submission()
            self.said[key] = set()
            while True:                    # until an answer came: the same key, the same submission
                try:
                    self.step(key, submission)
                    break
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)

    def step(self, key, submission):
        api = self.service.client(timeout=10 * PATIENCE)
        answer = api.post("/v1/jobs", submission, {"Idempotency-Key": key})
        if answer.status == 503:
            time.sleep(0.02)
            raise http.client.HTTPException("not now")
        if answer.status != 202:
            self.faults.append(f"{answer.status} to {submission}: {answer.body}")
            return
        self.said[key].add(answer.json["id"])
        self.look(answer.json)
        if self.dice.random() < .1:
            if api.cancel(answer.json["id"]).status == 202:
                self.cancelled.add(answer.json["id"])
        if self.dice.random() < .3:
            self.look(api.get(f"/v1/jobs/{answer.json['id']}").json)
        api.close()


class Watcher(Journal):
    """Polls all events and resumes with its cursor wherever it was cut off."""

    def run(self):
        self.gaps, cursor = 0, self.begin
        while not self.stop.is_set():
            try:
                api = self.service.client(timeout=10 * PATIENCE)
                while not self.stop.is_set():
                    page = api.get(f"/v1/events?wait=1&after={cursor}").json
                    self.gaps += not page["recovered"]
                    cursor = page["cursor"]
                    for event in page["events"]:
                        if event["type"] != "job.progress":
                            self.look(event["data"])
            except (OSError, http.client.HTTPException, KeyError, ValueError):
                time.sleep(0.02)


def replay(service, tmp_path, number):
    fresh = tmp_path / f"fresh{number}"
    fresh.mkdir()
    check = subprocess.run([BUILD / "tests" / "replay_check", service.data, fresh], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr


def test_no_kill_loses_or_doubles_anything(start, tmp_path):
    print(f"\nseed {SEED}, {ROUNDS} rounds")
    dice = random.Random(SEED)
    service = start("--slots", "2", settings={"types": TYPES})
    stop, watched = threading.Event(), threading.Event()
    clients = [Journal(service, number, stop) for number in range(6)]
    watcher = Watcher(service, 99, watched)
    watcher.begin = service.client().get("/v1/events").json["cursor"]       # before anybody submits
    threads = [threading.Thread(target=client.run, daemon=True) for client in (*clients, watcher)]
    for thread in threads:
        thread.start()
    for number in range(ROUNDS):
        time.sleep(dice.uniform(0.02, 0.5))
        service.kill()
        if number % 5 == 0:
            replay(service, tmp_path, number)
        service.start(ready=dice.random() < .5)
    stop.set()
    for thread in threads[:-1]:
        thread.join(60 * PATIENCE)
        assert not thread.is_alive(), "a client waits for an answer"

    api = service.client()
    accepted = {}
    for client in clients:
        assert not client.faults, client.faults[:5]
        for key, ids in client.said.items():
            assert len(ids) == 1, f"key {key} stands for {ids}"
            accepted[ids.pop()] = key
    assert len(accepted) == sum(len(client.said) for client in clients), "two keys stand for one job"
    ended = {id: api.wait(id, seconds=120 * PATIENCE) for id in accepted}
    for client in (*clients, watcher):
        for id, ends in client.seen.items():
            assert id in accepted, f"phantom {id}"
            job = ended[id]
            assert ends == {(job["state"], job["finished_at"], json.dumps(job["result"]))}, f"{id} flipped: {ends}, {job}"
        for id in client.cancelled:
            assert ended[id]["state"] == "cancelled", f"{id} was said to be cancelled, and {ended[id]['state']}"
    for job in ended.values():
        losses = [a for a in job["attempts"] if a["error"] and a["error"]["code"] == "lost_worker"]
        assert len(job["attempts"]) - len(losses) <= job["max_attempts"], job

    listed, token = set(), ""
    while True:
        page = api.get(f"/v1/jobs?page_size=500&page_token={token}").json if token else api.get("/v1/jobs?page_size=500").json
        listed |= {job["id"] for job in page["jobs"]}
        token = page["next_page_token"]
        if not token:
            break
    assert listed == set(accepted), f"phantoms: {listed - set(accepted)}, lost: {set(accepted) - listed}"

    deadline = time.monotonic() + 30 * PATIENCE
    while set(watcher.seen) != set(accepted) and time.monotonic() < deadline:
        time.sleep(0.05)
    watched.set()
    threads[-1].join(30)
    assert watcher.gaps == 0 and not watcher.faults, watcher.faults[:5]
    assert set(watcher.seen) == set(accepted), f"never told of {len(set(accepted) - set(watcher.seen))} ends"
    service.stop()
    replay(service, tmp_path, "last")
    print(f"{len(accepted)} jobs accepted, all there, each ended once")
