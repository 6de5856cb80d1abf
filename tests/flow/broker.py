"""Apache Kafka for a test: the broker all tests of a run share, or brokers of a test's own to be killed.

deploy/kafka/kafka does the work; `kafka fetch` must have been run once."""
import os
import pathlib
import signal
import subprocess
from typing import NamedTuple

REPO = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = REPO / "deploy/kafka/kafka"
LIBS = pathlib.Path(os.environ.get("KAFKA_LIBS", REPO / "build/kafka/libs"))


class Kafka(NamedTuple):
    """Where a service has its log: what it is told with --kafka and --kafka-topics."""
    brokers: str
    topics: str


def is_fetched():
    return (LIBS / "stamp").exists()


class Broker:
    """One broker or three with a folder and ports of their own, which they keep over every stop and start."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.more = ""                  # settings over those of server.properties
        self.addresses = []
        self.nodes = 0

    def _do(self, *words):
        done = subprocess.run([SCRIPT, *map(str, words)], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                              env={**os.environ, "KAFKA_DIR": str(self.folder), "KAFKA_LIBS": str(LIBS), "KAFKA_PORT": "0"})
        assert done.returncode == 0, f"kafka {' '.join(map(str, words))}:\n{done.stderr}"
        return done.stdout.strip()

    def start(self, nodes=1):
        """Also after a stop, when what they held is still there."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "more.properties").write_text(self.more)
        self.addresses = self._do("start", nodes).split(",")
        self.nodes = nodes
        return self

    @property
    def brokers(self):
        return ",".join(self.addresses)

    def stop(self):
        """In order, each telling the others."""
        self._do("stop")

    def kill(self, node=1):
        """kill -9."""
        self._do("kill", node)

    def restart(self, node=1):
        """Starts it again, ending it first where it still runs; comes back when it answers."""
        self._do("restart", node)

    def pause(self, node=1):
        """It is there and says nothing, as behind a cable that was pulled."""
        os.kill(self.pid(node), signal.SIGSTOP)

    def resume(self, node=1):
        os.kill(self.pid(node), signal.SIGCONT)

    def pid(self, node=1):
        return int((self.folder / str(node) / "pid").read_text())

    def wipe(self):
        """Ends them and removes all they hold; the next start is a new cluster on other ports."""
        if self.folder.exists():
            self._do("wipe")

    def log(self, node=1):
        return (self.folder / str(node) / "log").read_text(errors="replace")
