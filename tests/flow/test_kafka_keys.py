"""Keys and tenants of a service of many processes: made, used and revoked on any node."""
import threading

import pytest

from client import check_problem
from keyed import Keyed, bearer
from service import until
from sockets import Socket


@pytest.fixture
def nodes(start_cluster):
    """Two api nodes, with the keys made on the first."""
    cluster = start_cluster(apis=2)
    keyed = Keyed(cluster.apis[0])
    until(lambda: cluster.apis[1].client(key=keyed.b.key).get("/v1/jobs").status == 200, 10, "the keys on the other node")
    keyed.other = cluster.apis[1]
    keyed.cluster = cluster
    return keyed


def test_a_key_is_one_on_every_node(nodes):
    assert nodes.other.client().get("/v1/jobs").status == 401
    boss = nodes.other.client(key=nodes.boss.key)
    assert boss.get("/v1/keys").json == nodes.boss.get("/v1/keys").json
    made = boss.post("/v1/keys", {"tenant": "a", "scopes": ["read"]}).json
    until(lambda: nodes.service.client(key=made["key"]).get("/v1/jobs").status == 200, 10, "a key made on the other node")


def test_a_job_is_its_tenants_on_every_node(nodes):
    job = nodes.a.submit("echo", {"of": "a"}, {"Idempotency-Key": "k"})["id"]
    a, b = (nodes.other.client(key=client.key) for client in (nodes.a, nodes.b))
    until(lambda: a.get(f"/v1/jobs/{job}").status == 200, 10, "the job on the other node")
    assert a.wait(job)["state"] == "succeeded"
    check_problem(b.get(f"/v1/jobs/{job}"), 404, "not-found")
    check_problem(b.get(f"/v1/jobs/{job}/result"), 404, "not-found")
    assert b.get("/v1/jobs").json["jobs"] == []
    other = b.submit("echo", {"of": "b"}, {"Idempotency-Key": "k"})["id"]
    assert other != job and a.submit("echo", {"of": "a"}, {"Idempotency-Key": "k"})["id"] == job


def test_at_once_on_two_nodes_an_idempotency_key_is_still_its_tenants(nodes):
    made = []

    def submit(node, client):
        made.append((client.key, node.client(key=client.key).submit("echo", 1, {"Idempotency-Key": "at once"})["id"]))

    threads = [threading.Thread(target=submit, args=(node, client)) for client in (nodes.a, nodes.b) for node in nodes.cluster.apis * 4]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert len(made) == 16 and len(set(made)) == 2 and len({id for _, id in made}) == 2


def test_a_key_revoked_on_one_node_ends_on_the_others_with_what_it_opened(nodes):
    client = nodes.client("a", "read")
    until(lambda: nodes.other.client(key=client.key).get("/v1/jobs").status == 200, 10, "the key on the other node")
    with Socket(nodes.other, "?all=1", extra_headers=bearer(client)) as socket:
        socket.answer("subscribed")
        nodes.revoke(client)
        assert client.get("/v1/jobs").status == 401
        assert socket.closed()[0] == 4401
        assert nodes.other.client(key=client.key).get("/v1/jobs").status == 401


def test_a_new_node_knows_the_keys_before_it_is_ready(nodes):
    node = nodes.cluster.add("api").start()
    assert node.client().get("/v1/jobs").status == 401
    assert node.client(key=nodes.a.key).get("/v1/jobs").status == 200
