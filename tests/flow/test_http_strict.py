"""Strict HTTP/1.1 (RFC 9112), row by row over bare sockets, and patience that has an end."""
import json
import time

import pytest

from raw import Raw, ask, stays_fine

HOST = "Host: localhost\r\n"
JOB = b'{"type":"echo","input":1}'
POST = "POST /v1/jobs HTTP/1.1\r\n" + HOST + "Content-Type: application/json\r\n"

MALFORMED = {
    "no Host": "GET /livez HTTP/1.1\r\n\r\n",
    "two Hosts": "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    "a Host that is none": "GET /v1/jobs HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a bare LF": "GET /livez HTTP/1.1\nHost: localhost\n\n",
    "a bare LF within": "GET /livez HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
    "a bare CR": "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
    "a NUL": "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
    "a folded header": "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
    "a space before the colon": "GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "a space in a name": "GET /livez HTTP/1.1\r\nHost: localhost\r\nX Y: z\r\n\r\n",
    "a line without colon": "GET /livez HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n",
    "an empty name": "GET /livez HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
    "a leading space": "GET /livez HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "two spaces": "GET  /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": "GET /livez\r\nHost: localhost\r\n\r\n",
    "no target": "GET HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a bad escape": "GET /v1/jobs/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a control character": "GET /a\x01b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "length +3": POST + "Content-Length: +3\r\n\r\n{}x",
    "length 3abc": POST + "Content-Length: 3abc\r\n\r\n{}x",
    "length 3, 3": POST + "Content-Length: 3, 3\r\n\r\n{}x",
    "length 0x3": POST + "Content-Length: 0x3\r\n\r\n{}x",
    "length -1": POST + "Content-Length: -1\r\n\r\n{}x",
    "length 2^64+3": POST + "Content-Length: 18446744073709551619\r\n\r\n{}x",
    "no digits": POST + "Content-Length: \r\n\r\n{}x",
    "two lengths": POST + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n{}xy",
    "two equal lengths": POST + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n{}x",
    "a length and a coding": POST + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding and a length": POST + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "a length with a space before the colon": POST + "Content-Length : 3\r\n\r\n{}x",
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_strict_gets_400_and_the_connection_closed(service, request_):
    with Raw(service.port) as raw:
        raw.send(request_)
        status, headers, body = raw.answer()
        allowed = (400, 501, 505) if b"HTTP/2" in (request_ if isinstance(request_, bytes) else b"") else (400,)
        assert status in allowed, (status, body)
        assert headers["content-type"] == "application/problem+json"
        assert headers["connection"].lower() == "close" and raw.is_closed()
    assert stays_fine(service.port)


def refused(service, request, status, word, closed):
    with Raw(service.port) as raw:
        raw.send(request)
        got, headers, body = raw.answer()
        assert (got, json.loads(body)["type"]) == (status, "/docs/problems#" + word)
        if closed:
            assert headers["connection"].lower() == "close" and raw.is_closed()


@pytest.mark.parametrize("coding", ["chunked", "gzip, chunked", "identity", "CHUNKED", "x"])
def test_a_transfer_coding_is_not_implemented(service, coding):
    refused(service, POST + f"Transfer-Encoding: {coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 501, "not-implemented", True)


def test_a_post_without_a_length_is_asked_for_one(service):
    refused(service, POST + "\r\n", 411, "no-length", False)


@pytest.mark.parametrize("pieces", [1, 3, 7, 1000])
def test_a_post_that_needs_no_body_needs_no_length(service, api, pieces):
    """As `curl -X POST` sends it; also in pieces, behind another request and before one."""
    id = api.submit("sleep", {"seconds": 60})["id"]
    get = f"GET /livez HTTP/1.1\r\n{HOST}\r\n"
    requests = get + f"POST /v1/jobs/{id}:cancel HTTP/1.1\r\n{HOST}\r\n" + get
    with Raw(service.port) as raw:
        for i in range(0, len(requests), pieces):
            raw.send(requests[i:i + pieces])
        answers = [raw.answer() for _ in range(3)]
    assert [status for status, _, _ in answers] == [200, 202, 200], answers
    assert api.wait(id)["state"] == "cancelled"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_wrong_method_without_a_length_is_called_wrong(service, method):
    refused(service, f"{method} /v1/jobs HTTP/1.1\r\n{HOST}\r\n", 405, "method-not-allowed", False)


@pytest.mark.parametrize("method", ["get", "BREW", "TRACE", "CONNECT"])
def test_a_method_nobody_knows_is_not_implemented(service, method):
    status, _, body = ask(service.port, f"{method} /livez HTTP/1.1\r\n{HOST}\r\n")
    assert status in ((501,) if method in ("get", "BREW") else (400, 405, 501)), body


@pytest.mark.parametrize("version, allowed", [("HTTP/9.9", {505}), ("HTTP/2.0", {505}), ("HTTP/0.9", {400, 505}),
                                              ("http/1.1", {400, 505}), ("HTTP/1.1x", {400, 505})])
def test_another_version_is_not_served(service, version, allowed):
    with Raw(service.port) as raw:
        raw.send(f"GET /livez {version}\r\n{HOST}\r\n")
        assert raw.answer()[0] in allowed


def test_continue_is_said_before_the_body_is_sent(service):
    with Raw(service.port) as raw:
        raw.send(POST + f"Content-Length: {len(JOB)}\r\nExpect: 100-continue\r\n\r\n")
        _, status, _ = raw.head()
        assert status == 100
        raw.send(JOB)
        assert raw.answer()[0] == 202


def test_what_is_refused_anyway_need_not_be_sent(service):
    with Raw(service.port) as raw:
        raw.send(POST.replace("application/json", "application/json\r\nContent-Encoding: gzip")
                 + "Content-Length: 99\r\nExpect: 100-continue\r\n\r\n")
        status, _, _ = raw.answer()
        if status == 100:
            raw.send(b"x" * 99)
            status, _, _ = raw.answer()
        assert status == 415


def test_an_expectation_nobody_knows_is_refused(service):
    assert ask(service.port, f"GET /livez HTTP/1.1\r\n{HOST}Expect: wonders\r\n\r\n")[0] in (200, 400, 417)


@pytest.mark.parametrize("upgrade", ["h2c", "foo", "TLS/1.0", "websocket2"])
def test_an_upgrade_to_something_else_is_not_made(service, upgrade):
    for path in ("/livez", "/v1/ws"):
        with Raw(service.port) as raw:
            raw.send(f"GET {path} HTTP/1.1\r\n{HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\n"
                     "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
            status, _, _ = raw.answer()
            assert status == (200 if path == "/livez" else 426), status
    assert stays_fine(service.port)


def test_an_odd_upgrade_after_a_kept_alive_request_is_harmless(service):
    for _ in range(20):
        with Raw(service.port) as raw:
            raw.send(f"GET /livez HTTP/1.1\r\n{HOST}\r\n").answer()
            raw.send(f"GET /livez HTTP/1.1\r\n{HOST}Connection: Upgrade\r\nUpgrade: foo\r\n\r\n")
            assert raw.answer()[0] == 200


def test_a_client_that_offers_http2_is_served(service, api):
    """As Java's HttpClient does by itself: RFC 9110, 7.8, lets a server go on as before."""
    offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    with Raw(service.port) as raw:
        raw.send(f"POST /v1/jobs HTTP/1.1\r\n{HOST}{offer}Content-Type: application/json\r\nContent-Length: {len(JOB)}\r\n\r\n")
        raw.send(JOB)
        status, _, body = raw.answer()
        assert status == 202 and api.wait(json.loads(body)["id"])["result"] == 1
        raw.send(f"GET /livez HTTP/1.1\r\n{HOST}{offer}\r\n")
        assert raw.answer()[0] == 200


@pytest.mark.parametrize("path", ["/v1/jobs?", "/v1/jobs?page_size=5&", "/v1/events?wait=0&", "/v1/jobs?type=echo&&tag=a&"])
def test_an_empty_argument_is_none(service, path):
    assert ask(service.port, f"GET {path} HTTP/1.1\r\n{HOST}\r\n")[0] == 200


@pytest.mark.parametrize("host, status", [
    ("localhost", 200), ("LOCALHOST", 200), ("localhost:1234", 200), ("127.0.0.1", 200), ("127.0.0.1:80", 200),
    ("[::1]", 200), ("[::1]:80", 200), ("example.com", 421), ("localhost.example.com", 421), ("127.0.0.1.nip.io", 421),
    ("0.0.0.0", 421), ("[::2]", 421), ("10.0.0.1", 421), ("localhost:x", 400), ("user@localhost", 400), ("", 400),
])
def test_only_a_loopback_name_is_a_name_of_an_open_service(service, host, status):
    got, _, body = ask(service.port, f"GET /v1/jobs HTTP/1.1\r\nHost: {host}\r\n\r\n")
    assert got in ((status,) if status != 400 else (400, 421)), body
    if got == 421:
        assert json.loads(body)["type"].endswith("#misdirected")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_answers_any_name(service, path):
    assert ask(service.port, f"GET {path} HTTP/1.1\r\nHost: example.com\r\n\r\n")[0] == 200


@pytest.mark.parametrize("origin", ["http://example.com", "null", "https://localhost", "http://localhost.example.com",
                                    "http://localhost:1", "file://", "nonsense"])
def test_a_page_of_a_foreign_origin_changes_nothing(service, origin):
    job = service.client().submit("echo", 1, delay_ms=3600000)
    for target in ("/v1/jobs", "/v1/jobs:batch", f"/v1/jobs/{job['id']}:cancel", f"/v1/jobs/{job['id']}:retry"):
        status, headers, body = ask(service.port, f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\n"
                                    f"Origin: {origin}\r\nContent-Type: application/json\r\n"
                                    f"Content-Length: {len(JOB)}\r\n\r\n{JOB.decode()}")
        assert status == 403 and json.loads(body)["type"].endswith("#foreign-origin"), target
        assert "access-control-allow-origin" not in headers
    assert service.client().job(job["id"])["state"] == "scheduled"
    status, headers, _ = ask(service.port, f"GET /v1/jobs HTTP/1.1\r\n{HOST}Origin: {origin}\r\n\r\n")
    assert "access-control-allow-origin" not in headers
    service.client().cancel(job["id"])


def test_a_page_of_the_service_itself_may_change_things(service):
    origin = f"http://127.0.0.1:{service.port}"
    status, _, _ = ask(service.port, f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nOrigin: {origin}\r\n"
                       f"Content-Type: application/json\r\nContent-Length: {len(JOB)}\r\n\r\n{JOB.decode()}")
    assert status == 202


def test_an_origin_that_is_named_in_the_settings_may_change_things(start):
    service = start(settings={"allow_origins": ["https://app.example.com"]})

    def post(origin):
        return ask(service.port, f"{POST}Origin: {origin}\r\nContent-Length: {len(JOB)}\r\n\r\n{JOB.decode()}")

    status, headers, _ = post("https://app.example.com")
    assert status == 202 and headers["access-control-allow-origin"] == "https://app.example.com"
    assert post("https://other.example.com")[0] == post("http://app.example.com")[0] == 403


def test_http_1_0_is_served_and_closed(service):
    with Raw(service.port) as raw:
        raw.send("GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert raw.answer()[0] == 200 and raw.is_closed()


def test_http_1_0_needs_a_host_where_no_key_is_used(service):
    assert ask(service.port, "GET /v1/jobs HTTP/1.0\r\n\r\n")[0] in (400, 421)


def test_close_is_honoured_and_otherwise_the_connection_is_kept(service):
    with Raw(service.port) as raw:
        for _ in range(20):
            assert raw.send(f"GET /livez HTTP/1.1\r\n{HOST}\r\n").answer()[0] == 200
        raw.send(f"GET /livez HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")
        assert raw.answer()[0] == 200 and raw.is_closed()


def test_head_has_no_body_and_the_connection_goes_on(service):
    with Raw(service.port) as raw:
        for _ in range(3):
            status, headers, _ = raw.send(f"HEAD /v1/types HTTP/1.1\r\n{HOST}\r\n").answer("HEAD")
            assert status == 200 and int(headers["content-length"]) > 0
        assert raw.send(f"GET /livez HTTP/1.1\r\n{HOST}\r\n").answer()[0] == 200


def test_pipelined_requests_are_answered_in_order_or_the_connection_is_closed(service):
    job = f"{POST}Content-Length: {len(JOB)}\r\n\r\n{JOB.decode()}"
    with Raw(service.port) as raw:
        raw.send("".join(f"GET /v1/jobs/{'0' * 25}{i} HTTP/1.1\r\n{HOST}\r\n{job}" for i in range(5)))
        try:
            for i in range(5):
                status, _, body = raw.answer()
                assert status == 404 and str(i) in json.loads(body)["instance"][-1:], (i, body)
                assert raw.answer()[0] == 202
        except (EOFError, ConnectionError):
            pass        # closed instead: an answer to the wrong request it never is


def test_a_body_hides_no_second_request(service):
    inner = f"GET /nosuch HTTP/1.1\r\n{HOST}\r\n"
    with Raw(service.port) as raw:
        raw.send(f"POST /v1/jobs?type=echo HTTP/1.1\r\n{HOST}Content-Type: text/plain\r\n"
                 f"Content-Length: {len(inner)}\r\n\r\n{inner}")
        assert raw.answer()[0] == 202
        assert raw.send(f"GET /livez HTTP/1.1\r\n{HOST}\r\n").answer()[0] == 200


def test_a_request_in_single_bytes_is_a_request(service):
    with Raw(service.port) as raw:
        for byte in f"{POST}Content-Length: {len(JOB)}\r\n\r\n{JOB.decode()}".encode():
            raw.send(bytes([byte]))
        assert raw.answer()[0] == 202


def test_who_closes_its_sending_side_is_answered_or_closed_and_never_left_hanging(service):
    with Raw(service.port, timeout=10) as raw:
        raw.send(f"{POST}Content-Length: {len(JOB)}\r\n\r\n{JOB.decode()}").half_close()
        try:
            assert raw.answer()[0] == 202
        except (EOFError, ConnectionError):
            pass        # no answer means unknown
    assert stays_fine(service.port)


def test_half_a_request_and_then_nothing_costs_nothing(service, api):
    job = '{"type":"echo","input":1,"tags":["half"]}'
    request = f"{POST}Content-Length: {len(job)}\r\n\r\n{job[:-3]}"
    for cut in (1, 10, 40, 70):
        with Raw(service.port) as raw:
            raw.send(request[:cut]).half_close()
            raw.to_end()
    with Raw(service.port) as raw:
        raw.send(request).half_close()
        raw.to_end()
    assert api.get("/v1/jobs?tag=half").json["jobs"] == []
    assert stays_fine(service.port)


def slow(service, first, drip, seconds):
    """How long a connection lives that sends a byte now and then."""
    begin = time.monotonic()
    with Raw(service.port, timeout=0.2) as raw:
        raw.send(first)
        while time.monotonic() - begin < seconds:
            try:
                raw.send(drip)
                data = raw.socket.recv(4096)
                if not data:
                    return time.monotonic() - begin
            except TimeoutError:
                pass
            except OSError:
                return time.monotonic() - begin
    return None


@pytest.mark.parametrize("first, drip", [
    ("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ", "a"),
    (f"POST /v1/jobs?type=echo HTTP/1.1\r\n{HOST}Content-Type: a/b\r\nContent-Length: 100000\r\n\r\n", "a"),
], ids=["headers", "body"])
def test_a_drip_has_an_end_and_holds_up_nobody(service, first, drip):
    assert slow(service, first, drip, 45), "still open after 45 s"
    assert stays_fine(service.port)


def test_a_hundred_slow_ones_do_not_take_the_service_away(service):
    held = [Raw(service.port).send("GET /livez HTTP/1.1\r\nX: ") for _ in range(200)]
    held += [Raw(service.port) for _ in range(200)]
    for _ in range(20):
        assert stays_fine(service.port)
    for raw in held:
        raw.socket.close()


def test_random_bytes_are_harmless(service):
    import random
    dice = random.Random(7)
    good = f"{POST}Content-Length: {len(JOB)}\r\n\r\n{JOB.decode()}".encode()
    for _ in range(300):
        data = bytearray(good)
        for _ in range(dice.randint(1, 5)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with Raw(service.port, timeout=5) as raw:
            try:
                raw.send(bytes(data)).half_close()
                raw.to_end()
            except OSError:
                pass
    assert stays_fine(service.port)
