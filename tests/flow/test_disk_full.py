"""A full disk, for real: the data folder on a small file system of its own."""
import os
import subprocess

import pytest

from client import FINAL, check_problem
from service import Service, until

SIZE = 256 << 20


@pytest.fixture
def small(tmp_path):
    folder = tmp_path / "small"
    (folder / "data").mkdir(parents=True)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder / "data"],
                                           capture_output=True).returncode:
        pytest.skip("only root can mount a small file system")
    service = Service(folder)
    service.expect(r"(?i)full|space|storage")
    try:
        yield service.start()
        service.stop()
        service.check_log()
    finally:
        service.kill()
        subprocess.run(["umount", "-l", folder / "data"], check=True)


def fill(service, leave=0):
    """Takes all the room there is."""
    filler = service.data / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            pass
    if leave:
        os.truncate(filler, max(0, filler.stat().st_size - leave))
    return filler


def post(api):
    return api.post("/v1/jobs?type=echo", b"x" * 100000, {"Content-Type": "a/b"})


def test_a_full_disk_refuses_new_work_ends_the_old_and_heals(small):
    api = small.client()
    api.run("echo", 1)
    slow = [api.submit("sleep", {"seconds": 2})["id"] for _ in range(4)]
    waiting = [api.submit("echo", i, delay_ms=2500)["id"] for i in range(20)]
    filler = fill(small)
    accepted = []

    def refused():
        answer = post(api)
        if answer.status == 202:
            accepted.append(answer.json["id"])
        return answer if answer.status != 202 else None

    answer = until(refused, 30, "the first refusal")
    check_problem(answer, 503, "storage-full")
    assert int(answer.headers["Retry-After"]) > 0
    assert api.get("/livez").status == 200
    assert api.get("/v1/jobs").status == 200 and api.metric("buzzer_storage_full") == 1
    assert api.get("/readyz").status == 503
    for id in (*slow, *waiting, *accepted):         # what was accepted can still end
        assert api.wait(id)["state"] in FINAL
    filler.unlink()
    until(lambda: post(api).status == 202, 30, "room again")
    assert api.run("echo", "healed")["result"] == "healed"
    until(lambda: api.get("/readyz").status == 200, 10, "/readyz")
    assert api.metric("buzzer_storage_full") == 0


def test_a_kill_on_a_full_disk_loses_nothing(small):
    api = small.client()
    filler = fill(small, leave=2 << 20)
    accepted = []
    for _ in range(200):
        answer = post(api)
        if answer.status == 202:
            accepted.append(answer.json["id"])
        else:
            check_problem(answer, 503, "storage-full")
            break
    else:
        pytest.fail("it was never full")
    small.kill()
    filler.unlink()
    small.start()
    api = small.client()
    assert accepted
    for id in accepted:
        assert api.wait(id)["state"] == "succeeded"
        assert api.result(id).body == b"x" * 100000
