"""A real browser: what a page may do with `new WebSocket(url)`, and what a page from elsewhere may not."""
import http.server
import os
import shutil
import threading

import pytest

webdriver = pytest.importorskip("selenium.webdriver")

# A page of the service that may connect to anything (the one of problems may not: its policy is none).
PLAIN = "/livez"
SUBMIT = """
const [url, protocols] = arguments, done = arguments[arguments.length - 1], seen = [];
const socket = protocols ? new WebSocket(url, protocols) : new WebSocket(url);
socket.onopen = () => socket.send(JSON.stringify({op: "submit", ref: "1", job: {type: "echo", input: {from: "page"}}}));
socket.onmessage = message => {
    const frame = JSON.parse(message.data);
    seen.push(frame);
    if (frame.type === "job.succeeded") { done({seen, protocol: socket.protocol}); socket.close(); }
};
socket.onclose = event => done({seen, code: event.code});
"""
STREAM = """
const done = arguments[arguments.length - 1], seen = [];
const stream = new EventSource(arguments[0]);
stream.onmessage = message => {
    seen.push(JSON.parse(message.data).type);
    if (seen[seen.length - 1] === "job.succeeded") { stream.close(); done(seen); }
};
"""
POST = """
const done = arguments[arguments.length - 1];
fetch(arguments[0], {method: "POST", headers: {"Content-Type": arguments[1]}, body: '{"type":"echo","input":1}'})
    .then(answer => answer.text().then(text => done({status: answer.status, text})), error => done({error: String(error)}));
"""


@pytest.fixture(scope="module")
def browser():
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("no Chromium here")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for word in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions"):
        options.add_argument(word)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    from selenium.webdriver.chrome.service import Service
    browser = webdriver.Chrome(service=Service(driver), options=options)
    browser.set_script_timeout(30)
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def elsewhere():
    """A page of another origin."""
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title>")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def ws(service):
    return f"ws://127.0.0.1:{service.port}/v1/ws"


@pytest.mark.parametrize("protocols, chosen", [(None, ""), ("buzzer.v1", "buzzer.v1"), ("cloudevents.json", "cloudevents.json")])
def test_a_page_of_the_service_submits_and_hears_of_the_end(browser, service, protocols, chosen):
    browser.get(service.url + PLAIN)
    result = browser.execute_async_script(SUBMIT, ws(service), protocols)
    assert result["protocol"] == chosen, result
    assert result["seen"][-1]["data"]["result"] == {"from": "page"}


def test_a_page_of_the_service_reads_an_event_stream(browser, service, api):
    browser.get(service.url + PLAIN)
    id = api.submit("sleep", {"seconds": 0.5})["id"]
    assert browser.execute_async_script(STREAM, f"{service.url}/v1/jobs/{id}/events")[-1] == "job.succeeded"


def test_a_page_of_the_service_may_post(browser, service):
    browser.get(service.url + PLAIN)
    assert browser.execute_async_script(POST, service.url + "/v1/jobs", "application/json")["status"] == 202


def test_a_page_from_elsewhere_gets_no_socket(browser, service, api, elsewhere):
    before = api.metric("buzzer_jobs_submitted_total")
    browser.get(elsewhere)
    result = browser.execute_async_script(SUBMIT, ws(service), None)
    assert result["seen"] == [] and result["code"] == 1006
    assert api.metric("buzzer_jobs_submitted_total") == before


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
def test_a_page_from_elsewhere_submits_nothing_and_reads_nothing(browser, service, api, elsewhere, media_type):
    before = api.metric("buzzer_jobs_submitted_total")
    browser.get(elsewhere)
    assert "error" in browser.execute_async_script(POST, service.url + "/v1/jobs?type=echo", media_type)
    assert api.metric("buzzer_jobs_submitted_total") == before


def test_the_page_of_problems_loads_nothing_from_elsewhere(browser, service):
    browser.get(service.url + "/docs/problems")
    names = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(name.startswith(service.url) for name in names), names
    assert "queue-full" in browser.page_source
