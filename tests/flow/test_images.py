"""The image types on real images (data/expected.json says what is on them)."""
import base64
import json
import pathlib
import re
import struct
import threading
import time
import zlib

import pytest

from client import check_problem
from service import REPO
from sockets import Socket

DATA = pathlib.Path(__file__).parent / "data"
EXPECTED = json.loads((DATA / "expected.json").read_text()) if (DATA / "expected.json").exists() else {}


def path(name):
    """Of an image: the one that trying it out shows is a test image too."""
    return REPO / "deploy" / name if name.startswith("try/") else DATA / name


def named(type):
    return [name for name, what in EXPECTED.items() if what["type"] == type]


@pytest.fixture(autouse=True)
def has_images(api):
    if "ocr" not in {type["name"] for type in api.get("/v1/types").json["types"]}:
        pytest.skip("built without the image types")
    assert EXPECTED, "tests/flow/data/expected.json is not there"


def png(width, height, rows=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def recognise(api, name, what):
    job = api.submit_bytes(what["type"], path(name).read_bytes(), what["media_type"])
    job = api.wait(job["id"], 120)
    assert job["state"] == "succeeded", job["error"]
    return api.result(job["id"]).json


def words(text):
    return re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize("name", named("ocr"))
def test_the_text_on_a_page_is_read(api, name):
    what = EXPECTED[name]
    result = recognise(api, name, what)
    for phrase in what["phrases"]:
        assert words(phrase) in words(result["text"]), f"{phrase!r} is not in {result['text']!r}"
    assert what["min_confidence"] <= result["mean_confidence"] <= 100
    assert (result["width"], result["height"]) == (what["width"], what["height"])
    for word in result["words"]:
        x, y, w, h = word["box"]
        assert word["text"] and 0 <= word["confidence"] <= 100
        assert 0 <= x and 0 <= y and x + w <= result["width"] and y + h <= result["height"]


@pytest.mark.parametrize("name", named("barcode"))
def test_the_symbols_on_a_page_are_read(api, name):
    found = recognise(api, name, EXPECTED[name])["symbols"]
    assert sorted((s["type"], s["data"]) for s in found) == sorted((s["type"], s["data"]) for s in EXPECTED[name]["symbols"])
    assert all(len(s["box"]) == 4 for s in found)


def test_an_image_travels_in_json_as_well(api):
    data = path(named("barcode")[0]).read_bytes()
    job = api.submit("barcode", {"base64": base64.b64encode(data).decode()})
    assert api.wait(job["id"])["state"] == "succeeded"
    assert api.get(f"/v1/jobs/{job['id']}/input").body == data


@pytest.mark.parametrize("type", ["ocr", "barcode"])
@pytest.mark.parametrize("data, media_type, status", [
    (b"plain text", "text/plain", 415), (b"GIF89a" + b"\0" * 100, "image/gif", 415), (b"not an image", "image/png", None),
    (b"", "image/png", None), (png(100, 100)[:20], "image/png", 422), (png(100000, 100000), "image/png", 422),
    (png(0, 10), "image/png", 422), (png(8000, 5001), "image/png", 422), (b"%PDF-1.4", "image/png", None),
], ids=["text", "gif", "a lie", "empty", "cut", "a bomb", "no width", "over 40 Mpx", "pdf"])
def test_what_is_no_image_of_ours_is_refused_at_the_door(api, type, data, media_type, status):
    answer = api.post(f"/v1/jobs?type={type}", data, {"Content-Type": media_type})
    if status is None:          # neither its type is one of ours nor its content what it says
        assert answer.status in (415, 422), answer
        status = answer.status
    check_problem(answer, status, "unsupported-media-type" if status == 415 else "invalid-input")


def test_an_image_broken_inside_fails_its_job_and_nothing_else(api):
    job = api.submit_bytes("barcode", png(500, 500, b"\0" * 1000), "image/png")
    job = api.wait(job["id"], 60)
    assert job["state"] in ("failed", "succeeded")
    if job["state"] == "failed":
        assert job["error"]["code"] in ("bad_input", "handler_error"), job["error"]


def test_a_language_that_is_none_is_refused(api):
    name = named("ocr")[0]
    data = path(name).read_bytes()
    for lang in ("../../etc/passwd", "zzz", "eng;id", "eng/../eng"):
        answer = api.post(f"/v1/jobs?type=ocr&param.lang={lang.replace(';', '%3B').replace('/', '%2F')}", data,
                          {"Content-Type": EXPECTED[name]["media_type"]})
        assert answer.status == 422, (lang, answer)
    job = api.submit_bytes("ocr", data, EXPECTED[name]["media_type"], **{"param.lang": "eng"})
    assert api.wait(job["id"], 120)["state"] == "succeeded"


def test_a_hundred_images_at_once_have_their_ids_and_every_push_arrives(start):
    service = start("--slots", "2")
    api = service.client()
    names = [named("barcode")[i % len(named("barcode"))] for i in range(100)]
    slowest, over = [0.0], threading.Event()

    def look():
        client = service.client()
        while not over.is_set():
            begin = time.monotonic()
            assert client.get("/livez").status == 200
            slowest[0] = max(slowest[0], time.monotonic() - begin)
            time.sleep(0.005)

    looking = threading.Thread(target=look)
    with Socket(service, "?all=1&event=job.succeeded") as socket:
        socket.answer("subscribed")
        looking.start()
        ids, lock = [], threading.Lock()

        def send(name):
            job = service.client().submit_bytes("barcode", path(name).read_bytes(), EXPECTED[name]["media_type"])
            with lock:
                ids.append(job["id"])

        threads = [threading.Thread(target=send, args=[name]) for name in names]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        accepted = time.monotonic() - begin
        assert len(set(ids)) == 100
        assert {socket.event()["subject"] for _ in range(100)} == set(ids)
        finished = time.monotonic() - begin
    over.set()
    looking.join()
    print(f"\n100 ids in {accepted:.3f} s, 100 pushes in {finished:.3f} s, /livez at most {slowest[0] * 1000:.1f} ms")
    assert api.get("/readyz").status == 200
