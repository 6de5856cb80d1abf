"""Access keys from outside: how they come and go, what they open, and that a revoked one is shut out at once."""
import datetime
import json
import os
import re
import stat
import subprocess
import time

import pytest

from client import Client, check_problem
from keyed import Keyed, bearer
from raw import Raw
from service import PATIENCE, PROGRAM, Service, until
from sockets import HANDSHAKE, Socket, handshake
from sse import Stream

KEY = re.compile(r"bz_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
OPEN_TO_ALL = ("/livez", "/readyz", "/openapi.json", "/asyncapi.json", "/docs/problems", "/async_slowest", "/async_with_event_loop",
               "/async_with_async_sleep", "/sync")
# 127.0.0.1 as IPv6 writes it: no loopback address by our rule, and still reached from this machine alone.
OFF_LOOPBACK = "[::ffff:127.0.0.1]:0"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("keyed"), "--slots", "4", "--http-threads", "2", "--demo-scale", "0.01").start()
    yield Keyed(service)
    service.stop()
    service.check_log()


@pytest.fixture
def nobody(keyed):
    return keyed.service.client()


def in_ms(ms):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


# ---- the first key ----

def test_the_first_key_must_be_an_administrators(start):
    service = start()
    open_to_all = service.client()
    check_problem(open_to_all.post("/v1/keys", {"scopes": ["submit", "read"]}), 409, "first-key-not-admin")
    assert open_to_all.get("/v1/jobs").status == 200 and open_to_all.get("/v1/keys").json == {"keys": []}

    made = Keyed.make_with(open_to_all, scopes=["admin"])
    assert open_to_all.get("/v1/jobs").status == 401
    boss = service.client(key=made["key"])
    check_problem(boss.request("DELETE", f"/v1/keys/{made['id']}"), 409, "last-administrator")
    second = Keyed.make_with(boss, scopes=["admin"], tenant="other")
    assert boss.request("DELETE", f"/v1/keys/{made['id']}").status == 204
    assert boss.get("/v1/keys").status == 401
    second = service.client(key=second["key"])
    assert [key["tenant"] for key in second.get("/v1/keys").json["keys"]] == ["other"]


def test_the_first_two_keys_may_come_at_once_and_still_one_is_an_administrators(start):
    service = start("--http-threads", "4")
    clients = [service.client() for _ in range(8)]
    for i, client in enumerate(clients):
        client.connection.request("POST", "/v1/keys", '{"scopes":["%s"]}' % ("admin" if i % 2 else "read"),
                                  {"Content-Type": "application/json"})
    answers = [client.connection.getresponse() for client in clients]
    assert {answer.status for answer in answers} <= {201, 401, 409}
    assert any(answer.status == 201 for answer in answers[1::2])
    assert service.client().get("/v1/jobs").status == 401


def test_keys_outlive_the_process(start):
    service = start()
    key = Keyed.make_with(service.client(), scopes=["admin"])["key"]
    service.kill()
    service.start()
    assert service.client().get("/v1/jobs").status == 401
    assert service.client(key=key).get("/v1/jobs").status == 200


def test_a_socket_from_before_there_were_keys_is_closed(start):
    service = start()
    with Socket(service, "?all=1") as socket:
        socket.answer("subscribed")
        Keyed.make_with(service.client(), scopes=["admin"])
        assert socket.closed()[0] == 4401


# ---- what a key is ----

def test_a_key_is_shown_once(keyed):
    answer = keyed.boss.post("/v1/keys", {"tenant": "acme", "scopes": ["read", "submit"], "name": "nightly ⏰", "expires_at": in_ms(3600000)})
    assert answer.status == 201 and answer.headers["Cache-Control"] == "no-store"
    made = answer.json
    assert set(made) == {"id", "key", "tenant", "scopes", "name", "created_at", "expires_at"}
    assert KEY.fullmatch(made["key"]).group(1) == made["id"]
    assert (made["tenant"], made["scopes"], made["name"]) == ("acme", ["submit", "read"], "nightly ⏰")
    listed = keyed.boss.get("/v1/keys")
    assert made["key"] not in listed.body.decode() and made["key"].split("_", 2)[2] not in listed.body.decode()
    secret = made.pop("key")
    assert made in listed.json["keys"]
    assert keyed.service.client(key=secret).get("/v1/jobs").status == 200


def test_nothing_on_the_disk_or_in_the_log_holds_a_key(keyed):
    secret = keyed.make("acme", "read")["key"].split("_", 2)[2].encode()
    assert keyed.service.client(key="bz_000000000000_" + "x" * 43).get("/v1/jobs").status == 401
    for file in [*keyed.service.data.iterdir(), keyed.service.log]:
        if file.is_file():
            assert secret not in file.read_bytes(), file


@pytest.mark.parametrize("body, pointers", [
    ({}, ["#/scopes"]), ({"scopes": []}, ["#/scopes"]), ({"scopes": "admin"}, ["#/scopes"]), ({"scopes": ["fly"]}, ["#/scopes/0"]),
    ({"scopes": ["read", "read"]}, ["#/scopes/1"]), ({"scopes": [1]}, ["#/scopes/0"]), ({"scopes": ["read"], "tenant": "a b"}, ["#/tenant"]),
    ({"scopes": ["read"], "tenant": ""}, ["#/tenant"]), ({"scopes": ["read"], "tenant": "x" * 65}, ["#/tenant"]),
    ({"scopes": ["read"], "name": ""}, ["#/name"]), ({"scopes": ["read"], "name": "a\nb"}, ["#/name"]), ({"scopes": ["read"], "name": 5}, ["#/name"]),
    ({"scopes": ["read"], "name": "x" * 101}, ["#/name"]), ({"scopes": ["read"], "expires_at": "soon"}, ["#/expires_at"]),
    ({"scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, ["#/expires_at"]), ({"scopes": ["read"], "expires_at": 5}, ["#/expires_at"]),
    ({"scopes": ["read"], "id": "1"}, ["#/id"]), ([], ["#"]), ({"scopes": 1, "tenant": 2, "x": 3}, ["#/scopes", "#/tenant", "#/x"]),
])
def test_a_key_that_cannot_be_is_refused_with_every_fault(keyed, body, pointers):
    check_problem(keyed.boss.post("/v1/keys", body), 422, "invalid-input", pointers)


def test_what_is_no_json_makes_no_key(keyed):
    check_problem(keyed.boss.post("/v1/keys", b"{", {"Content-Type": "application/json"}), 400, "not-json")
    check_problem(keyed.boss.post("/v1/keys", b'{"scopes":["read"],"scopes":["admin"]}', {"Content-Type": "application/json"}), 400, "not-json")
    check_problem(keyed.boss.post("/v1/keys", b"scopes=read", {"Content-Type": "text/plain"}), 415, "unsupported-media-type")
    check_problem(keyed.boss.post("/v1/keys?a=1", {"scopes": ["read"]}), 400, "bad-query")


def test_a_key_that_is_not_there_cannot_be_revoked(keyed):
    for id in ("0" * 12, "x", "A" * 12, "0" * 13):
        check_problem(keyed.boss.request("DELETE", f"/v1/keys/{id}"), 404, "not-found")
    client = keyed.client("a", "read")
    keyed.revoke(client)
    check_problem(keyed.boss.request("DELETE", f"/v1/keys/{client.id}"), 404, "not-found")


# ---- what it opens ----

def test_without_a_key_only_what_holds_no_data_answers(keyed, nobody):
    for path in OPEN_TO_ALL:
        assert nobody.get(path).status == 200, path
        assert nobody.get(path, Host="service.example").status == 200, path
    job = keyed.a.submit("echo", 1)["id"]
    for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("POST", "/v1/jobs:batch"), ("GET", f"/v1/jobs/{job}"),
                         ("GET", f"/v1/jobs/{job}/result"), ("GET", f"/v1/jobs/{job}/input"), ("GET", f"/v1/jobs/{job}/events"),
                         ("POST", f"/v1/jobs/{job}:cancel"), ("POST", f"/v1/jobs/{job}:retry"), ("GET", "/v1/events"), ("GET", "/v1/ws"),
                         ("GET", "/v1/types"), ("GET", "/metrics"), ("GET", "/v1/keys"), ("POST", "/v1/keys"), ("DELETE", "/v1/keys/" + "0" * 12),
                         ("POST", "/v1/tickets"), ("GET", "/v1/no/such/route"), ("DELETE", "/v1/jobs"), ("HEAD", "/v1/jobs")):
        answer = nobody.request(method, path, b"" if method == "POST" else None)
        assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer", (method, path, answer)
        if method != "HEAD":
            check_problem(answer, 401, "no-key")


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer bz_", "Bearer bz_{id}_{wrong}", "Bearer {key}x", "Bearer x{key}",
                                   "Bearer bz_000000000000_{secret}", "{key}", "Bearer  {key}", "Bearer {key} {key}", "Bearer {upper}"])
def test_what_is_not_exactly_a_key_is_none(keyed, nobody, value):
    key = keyed.a.key
    assert keyed.a.get("/v1/jobs").status == 200
    value = value.format(key=key, id=keyed.a.id, wrong="A" * 43, secret=key.split("_", 2)[2], upper=key.upper())
    answer = nobody.get("/v1/jobs", Authorization=value)
    check_problem(answer, 401, "no-key")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    if value:
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_the_scheme_is_named_in_any_case_and_any_host_will_do(keyed, nobody):
    assert nobody.get("/v1/jobs", Authorization=f"bEaReR {keyed.a.key}").status == 200
    assert keyed.a.get("/v1/jobs", Host="service.example:443").status == 200


def test_a_foreign_page_is_kept_out_all_the_same(keyed):
    check_problem(keyed.a.post("/v1/jobs", {"type": "echo", "input": 1}, {"Origin": "http://evil.example"}), 403, "foreign-origin")


@pytest.mark.parametrize("scope, may", [
    ("submit", {"submit", "batch", "retry"}), ("read", {"get", "list", "result", "input", "events", "all", "types", "metrics"}),
    ("cancel", {"cancel"}), ("admin", {"submit", "batch", "retry", "get", "list", "result", "input", "events", "all", "types", "metrics", "cancel", "keys"}),
])
def test_a_scope_opens_its_routes_and_no_other(keyed, scope, may):
    tenant = f"scope-{scope}"
    done = keyed.client(tenant, "admin").run("echo", 1)["id"]
    client = keyed.client(tenant, scope)
    asks = {"submit": ("POST", "/v1/jobs", {"type": "echo", "input": 1}), "batch": ("POST", "/v1/jobs:batch", {"jobs": [{"type": "echo", "input": 1}]}),
            "retry": ("POST", f"/v1/jobs/{done}:retry", b""), "get": ("GET", f"/v1/jobs/{done}", None), "list": ("GET", "/v1/jobs", None),
            "result": ("GET", f"/v1/jobs/{done}/result", None), "input": ("GET", f"/v1/jobs/{done}/input", None),
            "events": ("GET", f"/v1/jobs/{done}/events", None), "all": ("GET", "/v1/events", None), "types": ("GET", "/v1/types", None),
            "metrics": ("GET", "/metrics", None), "cancel": ("POST", f"/v1/jobs/{done}:cancel", b""), "keys": ("GET", "/v1/keys", None)}
    for name, (method, path, body) in asks.items():
        answer = client.request(method, path, body)
        if name in may:
            assert answer.status in (200, 202, 409), (name, answer)
        else:
            check_problem(answer, 403, "no-right")


def test_who_may_only_submit_is_not_told_the_result(keyed):
    client = keyed.client("a", "submit")
    answer = client.post("/v1/jobs", {"type": "sleep", "input": {"seconds": 0.3}}, {"Prefer": "wait=10"})
    assert answer.status == 202 and "Preference-Applied" not in answer.headers


def test_refusals_are_counted(keyed, nobody):
    names = ['buzzer_auth_refused_total{problem="no-key"}', 'buzzer_auth_refused_total{problem="no-right"}']
    before = [keyed.boss.metric(name) for name in names]
    assert nobody.get("/v1/jobs").status == 401 and keyed.a.get("/v1/keys").status == 403
    assert [keyed.boss.metric(name) for name in names] == [before[0] + 1, before[1] + 1]


# ---- the end of a key ----

def test_a_revoked_key_is_shut_out_at_once_on_every_connection(keyed):
    client = keyed.client("a", "read")
    others = [Client(keyed.port, key=client.key) for _ in range(16)]     # spread over the threads
    for other in others:
        assert other.get("/v1/jobs").status == 200
    keyed.revoke(client)
    assert [other.get("/v1/jobs").status for other in others] == [401] * 16


def test_an_expired_key_is_refused(keyed):
    client = keyed.client("a", "read", expires_at=in_ms(1500))
    assert client.get("/v1/jobs").status == 200
    until(lambda: client.get("/v1/jobs").status == 401, 10, "the end of the key")
    assert client.id in [key["id"] for key in keyed.boss.get("/v1/keys").json["keys"]]


@pytest.mark.parametrize("end", ["revoke", "expire"])
def test_open_sockets_and_streams_end_with_their_key(keyed, end):
    client = keyed.client("a", "read", **({"expires_at": in_ms(2500)} if end == "expire" else {}))
    job = keyed.a.submit("echo", 1, delay_ms=3600000)["id"]
    other = keyed.client("a", "read")
    with Socket(keyed, "?all=1", extra_headers=bearer(client)) as socket, Stream(keyed.port, "/v1/events", **bearer(client)) as stream, \
            Socket(keyed, "?all=1", extra_headers=bearer(other)) as kept:
        socket.answer("subscribed"), kept.answer("subscribed")
        assert stream.next()[0] == "subscribed"
        waits = [Client(keyed.port, key=client.key) for _ in range(3)]
        for wait, path in zip(waits, (f"/v1/jobs/{job}?wait=60", f"/v1/jobs/{job}/events?wait=60", "/v1/events?wait=60")):
            wait.connection.request("GET", path, headers=bearer(client))
        if end == "revoke":
            time.sleep(0.3)              # the requests are on their way; in whatever order, they end
            keyed.revoke(client)
        began = time.monotonic()
        assert socket.closed()[0] == 4401
        assert stream.next() is None
        assert [wait.connection.getresponse().status for wait in waits] == [401] * 3
        assert time.monotonic() - began < (1.5 if end == "revoke" else 5) * PATIENCE
        assert kept.send({"op": "ping"}).answer("pong")


def test_an_answer_under_way_is_not_cut_by_the_end_of_its_key(keyed):
    client = keyed.client("big", "submit", "read")
    cursor = client.submit("echo", 0)["cursor"]
    for id in [client.submit("echo", "x" * 50000)["id"] for _ in range(20)]:
        client.wait(id)
    with Raw(keyed.port, timeout=30 * PATIENCE, receive_buffer=4096) as raw:
        for _ in range(8):              # more than the kernel takes, so that one is always on its way
            raw.send(f"GET /v1/events?after={cursor}&wait=5 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.key}\r\n\r\n")
        time.sleep(0.5)
        keyed.revoke(client)
        time.sleep(0.2)
        answers = [raw.answer() for _ in range(8)]
    assert [status for status, _, _ in answers] == sorted(status for status, _, _ in answers)
    assert {status for status, _, _ in answers} == {200, 401}
    assert all(len(json.loads(body)["events"]) >= 20 for status, _, body in answers if status == 200)


def test_a_socket_whose_key_was_revoked_does_nothing_more(keyed):
    client = keyed.client("gone", "submit", "read")
    with Socket(keyed, extra_headers=bearer(client)) as socket:
        keyed.revoke(client)
        try:
            socket.send({"op": "submit", "job": {"type": "echo", "input": 1}})
        except Exception:                # closed before it could be sent: fine as well
            pass
        assert socket.closed()[0] == 4401
    assert keyed.client("gone", "read").get("/v1/jobs").json["jobs"] == []


# ---- sockets and tickets ----

def test_a_socket_needs_a_key_and_its_scopes(keyed):
    status, headers = handshake(keyed, *HANDSHAKE)
    assert status == 401 and headers["www-authenticate"] == "Bearer"
    assert handshake(keyed, *HANDSHAKE, "Authorization: Bearer nonsense")[0] == 401
    submits = keyed.client("a", "submit")
    assert handshake(keyed, *HANDSHAKE, f"Authorization: Bearer {submits.key}", query="?all=1")[0] == 403
    with Socket(keyed, extra_headers=bearer(submits)) as socket:
        assert socket.send({"op": "subscribe", "ref": "1", "all": True}).answer("error", "1")["problem"]["status"] == 403
        job = socket.send({"op": "submit", "ref": "2", "job": {"type": "echo", "input": 1}}).answer("submitted", "2")["job"]
        assert keyed.a.wait(job["id"])["state"] == "succeeded"
        assert socket.is_silent(0.3)     # it may not read, and so is not told of it either
    with Socket(keyed, extra_headers=bearer(keyed.client("a", "read"))) as socket:
        assert socket.send({"op": "submit", "ref": "3", "job": {"type": "echo", "input": 1}}).answer("error", "3")["problem"]["status"] == 403


def test_a_ticket_opens_a_socket_once(keyed):
    ticket = keyed.ticket(keyed.a)
    with Socket(keyed, f"?all=1&ticket={ticket}") as socket:
        socket.answer("subscribed")
        job = keyed.a.submit("echo", 1)["id"]
        assert socket.event()["subject"] == job
    assert handshake(keyed, *HANDSHAKE, query=f"?ticket={ticket}")[0] == 401


@pytest.mark.parametrize("order", [0, 1])
def test_a_ticket_may_stand_among_the_subprotocols(keyed, order):
    words = ["buzzer.v1", "ticket." + keyed.ticket(keyed.b)]
    with Socket(keyed, "?all=1", subprotocols=words[::-1] if order else words) as socket:
        assert socket.socket.subprotocol == "buzzer.v1"
        socket.answer("subscribed")
        socket.events_until("job.succeeded", keyed.b.submit("echo", 1)["id"])      # an earlier job may still be told of


def test_a_ticket_opens_a_stream(keyed):
    job = keyed.a.submit("echo", 1)["id"]
    with Stream(keyed.port, f"/v1/jobs/{job}/events?ticket={keyed.ticket(keyed.a)}") as stream:
        assert [event["type"] for event in stream.events()][-1] == "job.succeeded"
    with Stream(keyed.port, f"/v1/jobs/{job}/events?ticket={keyed.ticket(keyed.b)}") as stream:
        assert stream.status == 404
    with Stream(keyed.port, "/v1/events?ticket=0000" + "x" * 43) as stream:
        assert stream.status == 401


def test_a_ticket_is_for_nothing_else_and_as_good_as_its_key(keyed):
    assert keyed.service.client().get(f"/v1/jobs?ticket={keyed.ticket(keyed.a)}").status == 401
    client = keyed.client("a", "read")
    ticket = keyed.ticket(client)
    keyed.revoke(client)
    assert handshake(keyed, *HANDSHAKE, query=f"?ticket={ticket}")[0] == 401
    check_problem(keyed.client("a", "cancel").post("/v1/tickets"), 403, "no-right")


def test_while_there_is_no_key_a_ticket_is_given_and_taken_too(service, api):
    ticket = api.post("/v1/tickets").json["ticket"]
    with Socket(service, f"?all=1&ticket={ticket}") as socket:
        assert socket.answer("subscribed")["all"]


# ---- off loopback ----

class Reachable(Service):
    """Listens off loopback, as far as it knows."""

    def start(self, **_):
        mark = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "serve", "--listen", OFF_LOOPBACK, "--data", self.data, *self.flags], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True,
                                            env={k: v for k, v in os.environ.items() if not k.startswith("BUZZER")})
        self.port = int(until(lambda: re.findall(r"listening on http://\[::ffff:127\.0\.0\.1\]:(\d+)", self.log.read_text()[mark:]), 20,
                              "the port")[-1])
        return self

    def key(self):
        return until(lambda: (self.data / "admin.key").exists() and (self.data / "admin.key").read_text(), 10, "the key").strip()


@pytest.fixture
def reachable(tmp_path):
    service = Reachable(tmp_path)
    yield service
    service.stop()
    service.check_log()


def test_off_loopback_the_first_start_makes_a_key_for_the_operator_alone(reachable):
    reachable.start()
    key, file = reachable.key(), reachable.data / "admin.key"
    assert KEY.fullmatch(key) and stat.S_IMODE(file.stat().st_mode) == 0o600
    boss = reachable.client(key=key)
    until(lambda: boss.get("/v1/jobs").status == 200, 10, "the key to be good")
    assert reachable.client().get("/v1/jobs").status == 401 and reachable.client().get("/livez").status == 200
    assert boss.get("/v1/jobs", Host="service.example").status == 200
    [listed] = boss.get("/v1/keys").json["keys"]
    assert (listed["id"], listed["scopes"], listed["tenant"], listed["expires_at"]) == (key.split("_")[1], ["admin"], "default", None)
    assert "admin.key" in reachable.log.read_text() and key.split("_", 2)[2] not in reachable.log.read_text()
    assert sorted(path.name for path in reachable.data.iterdir() if "key" in path.name) == ["admin.key"]

    reachable.kill()                     # the next start makes no other
    reachable.start()
    assert reachable.key() == key and len(reachable.client(key=key).get("/v1/keys").json["keys"]) == 1


def test_a_key_that_the_operator_laid_there_is_used(reachable):
    key = "bz_0123456789ab_" + "Qq9-_" * 8 + "abc"
    file = reachable.data / "admin.key"
    file.write_text(key + "\n")
    file.chmod(0o600)
    reachable.start()
    until(lambda: reachable.client(key=key).get("/v1/jobs").status == 200, 10, "the key to be good")
    assert file.read_text() == key + "\n"


def test_a_file_that_holds_no_key_stops_the_start(tmp_path):
    (tmp_path / "admin.key").write_text("secret\n")
    done = subprocess.run([PROGRAM, "serve", "--listen", OFF_LOOPBACK, "--data", tmp_path], capture_output=True, text=True, timeout=30 * PATIENCE)
    assert done.returncode == 78 and "admin.key" in done.stderr and "secret" not in done.stderr


def test_where_keys_exist_already_none_is_made(reachable, start):
    service = start(folder=reachable.folder)
    key = Keyed.make_with(service.client(), scopes=["admin"])["key"]
    service.stop()
    reachable.start()
    assert reachable.client(key=key).get("/v1/jobs").status == 200
    assert not (reachable.data / "admin.key").exists()


# ---- the commands ----

@pytest.fixture
def buzzer(keyed):
    def run(*words, key=None, **env):
        return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60 * PATIENCE, stdin=subprocess.DEVNULL,
                              env={"PATH": os.environ["PATH"], "BUZZER_SERVER": keyed.service.url, **({"BUZZER_KEY": key} if key else {}), **env})
    return run


def test_keys_are_made_listed_and_revoked_by_command(keyed, buzzer):
    boss = keyed.boss.key
    done = buzzer("key", "create", "--tenant", "T", "--scope", "submit", "--scope", "read", "--expires", "90d", "--name", "N", key=boss)
    assert (done.returncode, done.stderr) == (0, "") and KEY.fullmatch(done.stdout.rstrip("\n"))
    id = done.stdout.split("_")[1]
    [listed] = [key for key in keyed.boss.get("/v1/keys").json["keys"] if key["id"] == id]
    assert (listed["tenant"], listed["scopes"], listed["name"]) == ("T", ["submit", "read"], "N")
    days = (datetime.datetime.fromisoformat(listed["expires_at"][:-1]) - datetime.datetime.utcnow()).total_seconds() / 86400
    assert 89.9 < days < 90.1
    done = buzzer("key", "list", key=boss)
    assert done.returncode == 0 and f'"{id}"' in done.stdout
    assert buzzer("key", "revoke", id, key=boss).returncode == 0
    assert buzzer("key", "revoke", id, key=boss).returncode == 66


@pytest.mark.parametrize("words, status", [
    (["key"], 64), (["key", "steal"], 64), (["key", "create"], 64), (["key", "create", "--scope", "fly"], 64), (["key", "revoke"], 64),
    (["key", "create", "--scope", "read", "--expires", "soon"], 64), (["key", "create", "--scope", "read", "--expires", "0d"], 64),
    (["key", "create", "--scope", "read", "extra"], 64), (["key", "list", "--tenant", "T"], 64), (["key", "revoke", "xyz"], 66),
    (["key", "create", "--scope", "read", "--tenant", "a b"], 65), (["key", "list", "--key-file", "/nowhere"], 66),
])
def test_a_wrong_key_command_says_so(keyed, buzzer, words, status):
    done = buzzer(*words, key=keyed.boss.key)
    assert done.returncode == status and done.stderr and not done.stdout, done


def test_client_commands_send_their_key(keyed, buzzer, tmp_path):
    file = tmp_path / "key"
    file.write_text(keyed.a.key + "\n")
    for way in ({"key": keyed.a.key}, {"BUZZER_KEY_FILE": str(file)}):
        assert buzzer("submit", "echo", '{"a":1}', "--wait", **way).stdout == '{"a":1}'
    done = buzzer("submit", "echo", "1", "--key-file", str(file), key="bz_000000000000_" + "x" * 43)    # the flag beats it
    assert done.returncode == 0, done
    id = done.stdout.strip()
    assert buzzer("watch", id, key=keyed.a.key).stdout.count('"job.succeeded"') == 1
    assert buzzer("status", id, key=keyed.b.key).returncode == 66
    for words in (["list"], ["status", id], ["submit", "echo", "1"], ["watch", id], ["cancel", id]):
        assert buzzer(*words).returncode == 77, words
    done = buzzer("key", "list", key=keyed.a.key)
    assert done.returncode == 77 and "scope" in done.stderr
    done = buzzer("list", key="nonsense")
    assert done.returncode == 64 and "nonsense" not in done.stderr


def test_help_tells_of_keys():
    for words in (["help", "key"], ["key", "--help"]):
        done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=30 * PATIENCE)
        assert done.returncode == 0 and "--scope" in done.stdout and "--key-file" in done.stdout
