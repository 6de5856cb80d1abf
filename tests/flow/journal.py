"""What clients wrote down, and the proof that it can all be true: journals and the checker that reads nothing else.

A client writes a JSON line for whatever it did and saw, in that order; times are one monotonic clock's. The lines:

    post    key, type, input, expect (the state it is to end in), status (null: no answer), job
    cancel  job id, status          get  job id, after (a cursor), status, job
    listed  all jobs, as one node lists them at the end     subscribed  after, recovered, pos          event  type, pos, job

Each submission carries its key as its one tag, so that a job can be known even where the answer was lost. A job is
written as `digest` gives it. Breaches are named as usual:

    lost       accepted and not there any more, or never told of        stuck   not final when it was to be
    duplicate  two jobs for a key, two attempts at once, or too many    phantom nobody asked for it, or not for that
    gap        a subscriber was not told of something in between        reorder told twice or out of turn
    flip       one thing seen in two ways; a final job that changed     stale   older than what was known there before"""
import collections
import json
import pathlib
import time

from client import FINAL

Breach = collections.namedtuple("Breach", "name about why")


def pos_of(cursor):
    return int(cursor.split("-")[1])


def digest(job):
    """What must be the same wherever the job is seen at one position (progress is not)."""
    found = {"id": job["id"], "key": job["tags"][0] if job["tags"] else None, "pos": pos_of(job["cursor"]),
             "state": job["state"], "attempt": job["attempt"]}
    if job["state"] in FINAL:
        found.update(result=job["result"], error=(job["error"] or {}).get("code"), finished_at=job["finished_at"],
                     max_attempts=job["max_attempts"],
                     attempts=[[a["attempt"], a["started_at"], a["finished_at"], (a["error"] or {}).get("code")]
                               for a in job["attempts"]])
    return found


class Journal:
    """One client's own file."""

    def __init__(self, folder, name):
        self.file = open(pathlib.Path(folder) / f"{name}.jsonl", "w")

    def write(self, what, node, begun, **rest):
        """begun: when it was asked; what is seen without asking is seen when it came."""
        line = {"what": what, "node": node, "begun": begun, "ended": time.monotonic(), **rest}
        self.file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def close(self):
        self.file.close()


def lines(folder):
    """(name of the journal, line) of all journals."""
    for path in sorted(pathlib.Path(folder).glob("*.jsonl")):
        with open(path) as file:
            for line in file:
                yield path.stem, json.loads(line)


class Subscription:
    """What one subscriber was told, as stretches of the log without a cut that was not mended."""

    def __init__(self):
        self.stretches = []       # [from, to]: told of everything after from, up to to
        self.told = {}            # position: job


class Checker:
    def __init__(self, folder):
        self.folder = folder
        self.breaches = []
        self.asked = {}                                     # key: its post
        self.ids_of = collections.defaultdict(set)          # key: ids
        self.accepted = {}                                  # id: when the first 202 came
        self.cancels = {}                                   # id: was a cancel answered with 202?
        self.seen = collections.defaultdict(dict)           # id: {position: digest}
        self.first_end = {}                                 # id: when it was first seen final
        self.gets = collections.defaultdict(list)           # id: (node, begun, pos seen, pos of ?after)
        self.listed = {}                                    # node: {id: state}, its newest list
        self.subscriptions = collections.defaultdict(Subscription)
        self.events = {}                                    # position: job, as anybody was told

    def breach(self, name, about, why):
        self.breaches.append(Breach(name, about, why))

    # ---- reading ----

    def read(self):
        for name, line in lines(self.folder):
            if line.get("job"):
                self.see(line["job"], line["ended"])
            getattr(self, "read_" + line["what"])(name, line)

    def see(self, job, when):
        self.ids_of[job["key"]].add(job["id"])
        known = self.seen[job["id"]].setdefault(job["pos"], job)
        if known != job:
            self.breach("flip", job["id"], f"{known} and {job} at one position")
        if job["state"] in FINAL:
            self.first_end[job["id"]] = min(when, self.first_end.get(job["id"], when))

    def read_post(self, _, line):
        known = self.asked.setdefault(line["key"], line)
        if line["status"] == 202:
            id = line["job"]["id"]
            self.accepted[id] = min(line["ended"], self.accepted.get(id, line["ended"]))
            if line["job"]["key"] != line["key"]:
                self.breach("phantom", id, f"{line['key']} was answered with the job of {line['job']['key']}")
        elif line["status"] not in (None, 503):
            self.breach("lost", known["key"], f"a good submission was answered with {line['status']}")

    def read_cancel(self, _, line):
        self.cancels[line["id"]] = self.cancels.get(line["id"], False) or line["status"] == 202

    def read_get(self, _, line):
        if line["status"] == 404:
            self.breach("lost", line["id"], f"{line['node']} does not know it")
        if line["status"] == 200:
            self.gets[line["id"]].append((line["node"], line["begun"], line["job"]["pos"], line["after"]))

    def read_listed(self, _, line):
        self.listed[line["node"]] = {job["id"]: job["state"] for job in line["jobs"]}
        for job in line["jobs"]:
            self.see(job, line["ended"])

    def read_subscribed(self, name, line):
        stretches = self.subscriptions[name].stretches
        if line["after"] is None or not line["recovered"]:
            if line["after"] is not None:
                self.breach("gap", name, f"{line['node']} did not recover from {line['after']}")
            stretches.append([line["pos"], line["pos"]])
        elif not stretches or stretches[-1][1] != line["after"]:
            self.breach("gap", name, f"resumed after {line['after']}, and had come to {stretches[-1:]}")

    def read_event(self, name, line):
        subscription, pos = self.subscriptions[name], line["pos"]
        if not subscription.stretches:
            self.breach("reorder", name, f"told of {line['job']['id']} before it had subscribed")
            return
        if line["type"] == "job.progress":
            return
        if pos <= subscription.stretches[-1][1]:
            self.breach("reorder", line["job"]["id"], f"{name} was told of {pos} after {subscription.stretches[-1][1]}")
        if line["type"] != "job." + line["job"]["state"]:
            self.breach("flip", line["job"]["id"], f"{line['type']} carries a job that is {line['job']['state']}")
        if pos != line["job"]["pos"]:
            self.breach("flip", line["job"]["id"], f"an event at {pos} carries the job at {line['job']['pos']}")
        subscription.stretches[-1][1] = max(pos, subscription.stretches[-1][1])
        subscription.told[pos] = self.events[pos] = line["job"]["id"]

    # ---- judging ----

    def judge(self):
        for key, ids in self.ids_of.items():
            if key not in self.asked:
                self.breach("phantom", sorted(ids), f"nobody posted {key}")
            elif len(ids) > 1:
                self.breach("duplicate", key, f"stands for {sorted(ids)}")
        for id, at in self.seen.items():
            self.judge_job(id, [at[pos] for pos in sorted(at)])
        self.judge_lists()
        self.judge_gets()
        for name, subscription in self.subscriptions.items():
            self.judge_subscription(name, subscription)

    def judge_job(self, id, history):
        final = next((job for job in history if job["state"] in FINAL), None)
        if final is None:
            self.breach("stuck", id, f"was {history[-1]['state']} when last seen")
            return
        if history[-1] is not final:
            self.breach("flip", id, f"was {final['state']} and then {history[-1]['state']}")
        if self.cancels.get(id) and final["state"] != "cancelled":
            self.breach("flip", id, f"its cancel was accepted and it {final['state']}")
        if final["state"] == "cancelled" and id not in self.cancels:
            self.breach("phantom", id, "is cancelled and nobody asked for that")
        post = self.asked.get(final["key"])
        if post and final["state"] not in ("cancelled", post["expect"]):
            self.breach("flip", id, f"{post['type']} {final['state']} ({final['error']}), not {post['expect']}")
        if final["state"] == "succeeded" and post:
            wanted = {"job": id, "attempt": final["attempt"]} if post["type"] == "who" else post["input"]
            if post["type"] in ("who", "echo") and final["result"] != wanted:
                self.breach("phantom", id, f"its result is {final['result']}, not {wanted}")
        self.judge_attempts(id, final)

    def judge_attempts(self, id, final):
        counted = [a for a in final["attempts"] if a[3] != "lost_worker"]
        if len(counted) > final["max_attempts"]:
            self.breach("duplicate", id, f"{len(counted)} attempts of {final['max_attempts']}")
        if sum(a[3] is None for a in final["attempts"]) > 1:
            self.breach("duplicate", id, f"two attempts without an error: {final['attempts']}")
        for one, next_one in zip(final["attempts"], final["attempts"][1:]):
            if not one[2] or next_one[1] < one[2] or next_one[0] < one[0]:
                self.breach("duplicate", id, f"attempt {next_one} began before {one} had ended")

    def judge_lists(self):
        for node, jobs in self.listed.items():
            for id in self.accepted.keys() - jobs.keys():
                self.breach("lost", id, f"{node} does not list it")
            for id, state in jobs.items():
                if state not in FINAL:
                    self.breach("stuck", id, f"is still {state} on {node}")

    def judge_gets(self):
        """What a node has shown of a job it never takes back, and ?after= holds it to what others have shown."""
        shown = collections.defaultdict(list)               # id: (node, when, position)
        for _, line in lines(self.folder):
            if line.get("job") and line["job"]["id"] in self.gets:
                shown[line["job"]["id"]].append((line["node"], line["ended"], line["job"]["pos"]))
        for id, gets in self.gets.items():
            for node, begun, pos, after in gets:
                known = [p for n, when, p in shown[id] if n == node and when < begun or after is not None and p <= after]
                if known and max(known) > pos:
                    self.breach("stale", id, f"{node} said {pos} and {max(known)} was known")

    def judge_subscription(self, name, subscription):
        for pos, id in self.events.items():
            inside = any(begin < pos <= end for begin, end in subscription.stretches)
            if inside and subscription.told.get(pos) != id:
                self.breach("gap", id, f"{name} was not told of {pos}")
        begin = subscription.stretches[0][0] if subscription.stretches else 0
        ends = collections.Counter(id for pos, id in subscription.told.items() if self.seen[id][pos]["state"] in FINAL)
        for id, at in self.seen.items():
            end = next((pos for pos, job in at.items() if job["state"] in FINAL), 0)
            if end > begin and not ends[id]:
                self.breach("gap", id, f"{name} was never told of its end")

    def figures(self):
        """For the line a run prints: jobs, events, and the longest from 202 to the end in seconds."""
        waits = [self.first_end[id] - when for id, when in self.accepted.items() if id in self.first_end]
        return {"jobs": len(self.accepted), "events": len(self.events), "worst": max(waits, default=0)}


def check(folder):
    """The checker after its work: its breaches are the verdict."""
    checker = Checker(folder)
    checker.read()
    checker.judge()
    return checker
