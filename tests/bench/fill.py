#!/usr/bin/python3
"""fill.py PORT N: N echo jobs in batches of 1,000 on four connections. fill.py PORT N wait: then until all have succeeded.
fill.py PORT N drain: nothing is submitted; how fast do N waiting jobs get done? Prints one JSON line."""
import http.client
import json
import re
import sys
import threading
import time

port, n = int(sys.argv[1]), int(sys.argv[2])
mode = sys.argv[3] if len(sys.argv) > 3 else ""
body = json.dumps({"jobs": [{"type": "echo", "input": {"n": 1}}] * 1000})


def succeeded():
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/metrics")
            text = connection.getresponse().read()
            connection.close()
            return int(re.search(rb'finished_total{state="succeeded"} (\d+)', text)[1])
        except OSError:
            time.sleep(0.005)


def fill(count):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(count):
        connection.request("POST", "/v1/jobs:batch", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status == 202, data[:300]


before = succeeded()
start = time.monotonic()
if mode != "drain":
    threads = [threading.Thread(target=fill, args=(n // 4000,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before_drain = time.monotonic()
    print(json.dumps({"submitted": n // 4000 * 4000, "per_second": round(n / (before_drain - start))}))
    n = n // 4000 * 4000
else:
    before = 0
if mode:
    while succeeded() - before < n:
        time.sleep(0.01)
    print(json.dumps({"done": n, "per_second": round(n / (time.monotonic() - start))}))
