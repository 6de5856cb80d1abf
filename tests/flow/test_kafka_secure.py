"""Brokers that speak TLS alone and ask who is there: what they want to know is given as kafka_options, and stays a secret."""
import ctypes
import pathlib
import re
import subprocess

import pytest
import yaml

from broker import Broker, Kafka, is_fetched
from client import check_problem
from conftest import no_kafka
from keyed import Keyed
from service import PATIENCE, PROGRAM, until

PASSWORD, OTHER, WRONG = "half a secret, and the other=half", "swordfish=7:x", "sardine, is it?"
SETTINGS = """
listeners=PLAINTEXT://127.0.0.1:@port@,CONTROLLER://127.0.0.1:@controller@,SECURE://127.0.0.1:@more@
advertised.listeners=PLAINTEXT://127.0.0.1:@port@,SECURE://127.0.0.1:@more@
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={folder}/broker.pem
listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
    user_buzzer="{password}" user_other="{other}";
listener.name.secure.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"""


def openssl(folder, *words):
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def make_certificates(folder):
    """ca.pem, other.pem, which is somebody else's authority, and broker.pem: the key and what the first says of it."""
    folder.mkdir()
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in ("ca", "other"):
        openssl(folder, "req", "-x509", *new, "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(folder, "req", *new, "-subj", "/CN=broker", "-keyout", "broker.key", "-out", "broker.csr")
    openssl(folder, "x509", "-req", "-in", "broker.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "broker.crt")
    (folder / "broker.pem").write_text((folder / "broker.key").read_text() + (folder / "broker.crt").read_text())


@pytest.fixture(scope="module")
def secured(request, tmp_path_factory):
    """(brokers, folder of the certificates)"""
    if not is_fetched():
        no_kafka(request, "the broker is not fetched")
    folder = tmp_path_factory.mktemp("secure")
    make_certificates(folder / "tls")
    broker = Broker(folder / "kafka")
    broker.more = SETTINGS.format(folder=folder / "tls", password=PASSWORD, other=OTHER)
    try:
        host, port = broker.start().brokers.split(":")
        yield f"{host}:{int(port) + 6}", folder / "tls"
    finally:
        broker.wipe()


def options(tls, password=PASSWORD, user="buzzer", ca="ca.pem", mechanism="PLAIN"):
    return ["security.protocol=SASL_SSL", f"ssl.ca.location={tls / ca}", f"sasl.mechanism={mechanism}", f"sasl.username={user}",
            f"sasl.password={password}"]


def told(node):
    """Everything that others on the machine, or who reads the log, can see of it."""
    commands = [pathlib.Path(f"/proc/{pid}/cmdline").read_text() for pid in node.family()]
    return node.log.read_text() + "".join(commands)


def test_a_job_is_done_over_tls_and_nobody_sees_the_password(secured, make_cluster):
    """The api has it from the settings file, with a comma in it, the worker from its environment."""
    brokers, tls = secured
    cluster = make_cluster(Kafka(brokers, "secure"), apis=1, workers=1, flags=["--log-level", "debug"], settings={
        "kafka_options": [*options(tls), "debug=security,broker"], "types": [{"name": "show", "command": ["/usr/bin/env"], "result_type": "text/plain"}]})
    api, worker = cluster.nodes
    worker.env = {"BUZZER_KAFKA_OPTIONS": ",".join(options(tls, OTHER, "other"))}
    cluster.start()
    client = api.client()
    assert client.run("echo", {"over": "TLS"})["state"] == "succeeded"
    data = bytes(range(256)) * 1024                      # such a body has a topic and clients of its own
    job = client.wait(client.submit_bytes("echo", data, "application/octet-stream")["id"])
    assert client.get(f"/v1/jobs/{job['id']}/result").body == data
    shown = client.run("show", None)
    shown = client.get(f"/v1/jobs/{shown['id']}/result").body.decode()
    assert "JOB_ID" in shown and "BUZZER" not in shown and OTHER not in shown
    assert "sasl_ssl://" in told(api)                    # librdkafka has said much
    for node in cluster.nodes:
        assert not any(secret in told(node) for secret in (PASSWORD, PASSWORD.split(",")[0], OTHER)), node


def test_who_is_not_let_in_says_why_once_and_waits(secured, make_cluster):
    brokers, tls = secured
    old = ctypes.CDLL("librdkafka.so.1").rd_kafka_version() < 0x020601ff
    cases = [(options(tls, WRONG), r"it does not let us in: .*[Aa]uthentication failed"),
             (options(tls, ca="other.pem"), r"no TLS connection can be made: .*certificate verify failed.*ssl\.ca\.location"),
             (options(tls, WRONG, mechanism="SCRAM-SHA-256"), r"it does not let us in: .*SCRAM" + (".*before 2.6.1" if old else ""))]
    cluster = make_cluster(Kafka(brokers, "refused"), apis=len(cases), workers=0, settings={"kafka_options": options(tls)}).start()
    key = Keyed.make_with(cluster.apis[0].client(), scopes=["admin"], name="boss")["key"]
    for node in cluster.nodes:
        until(lambda: node.client(key=key).get("/v1/jobs").status == 200, what=f"the key at {node}")
    assert cluster.stop() == []                          # who may ask they know from now on without Kafka
    lines = {}
    for node, (given, _) in zip(cluster.nodes, cases):
        (node.folder / "settings.yaml").write_text(yaml.safe_dump({"kafka_options": given}))
        lines[node] = len(node.lines())
        node.start(ready=False)
    for node, (_, sentence) in zip(cluster.nodes, cases):
        until(lambda: re.search("waiting for Kafka at " + brokers + ": " + sentence, node.log.read_text()), 20, sentence)
        client = node.client(key=key)
        assert client.get("/livez").status == 200 and client.get("/readyz").status == 503
        check_problem(client.post("/v1/jobs", {"type": "echo", "input": 1}), 503, "log-away")
    for node in cluster.nodes:
        assert len(node.lines()) - lines[node] <= 3, node.log.read_text()      # it has tried a dozen times
        assert WRONG not in told(node) and PASSWORD not in told(node)


@pytest.mark.parametrize("option", ["acks=1", "enable.idempotence=false", "group.id=mine", "enable.auto.commit=true",
                                    "bootstrap.servers=127.0.0.1:2", "no.such.property=1", "security.protocol=tls",
                                    "ssl.ca.location=/nowhere/ca.pem", "entry 2"])
def test_an_option_that_cannot_be_taken_ends_the_start(tmp_path, option):
    """entry 2: the rest of a password that was torn at its comma."""
    given = "sasl.password=half,swordfish=7" if option == "entry 2" else "security.protocol=SSL," + option
    done = subprocess.run([PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "data", "--kafka", "127.0.0.1:1"],
                          env={"BUZZER_KAFKA_OPTIONS": given}, capture_output=True, text=True, timeout=20 * PATIENCE)
    assert done.returncode == 78, done.stderr
    assert '"level":"error"' in done.stderr and option.split("=")[0] in done.stderr, done.stderr
    assert "swordfish" not in done.stderr and "half" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
