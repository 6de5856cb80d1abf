"""The article's four routes, with sleeps made short, and the answer to them: jobs."""
import threading
import time

import pytest

from service import PATIENCE
from sockets import Socket

ROUTES = {
    "/async_slowest": "async with sync time sleep",
    "/async_with_event_loop": "async run time sleep in event loop",
    "/async_with_async_sleep": "async with asyncio time sleep",
    "/sync": "sync",
}


def at_once(service, path, n=100):
    """n requests at the same time: (seconds in all, seconds each, sorted)."""
    each, barrier = [], threading.Barrier(n + 1)

    def ask():
        client = service.client()
        client.get("/livez")
        barrier.wait()
        begin = time.monotonic()
        answer = client.get(path)
        assert answer.status == 200 and answer.json == ROUTES[path]
        each.append(time.monotonic() - begin)

    threads = [threading.Thread(target=ask) for _ in range(n)]
    for thread in threads:
        thread.start()
    barrier.wait()
    begin = time.monotonic()
    for thread in threads:
        thread.join()
    assert len(each) == n
    return time.monotonic() - begin, sorted(each)


@pytest.mark.parametrize("path", ROUTES)
def test_each_route_answers_its_own_words(api, path):
    answer = api.get(path)
    assert answer.status == 200 and answer.media_type == "application/json"
    assert answer.body.decode().strip() == f'"{ROUTES[path]}"'


def test_a_blocking_sleep_on_the_loop_is_one_after_the_other(service):
    total, each = at_once(service, "/async_slowest")         # 100 * 0.05 s
    assert total >= 100 * 0.05 * 0.99
    assert each[0] < total / 2 < each[-1]


def test_a_sleep_handed_to_a_pool_is_not_waited_for(start):
    service = start("--demo-scale", "20")
    total, _ = at_once(service, "/async_with_event_loop")
    assert total < 15


def test_timers_on_the_loop_run_side_by_side(start):
    total, each = at_once(start("--demo-scale", "1"), "/async_with_async_sleep")
    assert each[0] >= 0.99 and total < 10 * PATIENCE         # one after the other it would be 100 s


def test_a_pool_of_forty_takes_three_rounds(start):
    total, each = at_once(start("--demo-scale", "1"), "/sync")
    assert 2.9 <= total < 10 * PATIENCE
    rounds = [sum(1 for t in each if low <= t < low + 1) for low in (0.9, 1.9, 2.9)]
    assert each[39] < each[40] and each[79] < each[80] and each[0] >= 0.99
    if PATIENCE == 1:
        assert rounds[0] <= 40 and sum(rounds[:2]) <= 80


def test_a_blocked_loop_holds_up_the_other_loop_route_and_nothing_else(start):
    service = start("--demo-scale", "0.4")                   # the loop blocks for 2 s
    order, lock = [], threading.Lock()

    def ask(path):
        assert service.client().get(path).json == ROUTES[path]
        with lock:
            order.append(path)

    slowest = threading.Thread(target=ask, args=["/async_slowest"])
    slowest.start()
    time.sleep(0.3)
    others = [threading.Thread(target=ask, args=[path]) for path in ("/async_with_async_sleep", "/sync")]
    for thread in others:
        thread.start()
    api = service.client()
    for i in range(30):
        assert api.run("echo", i)["state"] == "succeeded"
        assert api.get("/v1/types").status == 200 and api.get("/livez").status == 200
    assert "/async_slowest" not in order, "the loop did not block, or /v1 waited for it"
    for thread in (slowest, *others):
        thread.join()
    assert order == ["/sync", "/async_slowest", "/async_with_async_sleep"]


def test_the_same_work_as_jobs_is_a_hundred_ids_at_once_and_a_push_for_each(start):
    service = start("--slots", "10")
    api = service.client()
    with Socket(service, "?all=1&event=job.succeeded") as socket:
        socket.answer("subscribed")
        ids = [api.submit("sleep", {"seconds": 0.2})["id"] for _ in range(100)]
        assert len(set(ids)) == 100
        assert {socket.event()["subject"] for _ in range(100)} == set(ids)


def test_stopping_does_not_wait_for_the_articles_sleeps(start):
    service = start("--demo-scale", "10")

    def ask():
        try:
            service.client().get("/async_slowest")
        except OSError:
            pass

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    begin = time.monotonic()
    service.stop()
    assert time.monotonic() - begin < 60
