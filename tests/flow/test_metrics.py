"""/metrics, /livez and /readyz."""
import re

from client import FINAL
from service import until


def figures(api):
    answer = api.get("/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return answer.body.decode()


def test_the_text_is_in_prometheus_form(api):
    api.run("echo", 1)
    kinds, seen = {}, set()
    for line in figures(api).splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds, f"{name} has two types"
            assert kind in ("counter", "gauge", "histogram")
            kinds[name] = kind
        elif line.startswith("# HELP "):
            assert len(line.split(" ", 3)[3]) > 5
        else:
            found = re.fullmatch(r'(buzzer_[a-z_]+)(\{[a-z_]+="[^"\n]*"(?:,[a-z_]+="[^"\n]*")*\})? (-?[0-9.e+-]+|\+Inf|NaN)', line)
            assert found, line
            base = re.sub(r"_(bucket|sum|count)$", "", found[1]) if found[1] not in kinds else found[1]
            assert base in kinds, f"{line} has no TYPE before it"
            assert (found[1], found[2]) not in seen, f"{line} stands twice"
            seen.add((found[1], found[2]))
    assert len(kinds) > 15


def test_histograms_are_cumulative_and_add_up(api):
    api.run("echo", 1)
    text = figures(api)
    for name in set(re.findall(r"# TYPE (\w+) histogram", text)):
        buckets = [(le, float(n)) for le, n in re.findall(name + r'_bucket\{le="([^"]+)"\} (\S+)', text)]
        assert buckets[-1][0] == "+Inf" and buckets == sorted(buckets, key=lambda bucket: float(bucket[0]))
        assert [n for _, n in buckets] == sorted(n for _, n in buckets)
        assert buckets[-1][1] == float(re.search(name + r"_count (\S+)", text)[1])
        assert re.search(name + r"_sum (\S+)", text)


def test_jobs_are_counted(start):
    api = start().client()
    for i in range(5):
        api.run("echo", i)
    api.cancel(api.submit("echo", 1, delay_ms=3600000)["id"])
    api.submit("echo", 1, delay_ms=3600000)
    assert api.metric("buzzer_jobs_submitted_total") == 7
    assert api.metric('buzzer_jobs_finished_total{state="succeeded"}') == 5
    assert api.metric('buzzer_jobs_finished_total{state="cancelled"}') == 1
    assert api.metric('buzzer_jobs{state="scheduled"}') == 1
    assert api.metric('buzzer_jobs{state="queued"}') == api.metric('buzzer_jobs{state="running"}') == 0


def test_the_figures_of_what_waits_are_right_after_a_restart(start):
    service = start()
    api = service.client()
    for _ in range(3):
        api.submit("echo", 1, delay_ms=3600000)
    service.kill()
    service.start()
    assert service.client().metric('buzzer_jobs{state="scheduled"}') == 3


def test_no_id_is_ever_in_the_figures(api):
    job = api.run("echo", 1, tags=["a-tag-of-mine"], queue="a-queue-of-mine")
    text = figures(api)
    assert job["id"] not in text and "of-mine" not in text and job["state"] in FINAL


def test_sockets_are_counted(start):
    from sockets import Socket
    service = start()
    api = service.client()
    with Socket(service, "?all=1") as socket:
        socket.answer("subscribed")
        assert api.metric("buzzer_ws_sockets") == 1 and api.metric("buzzer_ws_subscriptions") == 1
        api.run("echo", 1)
        socket.events_until("job.succeeded")
        assert api.metric("buzzer_ws_deliveries_total") >= 3
    until(lambda: api.metric("buzzer_ws_sockets") == 0, what="no socket left")


def test_health_is_told_plainly_and_with_its_checks(api):
    assert api.get("/livez").status == 200
    answer = api.get("/readyz?verbose")
    assert answer.status == 200 and len(answer.body.splitlines()) >= 2 or answer.media_type == "application/json"
