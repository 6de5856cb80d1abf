"""GET /v1/ws: the handshake, and who may have it."""
import pytest

from raw import Raw
from sockets import HANDSHAKE, Socket, handshake


@pytest.mark.parametrize("offered, chosen", [
    (["buzzer.v1"], "buzzer.v1"), (["cloudevents.json"], "cloudevents.json"), ([], None),
    (["nonsense", "cloudevents.json"], "cloudevents.json"), (["buzzer.v1", "cloudevents.json"], "buzzer.v1"),
])
def test_the_subprotocol_is_one_of_ours_or_none(service, offered, chosen):
    with Socket(service, subprotocols=offered) as socket:
        assert socket.socket.subprotocol == chosen
        socket.send({"op": "ping"})
        assert socket.receive() == {"op": "pong"}


def test_a_good_handshake_is_answered_as_the_rfc_says(service):
    status, headers = handshake(service, *HANDSHAKE)
    assert status == 101 and headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert "sec-websocket-extensions" not in headers


def test_no_extension_is_agreed_on(service):
    status, headers = handshake(service, *HANDSHAKE, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
    assert status == 101 and "sec-websocket-extensions" not in headers


@pytest.mark.parametrize("version", ["8", "14", "0", "x"])
def test_another_version_is_told_the_right_one(service, version):
    status, headers = handshake(service, *HANDSHAKE[:3], f"Sec-WebSocket-Version: {version}")
    assert status == 426 and headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize("lines", [HANDSHAKE[:2] + HANDSHAKE[3:], (HANDSHAKE[0], HANDSHAKE[1], "Sec-WebSocket-Key: short", HANDSHAKE[3]), HANDSHAKE[:3]],
                         ids=["no key", "a bad key", "no version"])
def test_an_incomplete_handshake_is_refused(service, lines):
    assert handshake(service, *lines)[0] in (400, 426)


def test_a_plain_get_is_told_to_upgrade(service, api):
    answer = api.get("/v1/ws")
    assert answer.status == 426 and answer.json["type"].endswith("#upgrade-required")


@pytest.mark.parametrize("origin, status", [("http://example.com", 403), ("null", 403), ("http://localhost", 403)])
def test_a_foreign_origin_is_refused(service, origin, status):
    assert handshake(service, *HANDSHAKE, f"Origin: {origin}", host=f"127.0.0.1:{service.port}")[0] == status


def test_the_services_own_origin_is_welcome(service):
    assert handshake(service, *HANDSHAKE, f"Origin: http://127.0.0.1:{service.port}", host=f"127.0.0.1:{service.port}")[0] == 101


def test_another_host_is_misdirected(service):
    assert handshake(service, *HANDSHAKE, host="example.com")[0] == 421


@pytest.mark.parametrize("query, status", [
    ("?after=nonsense", 400), ("?job=nosuch", 404), ("?job=" + "0" * 26, 404), ("?colour=red", 400),
    ("?all=1&after=%00", 400), ("?all=1&event=job.nosuch", 400), ("?all=2", 400)])
def test_a_wrong_query_refuses_the_handshake(service, query, status):
    assert handshake(service, *HANDSHAKE, query=query)[0] == status


@pytest.mark.parametrize("path", ["/livez", "/v1/jobs", "/", "/nosuch"])
def test_other_routes_do_not_upgrade(service, path):
    with Raw(service.port) as raw:
        raw.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n" + "".join(line + "\r\n" for line in HANDSHAKE) + "\r\n")
        assert raw.head()[1] != 101
