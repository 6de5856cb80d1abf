"""Every refusal is a problem document, and every limit holds at limit - 1, limit and limit + 1."""
import json

import pytest

from client import check_problem
from raw import Raw, ask

KNOWN = ["/v1/jobs", "/v1/types", "/livez", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json", "/docs/problems"]


@pytest.mark.parametrize("path", ["/nosuch", "/v1", "/v1/", "/v1/jobs/", "/v2/jobs", "/v1/jobs/x/y", "/V1/jobs", "/v1/jobs/x:nosuch",
                                  "/%2e%2e/etc/passwd", "/livez/", "/v1/types/x", "/docs"])
def test_a_route_that_is_none_is_not_found(api, path):
    check_problem(api.get(path), 404, "not-found")


@pytest.mark.parametrize("method, path, allow", [
    ("DELETE", "/v1/jobs", {"GET", "HEAD", "POST"}), ("POST", "/v1/types", {"GET", "HEAD"}),
    ("PUT", "/livez", {"GET", "HEAD"}), ("GET", "/v1/jobs:batch", {"POST"}), ("PATCH", f"/v1/jobs/{'0' * 26}", {"GET", "HEAD"}),
    ("GET", f"/v1/jobs/{'0' * 26}:cancel", {"POST"}), ("HEAD", f"/v1/jobs/{'0' * 26}:retry", {"POST"}),
    ("OPTIONS", "/v1/jobs", {"GET", "HEAD", "POST"}), ("POST", "/sync", {"GET", "HEAD"}),
])
def test_a_method_that_a_route_does_not_have_is_refused_and_the_others_named(api, method, path, allow):
    answer = api.request(method, path, b"" if method in ("PUT", "PATCH", "POST") else None)
    assert answer.status == 405, answer
    assert set(answer.headers["Allow"].replace(" ", "").split(",")) == allow
    if method != "HEAD":
        check_problem(answer, 405, "method-not-allowed")


def test_the_page_of_problems_explains_every_word_an_answer_can_name(api):
    page = api.get("/docs/problems")
    assert page.status == 200 and page.media_type == "text/html"
    from service import REPO
    import re
    table = (REPO / "schema/err.h").read_text()
    words = {word for status, word in re.findall(r'X\(\w+, (\d+), "([a-z-]+)"', table) if 400 <= int(status) < 600}
    told = set(re.findall(r'id="([a-z-]+)"', page.body.decode()))
    refusals = words - {"ok", "out-of-memory", "io", "config", "usage", "in-use", "no-service", "corrupt", "gone", "again"}
    assert refusals <= told, refusals - told


def test_every_answer_says_how_it_is_to_be_read(api):
    for path in [*KNOWN, "/nosuch", "/v1/jobs/x"]:
        headers = api.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert "Server" not in headers or "/" not in headers["Server"], path


def test_no_answer_shows_a_path_or_a_cause_inside(api, service):
    for path in ("/nosuch", "/v1/jobs/x", "/v1/jobs?state=x", "/v1/events?after=x"):
        text = api.get(path).body.decode()
        assert str(service.data) not in text and ".c:" not in text and "/home" not in text and "sqlite" not in text.lower()


def json_of(size):
    """A submission of exactly so many bytes."""
    bare = len(json.dumps({"type": "echo", "input": ""}))
    return json.dumps({"type": "echo", "input": "x" * (size - bare)}).encode()


@pytest.mark.parametrize("size, status", [((1 << 20) - 1, 202), (1 << 20, 202), ((1 << 20) + 1, 413)])
def test_a_json_body_may_have_one_mebibyte(api, size, status):
    answer = api.post("/v1/jobs", json_of(size), {"Content-Type": "application/json"})
    assert answer.status == status, answer
    if status == 413:
        check_problem(answer, 413, "too-large")


@pytest.mark.parametrize("size, status", [((16 << 20) - 1, 202), (16 << 20, 202), ((16 << 20) + 1, 413)])
def test_another_body_may_have_sixteen(api, size, status):
    answer = api.post("/v1/jobs?type=echo", b"x" * size, {"Content-Type": "application/octet-stream"})
    assert answer.status == status, answer


def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(service):
    with Raw(service.port) as raw:
        raw.send("POST /v1/jobs?type=echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: a/b\r\n"
                 f"Content-Length: {1 << 40}\r\n\r\n")
        status, headers, body = raw.answer()
        assert status == 413 and json.loads(body)["type"].endswith("#too-large")
        assert headers["connection"].lower() == "close" and raw.is_closed()


@pytest.mark.parametrize("length, status", [(8191, 404), (8192, 404), (8193, 414), (20000, 414)])
def test_a_request_target_may_have_eight_kibibytes(service, length, status):
    got, headers, body = ask(service.port, f"GET /{'a' * (length - 1)} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert got == status
    assert json.loads(body)["type"] == "/docs/problems#" + ("target-too-long" if status == 414 else "not-found")


@pytest.mark.parametrize("size, status", [(15000, 200), (16384, 200), (16385, 431), (40000, 431)])
def test_all_headers_may_have_sixteen_kibibytes(service, size, status):
    lines = "Host: localhost\r\n"
    while size - len(lines) > 5200:
        lines += f"X-Fill: {'a' * 5000}\r\n"
    lines += f"X-Last: {'a' * (size - len(lines) - 10)}\r\n"
    assert len(lines) == size
    with Raw(service.port) as raw:
        try:
            raw.send(f"GET /livez HTTP/1.1\r\n{lines}\r\n")
            got, _, body = raw.answer()
        except (EOFError, ConnectionError):
            got = 431           # closed, where it could not be answered any more
            assert size > 20000
    assert got == status


def test_a_result_over_its_limit_fails_the_job(start):
    service = start("--result-bytes", "100000", settings={"types": [
        {"name": "large", "command": ["/usr/bin/head", "-c", "100001", "/dev/zero"], "max_attempts": 1,
         "result_type": "application/octet-stream"},
        {"name": "fits", "command": ["/usr/bin/head", "-c", "100000", "/dev/zero"], "max_attempts": 1,
         "result_type": "application/octet-stream"}]})
    api = service.client()
    job = api.run("large", 1)
    assert job["state"] == "failed" and job["error"]["code"] == "bad_output"
    job = api.run("fits", 1)
    assert job["state"] == "succeeded" and len(api.result(job["id"]).body) == 100000


def test_connections_over_the_limit_are_refused_and_taken_again(start):
    service = start("--max-connections", "20")
    held = [Raw(service.port) for _ in range(60)]
    refused = 0
    for raw in held:
        try:
            raw.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status, headers, _ = raw.answer()
            assert status in (200, 503)
            if status == 503:
                assert int(headers["retry-after"]) > 0
                refused += 1
        except (EOFError, ConnectionError):
            refused += 1
    assert 60 - 20 <= refused < 60
    for raw in held:
        raw.socket.close()
    from service import until

    def served():
        try:
            return service.client().get("/livez").status == 200
        except OSError:
            return False

    until(served, what="room again")


def test_json_that_is_deep_is_refused_and_harmless(api):
    for depth, allowed in ((30, (202,)), (100000, (400, 422))):
        body = '{"type":"echo","input":' + "[" * depth + "]" * depth + "}"
        answer = api.post("/v1/jobs", body.encode(), {"Content-Type": "application/json"})
        assert answer.status in allowed, answer
