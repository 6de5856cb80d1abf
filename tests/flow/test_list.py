"""GET /v1/jobs: pages, newest first, filtered."""
import pytest

from client import check_problem


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """A service with 60 known jobs: half with a tag, a third in a queue of their own, some waiting."""
    from service import Service
    service = Service(tmp_path_factory.mktemp("list")).start()
    api = service.client()
    ids = []
    for i in range(60):
        options = {"tags": ["even"] if i % 2 == 0 else ["odd", "x"]}
        if i % 3 == 0:
            options["queue"] = "third"
        if i % 10 == 9:
            options["delay_ms"] = 3600000
        ids.append(api.submit("primes" if i % 5 == 0 else "echo", {"below": 10}, **options)["id"])
    for i, id in enumerate(ids):
        if i % 10 != 9:
            api.wait(id)
    yield api, ids
    service.stop()
    service.check_log()


def pages(api, query="", token=""):
    found, token = [], token
    while True:
        answer = api.get("/v1/jobs?" + "&".join(filter(None, [query, token and f"page_token={token}"])))
        assert answer.status == 200, answer
        found += [job["id"] for job in answer.json["jobs"]]
        token = answer.json["next_page_token"]
        if not token:
            return found


def test_all_jobs_newest_first(listed):
    api, ids = listed
    assert pages(api) == ids[::-1]


@pytest.mark.parametrize("size", [1, 7, 59, 60, 61, 500, 10000])
def test_pages_of_any_size_give_each_job_once(listed, size):
    api, ids = listed
    assert pages(api, f"page_size={size}") == ids[::-1]


@pytest.mark.parametrize("query, pick", [
    ("tag=even", lambda i: i % 2 == 0), ("tag=x", lambda i: i % 2 == 1), ("queue=third", lambda i: i % 3 == 0),
    ("queue=default", lambda i: i % 3), ("type=primes", lambda i: i % 5 == 0), ("state=scheduled", lambda i: i % 10 == 9),
    ("state=succeeded", lambda i: i % 10 != 9), ("state=failed", lambda i: False), ("tag=nosuch", lambda i: False),
    ("type=echo&queue=third&tag=odd&state=succeeded", lambda i: i % 5 and i % 3 == 0 and i % 2 and i % 10 != 9),
])
@pytest.mark.parametrize("size", [4, 100])
def test_filters_choose(listed, query, pick, size):
    api, ids = listed
    assert pages(api, f"{query}&page_size={size}") == [id for i, id in reversed(list(enumerate(ids))) if pick(i)]


def test_a_page_walk_is_not_disturbed_by_new_jobs(listed):
    api, ids = listed
    first = api.get("/v1/jobs?page_size=10&tag=even").json
    new = api.submit("echo", 1, tags=["even"], delay_ms=3600000)
    rest = pages(api, "page_size=10&tag=even", first["next_page_token"])
    assert [job["id"] for job in first["jobs"]] + rest == [id for i, id in enumerate(ids) if i % 2 == 0][::-1]
    api.cancel(new["id"])


@pytest.mark.parametrize("token", ["x", "-1", "0x10", "99999999999999999999999", "a b", "1;2"])
def test_a_token_that_is_none_is_refused(listed, token):
    from urllib.parse import quote
    check_problem(listed[0].get(f"/v1/jobs?page_token={quote(token, safe='%')}"), 400, "bad-page-token")


@pytest.mark.parametrize("query", ["page_size=0", "page_size=-1", "page_size=x", "state=nosuch", "colour=red",
                                   "state=failed&state=queued"])
def test_a_query_this_route_does_not_know_is_refused(listed, query):
    check_problem(listed[0].get(f"/v1/jobs?{query}"), 400, "bad-query")


def test_sizes_above_500_are_lowered_to_500(start):
    api = start().client()
    for _ in range(2):
        jobs = [{"type": "echo", "input": 1, "delay_ms": 3600000}] * 300
        assert api.post("/v1/jobs:batch", {"jobs": jobs}).status == 202
    page = api.get("/v1/jobs?page_size=1000").json
    assert len(page["jobs"]) == 500 and page["next_page_token"]
