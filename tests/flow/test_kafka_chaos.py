"""Processes of one service die, freeze and come back under load; judged only by what the clients wrote down.

CHAOS_ROUNDS faults (6 by default; 100 in a long run), CHAOS_RATE jobs a second, CHAOS_SEED."""
import collections
import os
import random
import time

from cluster import LEASE_MS
from crowd import Crowd, tell
from kafka_topics import events_of
from load import TYPES
from service import PATIENCE

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "6"))
RATE = int(os.environ.get("CHAOS_RATE", "200"))
SEED = os.environ.get("CHAOS_SEED", "20261122")


def late_ends(events):
    """How many ends were told by a worker that had lost its job before: everybody ignores them, by their epoch."""
    epochs, running, late = collections.Counter(), set(), 0
    for event in events:
        job, epoch = event.get("job"), event["data"].get("epoch")
        if event["kind"] == "claimed" and job not in running and epoch == epochs[job] + 1:
            epochs[job] = epoch
            running.add(job)
        elif event["kind"] in ("done", "failed", "released", "lost", "cancelled"):
            if job in running and epoch == epochs[job]:
                running.discard(job)
            elif event["kind"] in ("done", "failed"):
                late += 1
    return late


class Chaos:
    def __init__(self, cluster, dice):
        self.cluster, self.dice = cluster, dice
        self.kills = self.freezes = 0

    def round(self, number):
        """Kills and freezes take turns, and so do workers and api nodes; which, when, how and for how long is up to the dice."""
        time.sleep(self.dice.uniform(0.2, 1.5))
        group = self.cluster.workers if number // 2 % 2 == 0 else self.cluster.apis
        victims = self.dice.sample(group, 2 if self.dice.random() < .1 else 1)
        (self.kill, self.freeze)[number % 2](victims)

    def kill(self, victims):
        for node in victims:
            node.kill() if self.dice.random() < .5 else node.kill_alone()
            self.kills += 1
        time.sleep(self.dice.uniform(0.2, 2))
        for node in victims:
            node.start(ready=False)

    def freeze(self, victims):
        for node in victims:
            node.freeze() if self.dice.random() < .5 else node.freeze_alone()
            self.freezes += 1
        time.sleep(self.dice.uniform(0.1, 2) * LEASE_MS / 1000)
        for node in victims:
            node.thaw()


def test_no_fault_of_any_process_loses_or_doubles_anything(start_cluster, kafka, tmp_path):
    cluster = start_cluster(apis=2, workers=3, slots=4, settings={"types": TYPES})
    crowd, chaos = Crowd(tmp_path, cluster.apis, RATE, SEED), Chaos(cluster, random.Random(SEED))
    crowd.start()
    begin = time.monotonic()
    for number in range(ROUNDS):
        chaos.round(number)
    time.sleep(1)
    spent = time.monotonic() - begin
    checker = crowd.settle()
    figures, late = checker.figures(), late_ends(events_of(kafka))
    print(f"\nseed {SEED}: {figures['jobs']} jobs and {figures['events']} events in {spent:.0f} s, {chaos.kills} kills, "
          f"{chaos.freezes} freezes, {sum(thread.cuts for thread in crowd.subscribers)} cuts of subscribers, "
          f"{late} late ends refused, longest from 202 to the end {figures['worst']:.1f} s")
    assert not checker.breaches, tell(checker)
    assert [api.metric("buzzer_views_differ_total") for api in cluster.clients()] == [0, 0], "two nodes folded differently"
    assert figures["jobs"] > RATE * spent / 10 / PATIENCE, "there was hardly a load"
    assert late or ROUNDS < 50, "no worker ever woke too late, so nothing was proven of it"
