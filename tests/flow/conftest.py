"""A service for each kind of test: one shared by those that leave it as it was, and fresh ones."""
import pathlib

import pytest

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
