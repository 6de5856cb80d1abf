"""Settings: flags, environment and file, their order, and what happens to a wrong one."""
import os
import re
import subprocess

import pytest
import yaml

from service import PATIENCE, PROGRAM, REPO, until


def run(*words, env=None, **kwargs):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=30 * PATIENCE, stdin=subprocess.DEVNULL,
                          env={"PATH": os.environ["PATH"], **(env or {})}, **kwargs)


def refused(done, status, *words):
    """One line that says what and what to do, and nothing on standard output."""
    assert done.returncode == status, done
    assert done.stdout == "" and done.stderr.count("\n") == 1, done
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.parametrize("flags, word", [
    (["--nonsense"], "--nonsense"), (["--slots"], "--slots"), (["--slots", "x"], "slots"), (["--slots", "-1"], "slots"),
    (["--slots", "99999"], "slots"), (["--listen", "nowhere"], "listen"), (["--listen", "127.0.0.1:99999"], "listen"),
    (["--roles", "cook"], "roles"), (["--demo-scale", "-1"], "demo"), (["--log-level", "loud"], "log"),
    (["--slots", "1", "--slots", "2"], "--slots"), (["extra"], "extra"), (["--max-connections", "1e3"], "max-connections"),
    (["--slots", ""], "slots"), (["--slots", "1 "], "slots"), (["--slots=0x10"], "slots"), (["--listen", "example.org:0"], "listen"),
])
def test_a_bad_flag_or_value_is_wrong_usage(tmp_path, flags, word):
    refused(run("serve", "--data", str(tmp_path), *flags), 64, word)


@pytest.mark.parametrize("name, value", [("BUZZER_SLOTS", "x"), ("BUZZER_LISTEN", "nowhere"), ("BUZZER_ROLES", "cook")])
def test_a_bad_value_in_the_environment_is_wrong_usage(tmp_path, name, value):
    refused(run("serve", "--data", str(tmp_path), env={name: value}), 64, name)


@pytest.mark.parametrize("text, word", [
    ("slotz: 2\n", "slotz"), ("slots: many\n", "slots"), ("slots: [1]\n", "slots"), ("slots: 1\nslots: 2\n", "slots"),
    ("types: 5\n", "types"), ("types:\n  - name: x\n", "x"), ("types:\n  - {name: x, command: []}\n", "command"),
    ("types:\n  - {name: x, command: [/bin/true], colour: red}\n", "colour"),
    ("types:\n  - {name: x, command: [/bin/true], timeout_ms: soon}\n", "timeout_ms"),
    ("types:\n  - {name: 'a b', command: [/bin/true]}\n", "name"),
    ("types:\n  - {name: x, command: [/bin/true]}\n  - {name: x, command: [/bin/true]}\n", "x"),
    ("types:\n  - {name: x, command: [/bin/true], shared_object: x.so}\n", "x"),
    ("types:\n  - {name: x, command: [/bin/true], input_schema: none.json}\n", "none.json"),
    ("types:\n  - {name: x, shared_object: none.so}\n", "none.so"),
    ("- a list\n", ""), ("{\n", ""), ("\tslots: 2\n", ""), ("slots: \x01\n", ""), ("\xff\n", ""),
])
def test_a_wrong_settings_file_says_what_is_wrong(tmp_path, text, word):
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="latin-1")
    refused(run("serve", "--data", str(tmp_path), "--config", str(file)), 78, word)


def test_a_settings_file_that_is_not_there_says_so(tmp_path):
    refused(run("serve", "--data", str(tmp_path), "--config", str(tmp_path / "none.yaml")), 78, "none.yaml")


def test_an_input_schema_that_is_none_says_so(tmp_path):
    for text in ("nonsense", '{"type":"nonsense"}', '{"unknownKeyword":1}', '{"$ref":"http://example.com/x"}'):
        (tmp_path / "in.json").write_text(text)
        (tmp_path / "buzzer.yaml").write_text("types:\n  - {name: x, command: [/bin/true], input_schema: in.json}\n")
        refused(run("serve", "--data", str(tmp_path)), 78, "in.json")


def test_help_tells_every_option_with_its_default():
    done = run("serve", "--help")
    assert done.returncode == 0 and done.stderr == ""
    table = (REPO / "schema/config_priv.h").read_text()
    table = table[table.index("#define SETTING_LIST"):table.index("#define SETTING_DAY_MS")]
    rows = re.findall(r"X\((\w+), \w+, \w+, (?:\"([^\"]*)\"|NULL)", table)
    assert len(rows) > 10
    for name, default in rows:
        flag = "--" + name.replace("_", "-")
        place = done.stdout.find(flag + " ")
        assert place >= 0, f"{flag} is not told"
        assert not default or default == "0" or default in done.stdout[place:place + 400], f"the default of {flag} is not told"


def test_the_example_file_is_a_settings_file(start, tmp_path):
    done = run("help", "settings")
    assert done.returncode == 0
    assert isinstance(yaml.safe_load(done.stdout) or {}, dict)
    lines = [re.sub(r"^# ?(?=[a-z_]+:)", "", line) for line in done.stdout.splitlines()]
    assert any("slots" in line for line in lines)
    file = tmp_path / "example.yaml"
    file.write_text(done.stdout)
    assert start("--config", str(file)).client().get("/livez").status == 200


def slots(service):
    return until(lambda: service.client().metric("buzzer_slots"), what="the worker")


def test_a_flag_beats_the_environment_which_beats_the_file(start):
    file = {"slots": 3}
    assert slots(start(settings=file)) == 3
    assert slots(start(settings=file, env={"BUZZER_SLOTS": "5"})) == 5
    assert slots(start("--slots", "7", settings=file, env={"BUZZER_SLOTS": "5"})) == 7
    assert slots(start("--slots=6")) == 6


def test_the_file_in_the_data_folder_is_read_by_itself(make):
    service = make()
    (service.data / "buzzer.yaml").write_text("slots: 9\n")
    assert slots(service.start()) == 9


def test_an_option_of_the_environment_may_name_the_file(start, tmp_path):
    (tmp_path / "mine.yaml").write_text("slots: 8\n")
    assert slots(start(env={"BUZZER_CONFIG": str(tmp_path / "mine.yaml")})) == 8


def test_a_built_in_type_changes_only_in_what_an_entry_names(start):
    api = start(settings={"types": [{"name": "echo", "max_attempts": 9}]}).client()
    types = {type["name"]: type for type in api.get("/v1/types").json["types"]}
    assert types["echo"]["max_attempts"] == 9
    assert api.run("echo", {"a": 1})["result"] == {"a": 1}


def test_an_unknown_command_is_wrong_usage():
    refused(run("brew"), 64, "brew")
    assert run().returncode == 64
    assert run("--help").returncode == 0 and run("help").returncode == 0


def test_a_data_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "file" / "data"))
    assert done.returncode not in (0, -6, -11) and done.stderr.count("\n") == 1 and "data" in done.stderr


def test_an_address_of_another_machine_is_a_wrong_setting(tmp_path):
    done = run("serve", "--listen", "203.0.113.1:8000", "--data", str(tmp_path))
    assert done.returncode == 78 and done.stderr.count("\n") == 1 and "203.0.113.1" in done.stderr, done


def test_a_data_folder_that_is_none_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "settings.yaml").write_text("")
    done = run("serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "file"), "--config", str(tmp_path / "settings.yaml"))
    assert done.returncode == 78 and done.stderr.count("\n") == 1 and "is no folder: name another with --data" in done.stderr, done


def test_a_data_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "buzzer.db").write_bytes(b"this is no database" * 1000)
    done = run("serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path))
    assert done.returncode not in (0, -6, -11) and done.stderr.count("\n") == 1
    assert (tmp_path / "buzzer.db").read_bytes() == b"this is no database" * 1000


def test_a_data_folder_that_all_may_enter_holds_files_of_its_user_alone(make):
    service = make(settings={"types": [{"name": "umask", "command": ["/bin/sh", "-c", "umask | tr -d '\\n' | sed 's/.*/\"&\"/'"]}]})
    service.data.chmod(0o755)
    api = service.start().client()
    assert api.run("umask", 1)["result"] == "0022", "what a command expects"
    files = {str(path.relative_to(service.data)): path.stat().st_mode & 0o777 for path in service.data.rglob("*")}
    assert {"buzzer.db", "buzzer.db-wal", "buzzer.db-shm", "scratch", "lock", "node"} <= set(files)
    assert not {name: oct(mode) for name, mode in files.items() if mode & 0o077}


def test_doctor_and_version_tell_what_they_find(tmp_path):
    done = run("version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+\.\d+", done.stdout) and done.stderr == ""
    done = run("doctor", "--data", str(tmp_path), "--listen", "127.0.0.1:0")
    assert done.returncode == 0 and done.stdout, done
    (tmp_path / "buzzer.yaml").write_text("slotz: 1\n")
    assert run("doctor", "--data", str(tmp_path)).returncode == 78


def findings(data, *flags):
    """Exit code of the doctor, and how bad what it says of each subject is."""
    done = run("doctor", "--data", str(data), "--listen", "127.0.0.1:0", *flags)
    assert done.stderr == "", done
    return done.returncode, {subject: (level, told) for level, subject, told in re.findall(r"^(\w+) +(\w+(?: \w+)?)  +(.*)$", done.stdout, re.M)}


def database_of(data, *flags):
    code, found = findings(data, *flags)
    return code, *found["database"]


def contents(folder):
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in folder.iterdir()}


def test_doctor_looks_at_the_database_and_changes_nothing(make):
    service = make()
    database = service.data / "buzzer.db"
    assert database_of(service.data) == (0, "ok", "none yet")
    service.start()
    assert service.client().run("echo", 1)["result"] == 1
    assert database_of(service.data)[1] == "ok", "what runs"
    service.kill()
    assert (service.data / "buzzer.db-wal").stat().st_size > 0
    before = contents(service.data)
    assert database_of(service.data)[1] == "ok", "what was killed"
    assert contents(service.data) == before
    service.start()
    service.stop()
    before = contents(service.data)
    assert database_of(service.data)[1] == "ok", "what was stopped"
    assert contents(service.data) == before
    whole = database.read_bytes()
    for bytes, word in ((b"this is no database" * 1000, "damaged or no database"), (whole[:50], "damaged or no database"),
                        (whole[:-4096], "cut short"), (whole[:68] + b"\0\0\0\1" + whole[72:], "another program")):
        database.write_bytes(bytes)
        code, level, told = database_of(service.data)
        assert (code, level) == (78, "FAIL") and word in told, told
        assert run("serve", "--listen", "127.0.0.1:0", "--data", str(service.data)).returncode == 70
    database.write_bytes(whole)


def test_doctor_tells_a_folder_of_one_kind_of_log_from_the_other(start):
    service = start()
    service.stop()
    _, level, told = database_of(service.data, "--kafka", "127.0.0.1:9")
    assert level == "warn" and "log of its own" in told and "another data folder" in told, told
    (service.data / "outbox").mkdir()
    code, level, told = database_of(service.data)
    assert (code, level) == (78, "FAIL") and "no Kafka is given" in told, told
    _, found = findings(service.data, "--kafka", "127.0.0.1:9", "--roles", "worker")
    assert found["database"][0] == "ok" and found["roles"] == ("ok", "worker")


LACKS = [("api", "jobs would wait for ever: without Kafka one process has both roles"),
         ("worker", "no job can come in: without Kafka one process has both roles")]


@pytest.mark.parametrize("role, words", LACKS)
def test_one_role_without_kafka_is_warned_of(make, tmp_path, role, words):
    code, found = findings(tmp_path, "--roles", role)
    assert code == 0 and found["roles"][0] == "warn" and words in found["roles"][1], found
    assert findings(tmp_path)[1]["roles"] == ("ok", "api, worker")
    service = make(roles=role).start(ready=False)
    warned = [line["message"] for line in service.lines() if line["level"] == "warn" and "both roles" in line["message"]]
    assert len(warned) == 1 and words in warned[0], warned
    both = make().start()
    assert not [line for line in both.lines() if "both roles" in line["message"]]


def test_doctor_asks_the_broker(kafka, tmp_path):
    def log_line_of(*flags):
        done = run("doctor", "--data", str(tmp_path), "--listen", "127.0.0.1:0", *flags)
        return done, next(line for line in done.stdout.splitlines() if "event log" in line)

    done, line = log_line_of()
    assert line.startswith("ok") and "data folder" in line
    done, line = log_line_of("--kafka", kafka.brokers, "--kafka-topics", kafka.topics)
    assert line.startswith("ok") and "answers" in line, line
    done, line = log_line_of("--kafka", "127.0.0.1:9")     # nobody listens there
    assert line.startswith("FAIL") and "no broker answers" in line and done.returncode == 78, line
