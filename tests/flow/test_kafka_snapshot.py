"""Nodes that start from a copy of another node's view: on a long log, or on one that has lost its beginning."""
import re

import kafka_topics
from keyed import Keyed, bearer
from service import PATIENCE, until
from sockets import Socket

LONG_LOG = 100_000      # from so many records on a copy is asked for


def end(node):
    """Its exit code, once it has ended by itself."""
    return node.process.wait(40 * PATIENCE)


def test_a_new_node_starts_from_a_copy_where_the_log_is_long(start_cluster):
    cluster = start_cluster(apis=1, workers=1)
    keyed = Keyed(cluster.apis[0])
    ended = [keyed.boss.run("echo", i) for i in range(10)]
    large = keyed.boss.submit_bytes("echo", b"x" * 200_000, "application/octet-stream")["id"]
    keyed.boss.wait(large)
    kafka_topics.fill(cluster.kafka, LONG_LOG)
    last = keyed.boss.run("echo", "after all of them")
    new, worker = cluster.add("api"), cluster.add("worker")
    for node in (new, worker):
        node.start()
        assert "a copy of the view is here" in node.log.read_text(), node.log.read_text()
    two = new.client(key=keyed.boss.key)
    assert [two.job(job["id"]) for job in ended] == ended and two.job(last["id"]) == last
    assert two.result(large).body == b"x" * 200_000
    with Socket(new, f"?all=1&after={ended[4]['cursor']}", extra_headers=bearer(two)) as socket:
        assert socket.answer("subscribed")["recovered"] is True
        told = socket.events_until("job.succeeded", last["id"])
        assert [e["subject"] for e in told if e["type"].endswith("succeeded")] == [job["id"] for job in ended[5:]] + [large, last["id"]]
    cluster.workers[0].stop()
    assert two.run("echo", "done by the new worker")["state"] == "succeeded"


def test_a_view_that_the_log_cannot_go_on_from_is_set_aside(start_cluster):
    cluster = start_cluster(apis=2, workers=1)
    one = cluster.apis[0].client()
    first = one.run("echo", 1)
    cluster.apis[1].stop()
    ended = [first] + [one.run("echo", i) for i in range(10)]
    kafka_topics.truncate(cluster.kafka, kafka_topics.end_of(cluster.kafka))
    away = cluster.apis[1]
    away.expect("this data folder needs it from")
    away.launch()
    listening = r"a copy of the view is here(?s:.*)listening on http://127\.0\.0\.1:(\d+)"
    away.port = int(until(lambda: re.search(listening, away.log.read_text()), 20, "a copy").group(1))
    until(lambda: away.client().get("/readyz").status == 200, what="it to be ready")
    two = away.client()
    assert [two.job(job["id"]) for job in ended] == ended
    assert len(list(away.data.glob("buzzer.db.set-aside-*"))) == 1
    assert two.run("echo", 2)["state"] == "succeeded"

    for node in cluster.apis:
        node.stop()
    alone = cluster.add("api")
    alone.expect("the beginning of the log is kept no more, and no other node gave a copy of its view")
    alone.launch()
    assert end(alone) == 70
    assert alone.log.read_text().count("cannot start") == 1 and "the old view" not in alone.log.read_text()


def test_a_view_is_kept_where_the_topic_is_gone(start_cluster):
    cluster = start_cluster(apis=1, workers=0)
    node = cluster.apis[0]
    node.client().submit("echo", 1, delay_ms=3_600_000)
    node.stop()
    kafka_topics.delete(cluster.kafka)
    node.expect("is not there, and the data folder holds a view of it")
    node.launch()
    assert end(node) == 70
    assert not list(node.data.glob("buzzer.db.set-aside-*")) and (node.data / "buzzer.db").stat().st_size
