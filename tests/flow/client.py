"""A JSON client with a kept-alive connection, and the verbs that nearly every test needs."""
import http.client
import json
import re
import time
import urllib.parse

FINAL = {"succeeded", "failed", "cancelled", "expired"}
ID = re.compile(r"[0-9a-hjkmnp-tv-z]{26}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        assert self.body, f"{self.status} without a body"
        return json.loads(self.body)

    @property
    def media_type(self):
        return self.headers.get("Content-Type", "").split(";")[0]

    def __repr__(self):
        return f"<{self.status} {self.media_type} {self.body[:500]!r}>"


class Client:
    def __init__(self, port, timeout=90, key=None):
        """key: an access key that goes with every request."""
        self.port = port
        self.key = key
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def request(self, method, path, body=None, headers=None):
        headers = {**({"Authorization": f"Bearer {self.key}"} if self.key else {}), **(headers or {})}
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        for attempt in (1, 2):
            try:
                try:
                    self.connection.request(method, path, body, headers)
                except (BrokenPipeError, ConnectionResetError):
                    if not body or self.connection.sock is None:
                        raise
                    # A body that is refused on its way: the answer stands there all the same.
                response = self.connection.getresponse()
                return Answer(response, response.read())
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                # A kept-alive connection may have been closed meanwhile; a new one may not.
                self.connection.close()
                if attempt == 2:
                    raise

    def get(self, path, **headers):
        return self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path, body=None, headers=None):
        return self.request("POST", path, b"" if body is None else body, headers)

    def close(self):
        self.connection.close()

    # ---- jobs ----

    def submit(self, type, input=None, headers=None, **options):
        answer = self.post("/v1/jobs", {"type": type, "input": input, **options}, headers)
        assert answer.status == 202, answer
        return answer.json

    def submit_bytes(self, type, data, media_type, **options):
        query = urllib.parse.urlencode({"type": type, **options}, doseq=True)
        answer = self.post("/v1/jobs?" + query, data, {"Content-Type": media_type})
        assert answer.status == 202, answer
        return answer.json

    def job(self, id, after=None):
        """after: the cursor of what another node has told of it."""
        answer = self.get(f"/v1/jobs/{id}" + (f"?after={after}" if after else ""))
        assert answer.status == 200, answer
        return answer.json

    def wait(self, id, seconds=60, states=FINAL):
        """The job once it is in one of the states."""
        end = time.monotonic() + seconds
        while True:
            job = self.get(f"/v1/jobs/{id}?wait=20").json if states == FINAL else self.job(id)
            if job["state"] in states:
                return job
            assert time.monotonic() < end, f"{job['state']} after {seconds} s, not {states}: {job}"
            assert job["state"] not in FINAL, f"ended as {job['state']}, not {states}: {job['error']}"
            time.sleep(0.01)

    def run(self, type, input=None, **options):
        return self.wait(self.submit(type, input, **options)["id"])

    def result(self, id, after=None):
        answer = self.get(f"/v1/jobs/{id}/result" + (f"?after={after}" if after else ""))
        assert answer.status == 200, answer
        return answer

    def cancel(self, id):
        return self.post(f"/v1/jobs/{id}:cancel")

    def metric(self, name):
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        raise AssertionError(f"no metric {name}")


def check_problem(answer, status, word, pointers=None):
    """Every refusal is a problem document that says what and why."""
    assert answer.status == status, answer
    assert answer.media_type == "application/problem+json", answer
    problem = answer.json
    assert problem["type"] == "/docs/problems#" + word, problem
    assert problem["status"] == status
    assert problem["title"] and problem["detail"] and "instance" in problem, problem
    if pointers is not None:
        assert {fault["pointer"] for fault in problem["errors"]} == set(pointers), problem
        for fault in problem["errors"]:
            path = [part.replace("~1", "/").replace("~0", "~") for part in fault["pointer"].split("/")[1:]]
            assert [str(part) for part in fault["loc"]] == ["body", *path] and fault["detail"], fault
    return problem
