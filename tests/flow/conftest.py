"""A service for each kind of test: one shared by those that leave it as it was, and fresh ones."""
import os
import pathlib
import uuid

import pytest

from broker import Broker, Kafka, is_fetched
from cluster import Cluster
from service import BUILD, PROGRAM, Service


def pytest_sessionstart(session):
    if not PROGRAM.exists():
        pytest.exit(f"no program at {PROGRAM}: build it, or name it in BUZZER", 4)


def pytest_report_header(config):
    return f"program: {PROGRAM}"


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("shared"), "--slots", "4", "--demo-scale", "0.01")
    service.start()
    yield service
    service.stop()
    service.check_log()


@pytest.fixture
def service(shared_service):
    """The shared one; what a test makes it log is that test's fault."""
    assert shared_service.process.poll() is None, "the shared service has died"
    yield shared_service
    assert shared_service.process.poll() is None, "the service died"
    shared_service.check_log()
    del shared_service.expected[:]


@pytest.fixture
def api(service):
    client = service.client()
    yield client
    client.close()


@pytest.fixture
def make(tmp_path):
    """make(*flags, settings={...}): a service of the test's own, not yet started."""
    made = []

    def maker(*flags, **kwargs):
        folder = kwargs.pop("folder", None) or tmp_path / f"service{len(made)}"
        pathlib.Path(folder).mkdir(exist_ok=True)
        made.append(Service(folder, *flags, **kwargs))
        return made[-1]

    yield maker
    faults = []
    for service in made:
        for step in (service.stop, service.check_log):
            try:
                step()
            except AssertionError as fault:
                faults.append(str(fault))
    assert not faults, "\n".join(faults)


@pytest.fixture
def start(make):
    """start(*flags, settings={...}): a running service of the test's own."""
    return lambda *flags, **kwargs: make(*flags, **kwargs).start()


@pytest.fixture(scope="session")
def hurt():
    """The shared object whose handlers misbehave on purpose (tests/support/hurt.c)."""
    assert (BUILD / "hurt.so").exists(), "hurt.so is not built"
    return str(BUILD / "hurt.so")


# Tests that need Apache Kafka. Nobody shall take a run without a broker for a whole one: it says so at its end.
NO_KAFKA = pytest.StashKey[int]()


def no_kafka(request, why):
    request.config.stash[NO_KAFKA] = request.config.stash.get(NO_KAFKA, 0) + 1
    pytest.skip(why)


def pytest_terminal_summary(terminalreporter, config):
    n = config.stash.get(NO_KAFKA, 0)
    if n:
        terminalreporter.write_line(f"NOT RUN: {n} tests need Kafka: deploy/kafka/kafka fetch; "
                                    "export KAFKA_BROKERS=$(deploy/kafka/kafka start)", red=True)


def own_topics(request):
    brokers = os.environ.get("KAFKA_BROKERS")
    if not brokers:
        no_kafka(request, "KAFKA_BROKERS names no broker")
    return Kafka(brokers, f"test-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def kafka(request):
    """Brokers all tests share, and topics of this test's own."""
    return own_topics(request)


@pytest.fixture
def broker(request, tmp_path):
    """Brokers of the test's own, not yet started, to be stopped and killed."""
    if not is_fetched():
        no_kafka(request, "the broker is not fetched")
    broker = Broker(tmp_path / "kafka")
    yield broker
    broker.wipe()


@pytest.fixture
def make_cluster(tmp_path):
    """make_cluster(kafka, apis=2, workers=1, ...): a service of many processes, of the test's own, not yet started."""
    made = []

    def maker(kafka, **kwargs):
        folder = tmp_path / f"cluster{len(made)}"
        folder.mkdir()
        made.append(Cluster(folder, kafka, **kwargs))
        return made[-1]

    yield maker
    faults = [fault for cluster in made for fault in cluster.stop()]
    assert not faults, "\n".join(faults)


@pytest.fixture
def start_cluster(make_cluster, kafka):
    """start_cluster(apis=2, workers=1, ...): likewise, running, on the brokers all tests share."""
    return lambda **kwargs: make_cluster(kafka, **kwargs).start()


@pytest.fixture(scope="module")
def shared_cluster(request, tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), own_topics(request), workers=2, settings={"types": [
        {"name": "stay", "command": ["/bin/sleep", "71.7"]},
        {"name": "fails", "command": ["/bin/false"], "max_attempts": 2, "backoff_ms": 10, "backoff_max_ms": 20}]})
    try:
        yield cluster.start()
    finally:
        faults = cluster.stop()
    assert not faults, "\n".join(faults)


@pytest.fixture
def cluster(shared_cluster):
    """Two api nodes and two workers of two slots, for tests that leave them as they were."""
    assert all(node.is_alive() for node in shared_cluster.nodes), "a node has died"
    yield shared_cluster
    for node in shared_cluster.nodes:
        assert node.is_alive(), f"{node} died"
        node.check_log()
