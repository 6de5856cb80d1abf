"""A crowd of clients with journals, and what is asked of them once they have gone home."""
import time

from journal import check
from load import StreamSubscriber, Submitter, Subscriber, list_all
from service import PATIENCE, until


class Crowd:
    """Submitters at `rate` jobs a second together, and subscribers that follow everything from before the first job on:
    `subscribers` of them over WebSocket, and one stream."""

    def __init__(self, folder, nodes, rate, seed, submitters=12, subscribers=2):
        self.folder, self.nodes = folder / "journals", nodes
        self.folder.mkdir()
        self.subscribers = [Subscriber(self.folder, f"subscriber{i}", nodes, i % len(nodes)) for i in range(subscribers)]
        self.subscribers.append(StreamSubscriber(self.folder, "stream", nodes))
        self.submitters = [Submitter(self.folder, f"client{i}", nodes, rate / submitters, seed) for i in range(submitters)]
        self.probe = Submitter(self.folder, "probe", nodes, 1, seed)      # driven by hand

    def start(self):
        for thread in self.subscribers:
            thread.start()
            assert thread.subscribed.wait(10 * PATIENCE), f"{thread.name} could not subscribe"
        for thread in self.submitters:
            thread.start()

    def accepted(self):
        return {id for thread in (*self.submitters, self.probe) for id in list(thread.accepted)}

    def seconds_until_all_accept(self):
        """How long it takes from now on until every node has accepted a job."""
        begin = time.monotonic()
        for node in self.nodes:
            self.probe.one_job(node)
        return time.monotonic() - begin

    def settle(self, seconds=60):
        """No more work; then everything ends, on every node, and everybody hears of it. The checker's verdict."""
        for thread in self.submitters:
            thread.stopped.set()
        for thread in self.submitters:
            thread.join(60 * PATIENCE)
            assert not thread.is_alive(), f"{thread.name} waits for an answer"
        self.probe.close()
        accepted = self.accepted()
        try:
            for node in self.nodes:
                until(lambda: not self.unfinished(node, accepted), seconds, f"every job to end on {node}")
            for thread in self.subscribers:
                until(lambda: thread.ended >= accepted or not thread.is_alive(), 20, f"{thread.name} to hear of every end")
        except AssertionError as late:
            print(late)           # the checker says what is lost, stuck or not told
        for thread in self.subscribers:
            thread.stopped.set()
        for thread in self.subscribers:
            thread.join(20 * PATIENCE)
        for node in self.nodes:
            list_all(self.folder, node)
        return check(self.folder)

    def unfinished(self, node, accepted):
        """Some of the jobs that have not ended there yet."""
        client = node.client()
        pages = [client.get(f"/v1/jobs?state={state}&page_size=500").json["jobs"]
                 for state in ("scheduled", "queued", "running", "retrying")]
        client.close()
        return accepted & {job["id"] for jobs in pages for job in jobs}


def tell(checker):
    """What a failing test shows: how many breaches of each name, and the first few."""
    names = [breach.name for breach in checker.breaches]
    return f"{ {name: names.count(name) for name in sorted(set(names))} }\n" + "\n".join(
        f"{breach.name}: {breach.about}: {breach.why}" for breach in checker.breaches[:20])
