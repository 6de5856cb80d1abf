#!/usr/bin/python3
"""images.py PORT IMAGE [N]: N images posted at once, each on a connection of its own: time until all ids are
there, until every push has arrived, what /livez took meanwhile, and how busy the cores were with executors."""
import asyncio
import json
import os
import sys
import time

import websockets


def executor_seconds():
    ticks = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"\0executor" not in file.read():
                    continue
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


async def request(port, head, body=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    data = await reader.readexactly(length)
    writer.close()
    return int(answer[9:12]), data


async def livez(port, times, stop):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while not stop.is_set():
        start = time.perf_counter()
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"ok\n")
        times.append((time.perf_counter() - start) * 1e3)
        await asyncio.sleep(0.01)
    writer.close()


async def main(port, path, n):
    with open(path, "rb") as file:
        image = file.read()
    head = (f"POST /v1/jobs?type=ocr HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {len(image)}\r\n\r\n")
    times, stop, told = [], asyncio.Event(), {}
    async with websockets.connect(f"ws://127.0.0.1:{port}/v1/ws?all=1&type=ocr&event=job.succeeded&event=job.failed",
                                  max_size=None) as socket:
        await socket.recv()
        watch = asyncio.create_task(livez(port, times, stop))
        start = time.perf_counter()
        answers = await asyncio.gather(*(request(port, head, image) for _ in range(n)))
        ids_s = time.perf_counter() - start
        ids = {json.loads(data)["id"] for status, data in answers if status == 202}
        busy, begin = executor_seconds(), time.perf_counter()
        while len(told) < len(ids):
            event = json.loads(await asyncio.wait_for(socket.recv(), 300))
            told[event["subject"]] = event["type"]
            if len(told) == n // 2:
                busy_half = (executor_seconds() - busy) / (time.perf_counter() - begin)
        all_s = time.perf_counter() - start
        stop.set()
        await watch
    times.sort()
    print(json.dumps({"images": n, "ids": len(ids), "ids_s": round(ids_s, 3), "pushes": len(told),
                      "succeeded": sum(kind == "job.succeeded" for kind in told.values()), "all_s": round(all_s, 1),
                      "executor_cores_busy": round(busy_half, 2), "livez_p50_ms": round(times[len(times) // 2], 2),
                      "livez_p99_ms": round(times[int(len(times) * .99)], 2), "livez_max_ms": round(times[-1], 2)}))


asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 100))
