"""Brokers that die, fall silent or are not there yet: the service waits and loses nothing, and work goes on meanwhile.

BROKER_ROUNDS kills of a single broker (2 by default; 10 in a long run), BROKER_SEED."""
import json
import os
import random
import re
import subprocess
import threading
import time

from broker import Kafka
from client import check_problem
from cluster import LEASE_MS
from crowd import Crowd, tell
from load import TYPES
from service import PATIENCE, until

ROUNDS = int(os.environ.get("BROKER_ROUNDS", "2"))
SEED = os.environ.get("BROKER_SEED", "20261122")
RATE = 60


def own(broker):
    return Kafka(broker.brokers, "jobs")


def test_a_broker_that_is_killed_costs_no_job(broker, make_cluster, tmp_path):
    broker.start()
    cluster = make_cluster(own(broker), apis=2, workers=2, slots=4, settings={"types": TYPES}).start()
    crowd, dice = Crowd(tmp_path, cluster.apis, RATE, SEED, submitters=6), random.Random(SEED)
    crowd.start()
    took = []
    for _ in range(ROUNDS):
        time.sleep(dice.uniform(1, 2))
        broker.kill()
        time.sleep(dice.uniform(0.2, 2))
        broker.restart()                  # comes back when it answers
        took.append(crowd.seconds_until_all_accept())
    time.sleep(1)
    checker = crowd.settle()
    figures = checker.figures()
    print(f"\nseed {SEED}: {figures['jobs']} jobs, {ROUNDS} kills of the broker, accepting again at most "
          f"{max(took):.2f} s after it answered, longest from 202 to the end {figures['worst']:.1f} s")
    assert not checker.breaches, tell(checker)
    assert max(took) < 3 * PATIENCE, took


def leader(kafka):
    told = json.loads(subprocess.run(["kcat", "-b", kafka.brokers, "-L", "-J", "-t", kafka.topics + ".log"], capture_output=True,
                                     timeout=30).stdout)
    return told["topics"][0]["partitions"][0]["leader"]


def test_the_leader_of_three_brokers_is_killed(broker, make_cluster, tmp_path):
    broker.start(3)
    kafka = own(broker)
    cluster = make_cluster(kafka, apis=2, workers=2, slots=4, settings={"types": TYPES}).start()
    crowd = Crowd(tmp_path, cluster.apis, RATE, SEED, submitters=6)
    crowd.start()
    time.sleep(2)
    dead = leader(kafka)
    broker.kill(dead)
    took = crowd.seconds_until_all_accept()
    time.sleep(2)
    broker.restart(dead)
    time.sleep(1)
    checker = crowd.settle()
    figures = checker.figures()
    print(f"\n{figures['jobs']} jobs, accepting again {took:.2f} s after the leader's death, longest from 202 to the end "
          f"{figures['worst']:.1f} s")
    assert not checker.breaches, tell(checker)
    assert took < 8 * PATIENCE


def test_a_service_waits_for_a_broker_that_is_not_there_yet(broker, make_cluster):
    broker.start()
    broker.stop()
    cluster = make_cluster(own(broker), apis=1, workers=1)
    cluster.apis[0].start(ready=False)
    worker = threading.Thread(target=cluster.workers[0].start)      # it says that it works once it does
    worker.start()
    api = cluster.apis[0].client()
    assert api.get("/livez").status == 200 and api.get("/readyz").status == 503
    answer = api.post("/v1/jobs", {"type": "echo", "input": 1})
    assert answer.status == 503 and answer.headers["Retry-After"]
    broker.start()
    worker.join(30 * PATIENCE)
    cluster.until_ready(30)
    assert api.run("echo", 1)["state"] == "succeeded"


def test_work_goes_on_while_the_broker_is_away(broker, make_cluster):
    """For longer than a lease: nobody is taken for lost, and what ended meanwhile is told afterwards."""
    broker.start()
    cluster = make_cluster(own(broker), apis=2, workers=2, slots=2).start()
    one, two = cluster.clients()
    before = one.run("echo", 1)
    ids = [one.submit("sleep", {"seconds": 2})["id"] for _ in range(4)]
    for id in ids:
        one.wait(id, states={"running"})
    broker.kill()
    begin = time.monotonic()
    answer = two.post("/v1/jobs", {"type": "echo", "input": 2})
    check_problem(answer, 503, answer.json["type"].split("#")[1])
    assert int(answer.headers["Retry-After"]) > 0
    assert time.monotonic() - begin < 8 * PATIENCE
    until(lambda: two.get("/readyz").status == 503, 10, "/readyz to say so")
    assert two.job(before["id"]) == before         # what it knows it still tells
    time.sleep(max(0, begin + 1.5 * LEASE_MS / 1000 - time.monotonic()))
    broker.restart()
    cluster.until_ready(30)
    jobs = [two.wait(id, seconds=30 * PATIENCE) for id in ids]
    assert all(job["state"] == "succeeded" and len(job["attempts"]) == 1 for job in jobs), jobs
    assert two.run("echo", 3)["state"] == "succeeded"


def test_a_broker_that_says_nothing_for_a_while_costs_no_job(broker, make_cluster):
    broker.start()
    cluster = make_cluster(own(broker), apis=1, workers=2, slots=2).start()
    api = cluster.apis[0].client()
    ids = [api.submit("sleep", {"seconds": 1})["id"] for _ in range(8)]
    broker.pause()
    time.sleep(1.5 * LEASE_MS / 1000)
    broker.resume()
    assert [api.wait(id, seconds=60 * PATIENCE)["state"] for id in ids] == ["succeeded"] * 8


def test_a_node_refuses_a_log_that_is_not_the_one_it_knows(make_cluster, kafka):
    """Its view came from another log: it says so and goes no further, instead of mixing the two."""
    cluster = make_cluster(kafka, apis=2, workers=1).start()
    one, two = cluster.apis
    job = one.client().run("echo", 1)
    until(lambda: two.client().job(job["id"])["state"] == "succeeded", what="the other node to know it")
    two.stop()
    other = make_cluster(Kafka(kafka.brokers, kafka.topics + "-other"), apis=1, workers=0)
    other.start()
    two.flags = [flag if flag != kafka.topics else other.kafka.topics for flag in two.flags]
    two.expect("log")
    try:
        two.start(ready=False)
    except AssertionError:
        pass                                       # it may be quicker than the line that it listens
    assert two.wait(30) not in (0, -6, -11)
    said = two.log.read_text().splitlines()[-5:]
    assert any(re.search(r'"level":"error".*log', line) for line in said), said
