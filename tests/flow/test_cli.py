"""The client side of the program: every command against a service, its exit code and its output."""
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from client import ID
from service import PATIENCE, PROGRAM, Service

TYPES = [{"name": "rude", "command": ["/bin/sh", "-c", "printf '\\033]0;owned\\007' >&2; exit 1"], "max_attempts": 1},
         {"name": "fails", "command": ["/bin/sh", "-c", "echo the reason >&2; exit 1"], "max_attempts": 1},
         {"name": "steps", "command": ["/bin/sh", "-c", "for i in 10 50 90; do echo \"{\\\"percent\\\":$i,\\\"message\\\":\\\"at $i\\\"}\" >&3; "
                                       "sleep 0.3; done; echo 1"]}]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("cli"), "--slots", "3", settings={"types": TYPES}).start()
    yield service
    service.stop()
    service.check_log()


@pytest.fixture
def api(served):
    return served.client()


@pytest.fixture
def buzzer(served):
    def run(*words, input=None, server=served.url):
        return subprocess.run([PROGRAM, *words], capture_output=True, input=input, timeout=60 * PATIENCE,
                              stdin=subprocess.DEVNULL if input is None else None,
                              env={"PATH": os.environ["PATH"], "BUZZER_SERVER": server})
    return run


def on_terminal(served, *words, seconds=30):
    """(exit code, what was drawn) with standard output and error on a terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(BUZZER_SERVER=served.url, TERM="xterm", COLUMNS="80")
        os.execv(PROGRAM, [str(PROGRAM), *words])
    drawn, end = b"", time.monotonic() + seconds * PATIENCE
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        drawn += data
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), drawn.decode(errors="replace")


def good(done):
    assert done.returncode == 0, done
    assert done.stderr == b"", done
    return done.stdout.decode()


def test_submit_prints_the_id_and_nothing_else(buzzer, api):
    id = good(buzzer("submit", "echo", '{"a":1}'))
    assert ID.fullmatch(id.strip()) and id.endswith("\n")
    assert api.wait(id.strip())["result"] == {"a": 1}


def test_submit_and_wait_prints_the_result(buzzer):
    assert json.loads(good(buzzer("submit", "primes", '{"below":100}', "--wait"))) == {"count": 25, "largest": 97}


def test_submit_prints_the_job_when_asked(buzzer):
    job = json.loads(good(buzzer("submit", "echo", "5", "--json")))
    assert job["type"] == "echo" and ID.fullmatch(job["id"])


def test_submit_reads_standard_input(buzzer):
    assert json.loads(good(buzzer("submit", "echo", "-", "--wait", input=b'{"from":"stdin"}'))) == {"from": "stdin"}


def test_submit_sends_a_file_as_it_is(buzzer, tmp_path, api):
    file = tmp_path / "data.bin"
    file.write_bytes(bytes(range(256)) * 1000)
    done = buzzer("submit", "echo", str(file), "--wait")
    assert done.returncode == 0 and done.stdout == file.read_bytes()


def test_submit_takes_options(buzzer):
    job = json.loads(good(buzzer("submit", "echo", "1", "--json", "-o", "tag=a", "-o", "tag=b", "-o", "priority=9",
                                 "-o", "queue=q", "-o", "delay_ms=3600000")))
    assert (job["tags"], job["priority"], job["queue"], job["state"]) == (["a", "b"], 9, "q", "scheduled")


def test_submit_and_watch_prints_a_json_line_an_event_when_piped(buzzer):
    lines = [json.loads(line) for line in good(buzzer("submit", "steps", "1", "--watch")).splitlines()]
    kinds = [line["type"] for line in lines]
    assert kinds[-1] == "job.succeeded" and "job.progress" in kinds


def test_watch_draws_progress_on_a_terminal(served, api):
    id = api.submit("steps", 1)["id"]
    code, drawn = on_terminal(served, "watch", id)
    assert code == 0 and '"specversion"' not in drawn
    assert re.search(r"\b(10|50|90) ?%", drawn)
    assert "succeeded" in drawn


def test_status_tells_how_a_job_is(buzzer, api, served):
    id = api.run("echo", 1)["id"]
    assert "succeeded" in good(buzzer("status", id))
    assert json.loads(good(buzzer("status", id, "--json")))["id"] == id
    code, drawn = on_terminal(served, "status", id)
    assert code == 0 and "succeeded" in drawn and not drawn.lstrip().startswith("{")


def test_result_prints_the_bytes(buzzer, api):
    job = api.submit_bytes("echo", b"\x00\xff raw", "a/b")
    api.wait(job["id"])
    done = buzzer("result", job["id"])
    assert done.returncode == 0 and done.stdout == b"\x00\xff raw"


def test_watch_follows_a_job_to_its_end(buzzer, api):
    id = api.submit("steps", 1)["id"]
    lines = [json.loads(line) for line in good(buzzer("watch", id)).splitlines()]
    assert lines[-1]["type"] == "job.succeeded" and {line["subject"] for line in lines} == {id}


def test_watch_all_prints_every_event(served, api):
    with subprocess.Popen([PROGRAM, "watch", "--all", "--server", served.url], stdout=subprocess.PIPE) as watching:
        try:
            ids, seen, deadline = [], set(), time.monotonic() + 30
            while not seen and time.monotonic() < deadline:         # until it is subscribed
                ids.append(api.run("echo", 1)["id"])
                if select.select([watching.stdout], [], [], 0.2)[0]:
                    seen.add(json.loads(watching.stdout.readline())["subject"])
            assert seen and seen <= set(ids), (seen, ids)
        finally:
            watching.terminate()


def test_cancel_and_retry(buzzer, api):
    id = api.submit("echo", 7, delay_ms=3600000)["id"]
    good(buzzer("cancel", id))
    assert api.job(id)["state"] == "cancelled"
    good(buzzer("retry", id))
    assert api.wait(id)["result"] == 7


def test_list_is_newest_first_and_filtered(buzzer, api):
    ids = [api.run("echo", i, tags=["listed"])["id"] for i in range(3)]
    lines = [json.loads(line) for line in good(buzzer("list", "--tag", "listed", "--json")).splitlines()]
    assert [line["id"] for line in lines] == ids[::-1]
    assert good(buzzer("list", "--type", "fails", "--state", "queued", "--json")) == ""


@pytest.mark.parametrize("words, status", [
    (["submit"], 64), (["submit", "echo", "1", "--nonsense"], 64), (["status"], 64), (["status", "a", "b"], 64),
    (["watch"], 64), (["submit", "echo", "1", "-o", "novalue"], 64), (["submit", "echo", "1", "--wait", "--watch"], 64),
    (["submit", "nosuch", "1"], 65), (["submit", "primes", '{"below":"x"}'], 65), (["submit", "echo", "{broken"], 65),
    (["submit", "echo", "1", "-o", "priority=99"], 65), (["submit", "echo", "1", "-o", "colour=red"], 65),
    (["submit", "echo", "/no/such/file.png"], 66), (["status", "0" * 26], 66), (["result", "nosuch"], 66),
    (["cancel", "0" * 26], 66), (["retry", "0" * 26], 66), (["watch", "0" * 26], 66),
    (["submit", "fails", "1", "--wait"], 1), (["submit", "fails", "1", "--watch"], 1),
    (["list", "--state", "nosuch"], 65), (["brew"], 64),
])
def test_exit_codes_say_what_was_wrong(buzzer, words, status):
    done = buzzer(*words)
    if words[-1] in ("{broken", "colour=red", "nosuch"):
        assert done.returncode in (64, 65, 66), done
    else:
        assert done.returncode == status, done
    if "--watch" in words and status == 1:
        assert json.loads(done.stdout.splitlines()[-1])["type"] == "job.failed"
    else:
        assert done.stderr and done.stdout == b"", "a failure that says nothing"


@pytest.mark.parametrize("words, told", [
    (["submit", "echo", "hello"], "hello: no such file, and not JSON (a text needs quotes: '\"hello\"')"),
    (["submit", "echo", "it's"], "it's: no such file, and not JSON (a text needs quotes of its own)"),
    (["submit", "echo", "1", "-o", "priority=5", "-o", "priority=6"], "-o priority stands there twice"),
    (["submit", "echo", "1", "-p", "lang=a", "-p", "lang=b"], "-p lang stands there twice"),
    (["submit", "echo", "1", "-o", "tags=a"], "-o tag=a"),
    (["submit", "echo", "1", "-o", "novalue"], "-o takes NAME=VALUE, up to 64 times, not 'novalue'"),
    (["submit", "echo", "-5"], "unknown option '-5' (-- goes before an input that begins with a dash); `buzzer help submit` tells more"),
    (["submit", "echo", "--wait=5"], "--wait takes no value; `buzzer help submit` tells more"),
    (["submit", "echo", "1", "-o"], "-o needs a value; `buzzer help submit` tells more"),
    (["list", "--limit"], "--limit needs a value; `buzzer help list` tells more"),
    (["list", "-5"], "unknown option '-5'; `buzzer help list` tells more"),
    (["status", "--nonsense"], "unknown option '--nonsense'; `buzzer help status` tells more"),
    (["status", "--wait", "x"], "status does not take --wait; `buzzer help status` tells more"),
    (["key", "create", "--nonsense"], "unknown option '--nonsense'; `buzzer help key create` tells more"),
    (["key", "create", "--scope", "all"], "--scope takes submit, read, cancel or admin, not 'all'"),
    (["doctor", "--nonsense"], "`buzzer help doctor` tells more"),
])
def test_a_wrong_command_line_is_told_how_it_would_be_right(buzzer, words, told):
    done = buzzer(*words)
    line = done.stderr.decode()
    assert done.returncode == (66 if "no such file" in told else 64) and done.stdout == b""
    assert told in line and line.startswith("buzzer: ") and line.count("\n") == 1, line


def test_a_negative_number_comes_after_two_dashes(buzzer):
    assert good(buzzer("submit", "echo", "--wait", "--", "-5")) == "-5"


def test_a_tag_may_stand_several_times_and_nothing_else(buzzer):
    assert json.loads(good(buzzer("submit", "echo", "1", "--json", "-o", "tag=a", "-o", "tag=a2", "-o", "queue=q")))["tags"] == ["a", "a2"]


@pytest.mark.parametrize("bytes, media_type", [
    ("grüße\n".encode(), "text/plain"), (b"", "text/plain"), (b"gr\xfc\xdfe", "application/octet-stream"),
    (b"a\0b", "application/octet-stream"), (b"\x89PNG\r\n\x1a\n", "image/png"),
])
def test_a_file_is_sent_as_what_it_is(buzzer, api, tmp_path, bytes, media_type):
    (tmp_path / "file").write_bytes(bytes)
    id = good(buzzer("submit", "echo", str(tmp_path / "file"))).strip()
    sent = api.get(f"/v1/jobs/{id}/input")
    assert (sent.headers["Content-Type"], sent.body) == (media_type, bytes)


def test_what_no_key_means_is_told_in_words_of_the_program(buzzer, start):
    service = start()
    assert service.client().post("/v1/keys", {"scopes": ["admin"]}).status == 201
    for words in (["list"], ["watch", "--all"], ["submit", "echo", "1"], ["result", "0" * 26]):
        done = buzzer(*words, server=service.url)
        assert done.returncode == 77 and done.stderr.count(b"\n") == 1, done
        for word in (b"--key-file", b"BUZZER_KEY ", b"BUZZER_KEY_FILE"):
            assert word in done.stderr, done.stderr
        assert b"Bearer" not in done.stderr


def test_a_result_that_is_not_there_yet_is_watched_for(buzzer, api):
    id = api.submit("echo", 1, delay_ms=3600000)["id"]
    done = buzzer("result", id)
    assert done.returncode == 1 and f"`buzzer watch {id}`".encode() in done.stderr and b"?wait" not in done.stderr, done
    api.cancel(id)
    done = buzzer("result", id)
    assert done.returncode == 1 and b"buzzer watch" not in done.stderr, done


def test_what_the_service_refuses_for_a_jobs_state_is_1(buzzer, api):
    done = api.run("echo", 1)["id"]
    assert buzzer("cancel", done).returncode == 1 and buzzer("retry", done).returncode == 1
    failed = api.run("fails", 1)["id"]
    told = buzzer("result", failed)
    assert told.returncode == 1 and told.stdout == b""
    waiting = api.submit("echo", 1, delay_ms=3600000)["id"]
    assert buzzer("result", waiting).returncode in (1, 75)
    api.cancel(waiting)


@pytest.mark.parametrize("server, status", [("http://127.0.0.1:1", 69), ("nonsense://x", 64), ("http://127.0.0.1:99999", 64)])
def test_no_service_is_69(buzzer, server, status):
    done = buzzer("status", "0" * 26, server=server)
    assert done.returncode in ({status} if status == 69 else {64, 69}), done
    assert done.stderr.count(b"\n") == 1


def test_the_flag_beats_the_environment(buzzer, served, api):
    id = api.run("echo", 1)["id"]
    assert buzzer("status", id, "--server", served.url, server="http://127.0.0.1:1").returncode == 0


def test_faults_of_an_input_are_pointed_at(buzzer):
    done = buzzer("submit", "primes", '{"below":"x"}', "-o", "priority=77")
    assert b"below" in done.stderr and b"priority" in done.stderr


def test_a_job_cannot_write_to_the_terminal_of_who_looks_at_it(served, api):
    id = api.run("rude", 1)["id"]
    for command in ("status", "result", "watch"):
        _, drawn = on_terminal(served, command, id)
        assert "\x1b]0;owned" not in drawn and "\x07" not in drawn, command


def test_every_command_has_help(buzzer):
    for command in ("serve", "submit", "status", "result", "watch", "cancel", "retry", "list", "doctor", "version"):
        assert command in good(buzzer(command, "--help"))


def test_a_broken_pipe_is_no_success_story(served, api):
    id = api.submit_bytes("echo", b"x" * 5000000, "a/b")["id"]
    api.wait(id)
    done = subprocess.run(f"{PROGRAM} result {id} --server {served.url} | head -c 10 | wc -c", shell=True, capture_output=True,
                          timeout=60)
    assert done.stdout.strip() == b"10"
