"""Types that run a command: exit codes, output, environment, and what such a command cannot do."""
import os
import time

import pytest

from client import check_problem
from service import SANITIZER, Service, running_with, until


def shell(name, script, **more):
    return {"name": name, "command": ["/bin/sh", "-c", script], "max_attempts": 1, **more}


def python(name, script, **more):
    return {"name": name, "command": ["/usr/bin/python3", "-c", script], "max_attempts": 1, **more}


TYPES = [
    shell("cat", "cat"),
    {"name": "upper", "command": ["/usr/bin/tr", "a-z", "A-Z"], "result_type": "text/plain", "max_attempts": 1},
    shell("exit3", "echo the reason >&2; exit 3"),
    shell("exit65", "echo no good >&2; exit 65", max_attempts=4, backoff_ms=10),
    shell("segv", "kill -SEGV $$"),
    shell("term", "kill -TERM $$"),
    shell("notjson", "echo this is no json"),
    shell("silent", "true"),
    shell("env", "env -0 | python3 -c 'import json,sys; print(json.dumps(dict(l.split(\"=\",1) for l in sys.stdin.read().split(\"\\0\") if l)))'"),
    shell("slow", "sleep 3333.3", timeout_ms=300),
    shell("polite", "trap 'exit 0' TERM; echo '{\"partial\":true}'; sleep 3333.6 & wait", timeout_ms=700),
    shell("ignores", "trap '' TERM; sleep 3333.4 & setsid sleep 3333.4 & (setsid sh -c 'trap \"\" TERM; sleep 3333.4; sleep 3333.4' &) ; sleep 3333.4; sleep 3333.4",
          timeout_ms=600000, kill_grace_ms=500),
    shell("leaves", "(setsid sleep 3333.5 > /dev/null 2>&1 &); echo 1"),
    shell("flood", "cat /dev/zero", output_bytes=1000000),
    shell("noise", "yes 'an error' | head -c 5000000 >&2; echo 1"),
    shell("argument", "echo \"\\\"$0\\\"\""),
    python("memory", "x = b'x' * (600 << 20); print(len(x))", memory_bytes=256 << 20),
    python("little", "x = b'x' * (20 << 20); print(len(x))", memory_bytes=256 << 20),
    shell("scratch", "echo hello > file && mkdir sub && echo there > sub/file && cat file sub/file | wc -c"),
    shell("leftover", "ls -A | wc -l; echo x > left"),
    python("connect", "import socket; s = socket.create_connection(('127.0.0.1', int(input()))); print(1)"),
    python("connected", "import socket; s = socket.create_connection(('127.0.0.1', int(input()))); print(1)", network=True),
    python("escape", """
import json, os, sys
paths, found = json.load(sys.stdin), {}
for path in paths['read']:
    try:
        if os.path.isdir(path):
            found[path] = len(os.listdir(path))
        else:
            with open(path, 'rb') as file:
                found[path] = 'opened' if path.endswith('/mem') else len(file.read(10))
    except OSError as error:
        found[path] = 'no'
for path in paths['write']:
    try:
        open(path, 'a').close()
        os.unlink(path)
        found[path] = 'written'
    except OSError as error:
        found[path] = 'no'
print(json.dumps(found))
"""),
    python("fds", "import os, json; print(json.dumps(sorted(int(f) for f in os.listdir('/proc/self/fd'))))"),
    python("progress", """
import os, time
for line in (b'{"percent":10}\\n', b'nonsense\\n', b'{"percent":500}\\n', b'{"message":"half"}\\n', b'[]\\n', b'x' * 100000 + b'\\n',
             b'{"percent":90,"message":"nearly"}\\n'):
    os.write(3, line)
    time.sleep(0.05)
print(1)
"""),
    python("phases", """
import os, sys, time
os.write(3, b'{"percent":10,"message":"first"}\\n')
time.sleep(0.02)
os.write(3, b'{"message":"second"}\\n{"percent":20}\\n')
sys.stdin.read()
time.sleep(60)
"""),
    python("diesloud", "import os, sys; sys.stderr.write('the last words\\n'); sys.stderr.flush(); os.abort()"),
]


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("commands"), settings={"types": TYPES}, env={"SECRET": "hush"}).start()
    yield service
    service.stop()
    service.check_log()


@pytest.fixture
def api(commands):
    return commands.client()


def test_the_input_goes_in_and_the_output_comes_out(api):
    assert api.run("cat", {"a": [1, 2]})["result"] == {"a": [1, 2]}


def test_bytes_go_through_a_command_with_its_own_result_type(api):
    job = api.submit_bytes("upper", b"hello\n" * 20000, "text/plain")
    assert api.wait(job["id"])["state"] == "succeeded"
    result = api.result(job["id"])
    assert result.body == b"HELLO\n" * 20000 and result.media_type == "text/plain"


def test_an_exit_code_is_a_failure_with_what_was_said(api):
    error = api.run("exit3", 1)["error"]
    assert error["code"] == "handler_error" and "the reason" in error["message"]


def test_exit_code_65_is_bad_input_and_final(api):
    job = api.run("exit65", 1)
    assert job["error"]["code"] == "bad_input" and job["attempt"] == 1 and "no good" in job["error"]["message"]


@pytest.mark.parametrize("type, word", [("segv", "SEGV"), ("term", "TERM")])
def test_a_signal_is_a_crash_and_named(api, type, word):
    error = api.run(type, 1)["error"]
    assert error["code"] == "crashed" and (word in error["message"] or str({"SEGV": 11, "TERM": 15}[word]) in error["message"])


def test_the_last_words_of_a_crash_are_told(api):
    error = api.run("diesloud", 1, max_attempts=1)["error"]
    assert error["code"] == "crashed" and "SIGABRT" in error["message"] and "the last words" in error["message"]


@pytest.mark.parametrize("type", ["notjson", "silent"])
def test_output_that_is_not_json_is_bad_output(api, type):
    assert api.run(type, 1)["error"]["code"] == "bad_output"


def test_a_command_sees_its_own_environment_and_none_of_ours(api):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    job = api.submit("env", 1, {"traceparent": trace})
    env = api.wait(job["id"])["result"]
    assert env["JOB_ID"] == job["id"] and env["JOB_TYPE"] == "env" and env["JOB_ATTEMPT"] == "1"
    assert env["TRACEPARENT"] == trace and env["PATH"] and "SECRET" not in env
    assert set(env) <= {"PATH", "HOME", "LANG", "JOB_ID", "JOB_TYPE", "JOB_ATTEMPT", "TRACEPARENT",
                        "PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}         # the last five are the shell's own


def test_progress_lines_are_told_and_nonsense_is_passed_over(commands, api):
    from sockets import Socket
    with Socket(commands) as socket:
        socket.send({"op": "submit", "job": {"type": "progress", "input": 1}})
        id = socket.answer("submitted")["job"]["id"]
        events = socket.events_until("job.succeeded", id)
    told = [event["data"]["progress"] for event in events if event["type"] == "job.progress"]
    assert told and all(item["percent"] is None or 0 <= item["percent"] <= 100 for item in told)
    assert told[-1] == {"percent": 90, "message": "nearly"}


def test_a_job_over_its_time_is_killed(api):
    job = api.run("slow", 1)
    assert job["state"] == "failed" and job["error"]["code"] == "timeout"
    assert not running_with("3333.3")


def test_what_says_success_when_it_is_told_to_end_is_out_of_time_all_the_same(api):
    job = api.run("polite", 1)
    assert job["state"] == "failed" and job["error"]["code"] == "timeout" and job["result"] is None, job
    assert not running_with("3333.6")


def test_what_says_success_when_the_service_stops_is_handed_back(make):
    service = make("--drain-ms", "0", settings={"types": TYPES})
    service.start()
    api = service.client()
    job = api.submit("polite", 1, timeout_ms=60000)
    until(lambda: running_with("3333.6"), what="its child")
    service.stop()
    service.start()
    api = service.client()
    job = api.wait(job["id"], states={"running"})
    assert job["attempt"] == 1 and job["result"] is None, job
    api.cancel(job["id"])
    assert api.wait(job["id"])["state"] == "cancelled"


def test_what_ignores_a_signal_is_gone_within_a_second_with_all_its_children(api):
    job = api.submit("ignores", 1)
    until(lambda: len(running_with("sleep 3333.4")) >= 4, what="its four children")
    begin = time.monotonic()
    api.cancel(job["id"])
    assert api.wait(job["id"])["state"] == "cancelled"
    until(lambda: not running_with("3333.4"), 3, "the end of its children")
    took = time.monotonic() - begin
    if not SANITIZER:
        assert took < 1.5, took      # half a second of grace, and a second


def test_what_a_job_leaves_behind_is_ended_with_it(api):
    assert api.run("leaves", 1)["state"] == "succeeded"
    until(lambda: not running_with("3333.5"), 2, "the end of what it left")


def test_output_over_the_limit_ends_the_job(api):
    job = api.run("flood", 1)
    assert job["state"] == "failed" and job["error"]["code"] == "bad_output"
    assert not running_with("cat /dev/zero")


def test_much_noise_on_standard_error_is_no_failure(api):
    assert api.run("noise", 1)["state"] == "succeeded"


@pytest.mark.parametrize("type, state", [("memory", "failed"), ("little", "succeeded")])
def test_memory_has_a_limit(api, type, state):
    if SANITIZER:
        pytest.skip("a sanitized program reserves terabytes: the limit on address space is off")
    job = api.run(type, 1)
    assert job["state"] == state
    if state == "failed":
        assert job["error"]["code"] in ("out_of_memory", "handler_error"), job["error"]


def test_a_command_has_a_scratch_folder_of_its_own_that_is_gone_afterwards(commands, api):
    assert api.run("scratch", 1)["result"] == 12
    for _ in range(4):
        assert api.run("leftover", 1)["result"] == 0
    scratch = commands.data / "scratch"
    until(lambda: not scratch.exists() or not any(f.is_file() for f in scratch.rglob("*")), 5, "an empty scratch folder")


def test_nothing_of_a_client_reaches_an_argument_list(api):
    assert api.run("argument", "; echo hello")["result"] == "/bin/sh"


def test_a_command_has_no_network_unless_its_type_asks(commands, api):
    assert api.run("connect", commands.port)["state"] == "failed"
    assert api.run("connected", commands.port)["state"] == "succeeded"


def test_a_command_can_neither_read_the_data_folder_nor_write_elsewhere(commands, api, tmp_path):
    data = str(commands.data)
    pid = commands.process.pid
    reads = [data, f"{data}/buzzer.db", f"{data}/buzzer.db-wal", f"/proc/{pid}/root{data}/buzzer.db", f"/proc/{pid}/environ",
             f"/proc/{pid}/mem"]
    writes = [f"{data}/new", str(tmp_path / "new"), "/tmp/new-by-a-job", "/etc/new-by-a-job", "/dev/shm/new-by-a-job",
              "/var/tmp/new-by-a-job"]
    found = api.run("escape", {"read": reads, "write": writes})["result"]
    assert found == {path: "no" for path in reads + writes}
    assert os.path.exists(f"{data}/buzzer.db")


def test_a_command_has_its_four_descriptors_and_no_other(api):
    fds = api.run("fds", 1)["result"]
    assert set(fds) <= {0, 1, 2, 3, 4}, fds      # 4: the listing's own


def test_a_command_that_is_not_there_is_said_at_the_start_or_fails_the_job(make):
    service = make(settings={"types": [{"name": "x", "command": ["/no/such/program"], "max_attempts": 1}]})
    try:
        service.start()
    except AssertionError:
        assert service.process.returncode == 78
        service.expect("no/such/program")
        return
    job = service.client().run("x", 1)
    assert job["state"] == "failed" and job["error"]["code"] == "handler_error"


def test_a_type_runs_as_many_at_once_as_it_says_and_no_more(start, tmp_path):
    service = start("--slots", "6", settings={"types": [shell("one", "sleep 0.15", concurrency=1, result_type="text/plain"),
                                                        shell("two", "sleep 0.15", concurrency=2, result_type="text/plain")]})
    api = service.client()
    ids = {type: [api.submit(type, 1)["id"] for _ in range(8)] for type in ("one", "two")}
    for type, limit in (("one", 1), ("two", 2)):
        spans = []
        for id in ids[type]:
            job = api.wait(id)
            assert job["state"] == "succeeded"
            spans += [(job["started_at"], 1), (job["finished_at"], -1)]
        at_once = most = 0
        for _, step in sorted(spans):        # an end sorts before a beginning of the same time
            at_once += step
            most = max(most, at_once)
        assert most <= limit, f"{most} of {type} at once"


def test_an_input_schema_of_a_type_is_held(start, tmp_path):
    schema = tmp_path / "in.json"
    schema.write_text('{"type":"object","required":["n"],"properties":{"n":{"type":"integer","minimum":1}},'
                      '"additionalProperties":false}')
    service = start(settings={"types": [shell("s", "cat", input_schema=str(schema))]})
    api = service.client()
    assert api.run("s", {"n": 1})["result"] == {"n": 1}
    check_problem(api.post("/v1/jobs", {"type": "s", "input": {}}), 422, "invalid-input")
    check_problem(api.post("/v1/jobs", {"type": "s", "input": {"n": 0, "m": 1}}), 422, "invalid-input",
                  ["#/input/n", "#/input/m"])


def test_the_newest_progress_is_told_also_when_it_came_right_after_another(api):
    id = api.submit("phases", 1)["id"]
    wanted = {"percent": 20, "message": "second"}       # a line changes what it names
    until(lambda: api.job(id)["progress"] == wanted, what="the newest progress")
    api.cancel(id)
