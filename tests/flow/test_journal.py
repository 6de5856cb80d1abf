"""The checker of journals: it finds nothing in what may be, and each kind of breach once it is put there."""
import copy
import json
import random
import time

import pytest
from client import FINAL
from crowd import Crowd, tell
from journal import check
from load import TYPES
from service import PATIENCE


def job(number, pos, state, attempts=(), key=None, result=None):
    found = {"id": f"job{number}", "key": key or f"key{number}", "pos": pos, "state": state, "attempt": max(1, len(attempts))}
    if state in FINAL:
        found.update(result=result, error=None, finished_at="t9", max_attempts=2, attempts=[list(a) for a in attempts])
    return found


def lives():
    """Three jobs: one works, one fails twice, one is lost by its worker, runs anew and is cancelled."""
    once = [(1, "t1", "t2", None)]
    twice = [(1, "t1", "t2", "handler_error"), (2, "t3", "t4", "handler_error")]
    lost = [(1, "t1", "t2", "lost_worker"), (1, "t3", "t4", "cancelled")]
    return [[job(1, 11, "queued"), job(1, 14, "running"), job(1, 17, "succeeded", once, result="key1")],
            [job(2, 12, "queued"), job(2, 15, "running"), job(2, 18, "failed", twice)],
            [job(3, 13, "queued"), job(3, 16, "running"), job(3, 19, "cancelled", lost)]]


def good():
    """{name of a journal: its lines}, without a breach."""
    told = sorted((one for life in lives() for one in life), key=lambda one: one["pos"])
    ends = [life[-1] for life in lives()]

    def line(what, when, node="api1", **rest):
        return {"what": what, "node": node, "begun": when, "ended": when + 1, **rest}

    def events(some, when, node):
        return [line("event", when + one["pos"], node, type="job." + one["state"], pos=one["pos"], job=one) for one in some]

    def post(number, status, type="echo", expect="succeeded"):
        return line("post", number, key=f"key{number}", type=type, input=f"key{number}", expect=expect, status=status,
                    job=lives()[number - 1][0] if status == 202 else None)

    return {
        "client": [post(1, None), post(1, 202), post(2, 503, "fails", "failed"), post(2, 202, "fails", "failed"), post(3, 202),
                   line("cancel", 30, id="job3", status=202, job=lives()[2][1]),
                   line("get", 50, id="job1", after=14, status=200, job=lives()[0][1]),
                   line("get", 150, id="job1", after=None, status=200, job=lives()[0][2])],
        "one": [line("subscribed", 0, after=None, recovered=True, pos=10), *events(told, 100, "api1")],
        "two": [line("subscribed", 0, "api2", after=None, recovered=True, pos=10), *events(told[:4], 100, "api2"),
                line("subscribed", 120, after=14, recovered=True, pos=14), *events(told[4:], 200, "api1")],
        "list-api1": [line("listed", 300, jobs=ends)],
        "list-api2": [line("listed", 300, "api2", jobs=ends)],
    }


def judge(folder, journals):
    for name, lines in journals.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return check(folder)


def test_what_may_be_is_no_breach(tmp_path):
    checker = judge(tmp_path, good())
    assert checker.breaches == [] and checker.figures()["jobs"] == 3 and checker.figures()["events"] == 9


# ---- each breach, put into the good journals by hand ----

def not_listed(j):
    del j["list-api2"][0]["jobs"][1]


def not_known(j):
    j["client"][-1].update(status=404, job=None)


def refused(j):
    j["client"][2]["status"] = 422


def never_ended(j):
    for lines in j.values():
        lines[:] = [line for line in lines if (line.get("job") or {}).get("pos") != 18]
        for line in lines:
            line["jobs"] = [job(2, 15, "running") if one["id"] == "job2" else one for one in line.get("jobs", [])]


def still_running_somewhere(j):
    j["list-api2"][0]["jobs"][0] = lives()[0][1]


def two_jobs_for_a_key(j):
    twin = copy.deepcopy(j["client"][1])
    twin["job"].update(id="job4", pos=30)
    j["client"].append(twin)


def too_many_attempts(j):
    for lines in j.values():
        for line in lines:
            for one in [line.get("job"), *line.get("jobs", [])]:
                if one and one["pos"] == 18:
                    one["attempts"].append([3, "t5", "t6", "handler_error"])


def two_attempts_at_once(j):
    for lines in j.values():
        for line in lines:
            for one in [line.get("job"), *line.get("jobs", [])]:
                if one and one["pos"] == 18:
                    one["attempts"][1][1] = "t1"


def a_job_nobody_posted(j):
    j["list-api1"][0]["jobs"].append(job(9, 20, "succeeded", [(1, "t1", "t2", None)]))


def the_job_of_another_key(j):
    j["client"][1]["job"] = lives()[1][0]


def a_foreign_result(j):
    for lines in j.values():
        for line in lines:
            for one in [line.get("job"), *line.get("jobs", [])]:
                if one and one["pos"] == 17:
                    one["result"] = "key2"


def a_cancel_nobody_asked_for(j):
    j["client"] = [line for line in j["client"] if line["what"] != "cancel"]


def a_hole_in_the_events(j):
    del j["one"][4]


def a_hole_where_it_resumed(j):
    del j["two"][6]


def a_cursor_it_never_had(j):
    j["two"][5]["after"] = 15


def not_recovered(j):
    j["two"][5].update(recovered=False, pos=14)


def never_told_of_the_end(j):
    del j["two"][-1]


def told_twice(j):
    j["two"].insert(3, copy.deepcopy(j["two"][2]))


def out_of_turn(j):
    j["one"][2], j["one"][3] = j["one"][3], j["one"][2]


def ended_twice(j):
    last = copy.deepcopy(j["one"][-1])
    last.update(pos=25, type="job.failed", job=job(3, 25, "failed", [(1, "t1", "t2", "handler_error")]))
    j["one"].append(last)
    j["two"].append(last)


def nodes_differ(j):
    j["list-api2"][0]["jobs"][0]["finished_at"] = "t8"


def a_cancel_that_did_not_hold(j):
    j["client"].append({**j["client"][5], "id": "job1", "job": None})


def another_end_than_its_kind(j):
    j["client"][1]["expect"] = j["client"][0]["expect"] = "failed"


def an_event_that_lies(j):
    j["one"][1]["type"] = "job.running"


def older_than_its_event(j):
    j["client"][-1]["job"] = lives()[0][1]


def older_than_the_cursor(j):
    j["client"][-2].update(after=17, begun=5)


SEEDS = {
    "lost": [not_listed, not_known, refused], "stuck": [never_ended, still_running_somewhere],
    "duplicate": [two_jobs_for_a_key, too_many_attempts, two_attempts_at_once],
    "phantom": [a_job_nobody_posted, the_job_of_another_key, a_foreign_result, a_cancel_nobody_asked_for],
    "gap": [a_hole_in_the_events, a_hole_where_it_resumed, a_cursor_it_never_had, not_recovered, never_told_of_the_end],
    "reorder": [told_twice, out_of_turn],
    "flip": [ended_twice, nodes_differ, a_cancel_that_did_not_hold, another_end_than_its_kind, an_event_that_lies],
    "stale": [older_than_its_event, older_than_the_cursor],
}


@pytest.mark.parametrize("name, seed", [(name, seed) for name, seeds in SEEDS.items() for seed in seeds],
                         ids=lambda value: getattr(value, "__name__", value))
def test_a_seeded_breach_is_found(tmp_path, name, seed):
    journals = good()
    seed(journals)
    assert name in {breach.name for breach in judge(tmp_path, journals).breaches}


def test_a_real_run_with_kills_has_none(start, tmp_path):
    """Real clients and real kills; the service on its embedded log is the one node."""
    service = start("--slots", "4", settings={"types": TYPES})
    service.name = "api1"
    crowd = Crowd(tmp_path, [service], rate=60, seed=20261122, submitters=4, subscribers=1)
    crowd.start()
    dice = random.Random(20261122)
    for _ in range(3):
        time.sleep(dice.uniform(0.3, 0.8))
        service.kill()
        service.start()
    checker = crowd.settle()
    assert not checker.breaches, tell(checker)
    assert checker.figures()["jobs"] > 20 / PATIENCE
