"""One service of many processes on one event log: api nodes and workers, each with a data folder of its own, started,
killed, frozen and replaced one by one."""
import os
import pathlib
import shutil
import signal

from service import Service, until

LEASE_MS = 3000


class Node(Service):
    """One process of a cluster."""

    def __init__(self, cluster, name, role):
        folder = cluster.folder / name
        folder.mkdir()
        super().__init__(folder, *cluster.flags, settings=cluster.settings, kafka=cluster.kafka.brokers,
                         topics=cluster.kafka.topics, roles=role)
        self.role, self.name = role, name
        self.frozen = []

    def __repr__(self):
        return self.name

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def kill_alone(self):
        """kill -9 of the process itself; what it started must notice."""
        self.process.kill()
        self.process.wait(10)

    def freeze(self):
        """SIGSTOP of it and all it started: to the others it is dead, and it does not know."""
        self.frozen = self.family()
        self._tell_frozen(signal.SIGSTOP)

    def freeze_alone(self):
        """Likewise, but what it started works on."""
        self.frozen = [self.process.pid]
        self._tell_frozen(signal.SIGSTOP)

    def thaw(self):
        self._tell_frozen(signal.SIGCONT)
        self.frozen = []

    def _tell_frozen(self, number):
        for pid in self.frozen:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def forget(self):
        """Its folder is lost: what starts there next is another node, and has another name."""
        shutil.rmtree(self.data)
        self.data.mkdir()
        self.name += "'"


class Cluster:
    """kafka: the brokers and the topics (broker.py)."""

    def __init__(self, folder, kafka, apis=2, workers=1, slots=2, settings=None, lease_ms=LEASE_MS, flags=()):
        self.folder, self.kafka, self.settings = pathlib.Path(folder), kafka, settings
        self.flags = ["--lease-ms", str(lease_ms), "--slots", str(slots), "--http-threads", "1", *flags]
        self.apis, self.workers = [], []
        for _ in range(apis):
            self.add("api")
        for _ in range(workers):
            self.add("worker")

    @property
    def nodes(self):
        return self.apis + self.workers

    def add(self, role):
        """One more node, not yet started."""
        group = self.apis if role == "api" else self.workers
        group.append(Node(self, f"{role}{len(group) + 1}", role))
        return group[-1]

    def start(self):
        for node in self.nodes:
            node.start(ready=False)
        self.until_ready()
        return self

    def until_ready(self, seconds=20):
        """Every api node is ready, and knows every worker that runs."""
        wanted = sum(node.is_alive() for node in self.workers)
        for node in self.apis:
            until(lambda: node.client().get("/readyz").status == 200, seconds, f"{node} to be ready")
            until(lambda: len(known_workers(node)) == wanted, seconds, f"{wanted} workers at {node}")

    def clients(self):
        return [node.client() for node in self.apis]

    def stop(self):
        """SIGTERM to all at once; then every log is looked at. All faults, as a list."""
        faults = []
        alive = [node for node in self.nodes if node.is_alive()]
        for node in alive:
            node.thaw()
            node.signal(signal.SIGTERM)
        for step in [node.ended for node in alive] + [node.check_log for node in self.nodes]:
            try:
                step()
            except AssertionError as fault:
                faults.append(f"{step.__self__}: {fault}")
        return faults


def known_workers(api):
    """The workers that take work, as an api node tells of them."""
    return [worker for worker in api.client().get("/v1/workers").json["workers"] if not worker["draining"]]
