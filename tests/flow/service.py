"""The real program, started the way an operator starts it: a data folder, free port, log to a file."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import yaml

from client import Client

REPO = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("BUZZER", REPO / "build/dev/buzzer")).resolve()
BUILD = PROGRAM.parent


def _sanitizer():
    """Which sanitizer the program was built with: some limits mean something else under one."""
    code = PROGRAM.read_bytes() if PROGRAM.exists() else b""
    return "address" if b"__asan_init" in code else "thread" if b"__tsan_init" in code else ""


SANITIZER = _sanitizer()
PATIENCE = 6 if SANITIZER else 1        # a sanitized program may take its time
REPORTS = ("AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:", "Assertion `")


def until(condition, seconds=10, what="the condition"):
    """Asks again and again until it is true; the answer comes back. Fails when the time is up."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds * PATIENCE} s in vain for {what}"
        time.sleep(0.01)


def processes():
    """Every process alive: {pid: (parent, command line)}."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent, state = 0, ""
            for line in (entry / "status").read_text().splitlines():
                if line.startswith("PPid:"):
                    parent = int(line.split()[1])
                elif line.startswith("State:"):
                    state = line.split()[1]
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, ValueError):
            continue
        if state != "Z":
            found[int(entry.name)] = (parent, words)
    return found


def running_with(word):
    """The processes whose command line holds the word."""
    return [pid for pid, (_, words) in processes().items() if word in words and pid != os.getpid()]


class Service:
    def __init__(self, folder, *flags, settings=None, env=None, kafka=None, topics="jobs", roles=None):
        """kafka: brokers that keep the log, for several processes that are one service; roles: of this one."""
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.flags = list(flags)
        if kafka:
            self.flags += ["--kafka", kafka, "--kafka-topics", topics]
        if roles:
            self.flags += ["--roles", roles]
        self.has_api = not roles or "api" in roles
        self.env = env or {}
        self.expected = []              # patterns of error lines that a test provokes
        self.log = self.folder / "log"
        self.process = None
        self.port = None
        self.checked = 0                # how much of the log was looked at
        self.data.mkdir(exist_ok=True)
        if settings is not None:
            self.flags += ["--config", str(self.configure(settings))]

    def configure(self, settings):
        """Writes the settings file, which counts from the next start on."""
        file = self.folder / "settings.yaml"
        file.write_text(yaml.safe_dump(settings))
        return file

    def launch(self):
        """Starts it and waits for nothing; comes back with where its lines begin in the log."""
        mark = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log, open(self.folder / "stdout", "ab") as out:
            self.process = subprocess.Popen(
                [str(PROGRAM), "serve", "--listen", "127.0.0.1:0", "--data", str(self.data), *self.flags],
                stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True,
                env={**{k: v for k, v in os.environ.items() if not k.startswith("BUZZER")}, **self.env})
        return mark

    def start(self, ready=True):
        mark = self.launch()

        def told(pattern):
            text = self.log.read_text(errors="replace")[mark:]
            assert self.process.poll() is None, f"ended with {self.process.returncode} at its start:\n{text}"
            return re.search(pattern, text)

        if not self.has_api:
            until(lambda: told(r"working \(data in "), 20, "the line that says it works")
            return self
        self.port = int(until(lambda: told(r"listening on http://127\.0\.0\.1:(\d+)"), 20, "the line that says the port").group(1))
        if ready:
            until(lambda: self.client().get("/readyz").status == 200, 20, "/readyz")
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, **kwargs):
        return Client(self.port, **kwargs)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=40):
        return self.process.wait(seconds * PATIENCE)

    def stop(self):
        """SIGTERM, as an operator does: the drain must end with 0."""
        if self.process is None or self.process.poll() is not None:
            return
        self.signal(signal.SIGTERM)
        self.ended()

    def ended(self):
        """After a SIGTERM: it goes within its time, with 0."""
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("did not end within its time after SIGTERM") from None
        assert status == 0, f"ended with {status} after SIGTERM"

    def family(self):
        """The process and all that descend from it."""
        alive, found = processes(), [self.process.pid]
        for pid in found:
            found += [child for child, (parent, _) in alive.items() if parent == pid]
        return found

    def kill(self):
        """kill -9 of everything at once: what a power cut looks like to the processes."""
        if self.process is None or self.process.poll() is not None:
            return
        for pid in self.family():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(10)

    def expect(self, pattern):
        """An error line that the test provokes is no surprise."""
        self.expected.append(re.compile(pattern))

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def check_log(self):
        """Everything logged since the last look is a JSON line, and none is an unexpected error."""
        if not self.log.exists():
            return
        text = self.log.read_text(errors="replace")[self.checked:]
        self.checked += len(text)
        wrong = []
        for line in text.splitlines():
            if any(pattern.search(line) for pattern in self.expected):
                continue
            if any(report in line for report in REPORTS):
                raise AssertionError(f"the log holds a report:\n{text[:20000]}")
            try:
                if json.loads(line)["level"] == "error":
                    wrong.append(line)
            except (ValueError, KeyError):
                wrong.append("not a log line: " + line)
        assert not wrong, "unexpected in the log:\n" + "\n".join(wrong[:20])
