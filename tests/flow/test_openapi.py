"""/openapi.json says what the program does: the same routes, and answers that fit its schemas."""
import re

import jsonschema
import pytest

from schemas import schema_of
from service import REPO
from sockets import Socket


@pytest.fixture(scope="module")
def document(shared_service):
    answer = shared_service.client().get("/openapi.json")
    assert answer.status == 200 and answer.media_type == "application/json"
    return answer.json


@pytest.fixture(scope="module")
def async_document(shared_service):
    return shared_service.client().get("/asyncapi.json").json


def follow(document, node):
    while "$ref" in node:
        assert node["$ref"].startswith("#/"), node
        found = document
        for part in node["$ref"][2:].split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def test_the_paths_are_those_of_the_routing_table(document):
    table = re.findall(r'\{METHOD_(\w+), "([^"]+)"', (REPO / "api/routes.c").read_text())
    served = {(method.lower(), path) for method, path in table} | {("get", "/v1/ws")}
    told = {(method, path) for path, item in document["paths"].items() for method in item
            if method in ("get", "post", "put", "delete", "patch")}
    assert told == served


def test_every_reference_leads_somewhere(document, async_document):
    for root in (document, async_document):
        def walk(node):
            if isinstance(node, dict):
                if isinstance(node.get("$ref"), str):
                    follow(root, node)
                for value in node.values():
                    walk(value)
            elif isinstance(node, list):
                for value in node:
                    walk(value)
        walk(root)


def test_every_schema_is_one(document):
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_operations_have_names_of_their_own_and_tell_their_refusals(document):
    names = [op["operationId"] for item in document["paths"].values() for method, op in item.items() if method in ("get", "post")]
    assert len(set(names)) == len(names)
    for path, item in document["paths"].items():
        for method, op in item.items():
            if method in ("get", "post"):
                assert op["responses"], path
                for name, parameter in [(p.get("name"), follow(document, p)) for p in op.get("parameters", [])]:
                    assert parameter["name"] and parameter["in"] in ("path", "query", "header"), (path, name)


def check(document, answer, method, path):
    """The answer is one the document tells of: status, media type and body."""
    responses = document["paths"][path][method.lower()]["responses"]
    told = responses.get(str(answer.status)) or responses.get(f"{answer.status // 100}XX") or responses.get("default")
    assert told, f"{method} {path} does not tell of {answer.status}"
    told = follow(document, told)
    if "content" not in told:
        assert not answer.body, f"{method} {path} {answer.status} tells of no body: {answer}"
        return
    kinds = told["content"]
    media = kinds.get(answer.media_type) or kinds.get("*/*")
    assert media, f"{method} {path} {answer.status}: {answer.media_type} is not told of"
    if "json" in answer.media_type and media.get("schema"):
        faults = list(schema_of(document, media["schema"]).iter_errors(answer.json))
        assert not faults, f"{method} {path} {answer.status}: " + "; ".join(
            f"{'/'.join(map(str, fault.path))}: {fault.message[:300]}" for fault in faults)


def test_answers_fit_the_schemas(document, api):
    done = api.run("echo", {"a": 1}, tags=["t"])
    waiting = api.submit("echo", 1, delay_ms=3600000)
    running = api.submit("sleep", {"seconds": 60})
    api.wait(running["id"], states={"running"})
    job = "/v1/jobs/{id}"
    asks = [
        ("POST", "/v1/jobs", "/v1/jobs", {"type": "echo", "input": 1}, {}),
        ("POST", "/v1/jobs", "/v1/jobs", {"type": "echo", "input": 1}, {"Prefer": "wait=5"}),
        ("POST", "/v1/jobs", "/v1/jobs", {"type": "primes", "input": {}}, {}),
        ("POST", "/v1/jobs", "/v1/jobs", b"{", {"Content-Type": "application/json"}),
        ("POST", "/v1/jobs", "/v1/jobs", b"x", {"Content-Type": ""}),
        ("POST", "/v1/jobs:batch", "/v1/jobs:batch", {"jobs": [{"type": "echo", "input": 1}]}, {}),
        ("POST", "/v1/jobs:batch", "/v1/jobs:batch", {"jobs": [5]}, {}),
        ("GET", "/v1/jobs", "/v1/jobs?page_size=5", None, {}), ("GET", "/v1/jobs", "/v1/jobs?state=x", None, {}),
        ("GET", "/v1/types", "/v1/types", None, {}),
        ("GET", "/v1/events", "/v1/events", None, {}), ("GET", "/v1/events", "/v1/events?after=x", None, {}),
        ("GET", job + "/events", f"/v1/jobs/{done['id']}/events", None, {}),
        ("GET", job + "/events", f"/v1/jobs/{'0' * 26}/events", None, {}),
        ("GET", job + "/result", f"/v1/jobs/{done['id']}/result", None, {}),
        ("GET", job + "/result", f"/v1/jobs/{running['id']}/result", None, {}),
        ("GET", job + "/input", f"/v1/jobs/{done['id']}/input", None, {}),
        ("POST", job + ":retry", f"/v1/jobs/{done['id']}:retry", b"", {}),
        ("POST", job + ":cancel", f"/v1/jobs/{done['id']}:cancel", b"", {}),
        ("POST", job + ":cancel", f"/v1/jobs/{running['id']}:cancel", b"", {}),
        ("POST", job + ":cancel", f"/v1/jobs/{waiting['id']}:cancel", b"", {}),
        ("POST", job + ":retry", f"/v1/jobs/{waiting['id']}:retry", b"", {}),
        *[("GET", path, path, None, {}) for path in ("/livez", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json",
          "/docs/problems", "/async_slowest", "/async_with_event_loop", "/async_with_async_sleep", "/sync", "/v1/ws")],
        *[("GET", job, f"/v1/jobs/{id}", None, {}) for id in (done["id"], waiting["id"], running["id"], "0" * 26)],
    ]
    for method, path, target, body, headers in asks:
        check(document, api.request(method, target, body, headers), method, path)


def test_a_failed_job_fits_the_schema(document, start):
    api = start(settings={"types": [{"name": "fails", "command": ["/bin/false"], "max_attempts": 2, "backoff_ms": 10}]}).client()
    job = api.run("fails", 1)
    check(document, api.get(f"/v1/jobs/{job['id']}"), "GET", "/v1/jobs/{id}")
    check(document, api.get(f"/v1/jobs/{job['id']}/result"), "GET", "/v1/jobs/{id}/result")


def test_what_the_document_allows_is_accepted_and_what_it_refuses_is_refused(document, api):
    """The schema of a submission and the program agree on what is a submission."""
    op = document["paths"]["/v1/jobs"]["post"]
    validator = schema_of(document, follow(document, op["requestBody"])["content"]["application/json"]["schema"])
    for body in ({"type": "echo", "input": 1}, {"type": "echo"}, {}, {"type": 5, "input": 1}, {"type": "echo", "input": 1, "colour": 1},
                 {"type": "echo", "input": 1, "priority": 0}, {"type": "echo", "input": 1, "priority": 10},
                 {"type": "echo", "input": 1, "tags": ["a"] * 16}, {"type": "echo", "input": 1, "tags": ["a"] * 17},
                 {"type": "echo", "input": 1, "max_attempts": 100}, {"type": "echo", "input": 1, "max_attempts": 101},
                 {"type": "echo", "input": 1, "queue": "x" * 64}, {"type": "echo", "input": 1, "queue": "x" * 65},
                 {"type": "echo", "input": 1, "delay_ms": 0}, {"type": "echo", "input": 1, "delay_ms": -1},
                 {"type": "echo", "input": 1, "keep_ms": 1.5}, {"type": "echo", "input": 1, "params": {}}):
        answer = api.post("/v1/jobs", body)
        assert (answer.status == 202) == validator.is_valid(body), (body, answer)


def test_frames_of_a_socket_fit_the_schemas(async_document, service, api):
    messages = async_document["components"]["messages"]
    schemas = [follow(async_document, message["payload"]) for message in messages.values()]
    validators = [schema_of(async_document, schema) for schema in schemas]
    frames = []
    with Socket(service) as socket:
        socket.send({"op": "submit", "ref": "1", "job": {"type": "echo", "input": 1}})
        while not frames or frames[-1].get("type") != "job.succeeded":
            frames.append(socket.receive())
        for frame in ({"op": "ping"}, {"op": "subscribe", "ref": "2", "all": True}, {"op": "subscribe", "job": "0" * 26}):
            frames.append(socket.send(frame).receive())
    for frame in frames:
        assert any(validator.is_valid(frame) for validator in validators), frame
