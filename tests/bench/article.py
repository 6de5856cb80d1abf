#!/usr/bin/python3
"""article.py PORT [SLOWEST]: the article's four routes with 100 requests at once (SLOWEST of the first, whose 100 take
500 s), then the same blocking work as 100 jobs: time to the last answer, and for jobs to the last push as well."""
import asyncio
import json
import sys
import time

import websockets


async def ask(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    return int(head[9:12]), body


async def burst(port, path, n):
    start = time.perf_counter()
    answers = await asyncio.gather(*(ask(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()) for _ in range(n)))
    print(f"{path:28} {n:4} at once: {time.perf_counter() - start:7.3f} s   {set(body.decode() for _, body in answers)}")


async def jobs(port, seconds, n):
    body = json.dumps({"type": "sleep", "input": {"seconds": seconds}}).encode()
    request = (b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
               % len(body)) + body
    async with websockets.connect(f"ws://127.0.0.1:{port}/v1/ws?all=1&event=job.succeeded") as socket:
        await socket.recv()
        start = time.perf_counter()
        answers = await asyncio.gather(*(ask(port, request) for _ in range(n)))
        ids = time.perf_counter() - start
        waiting = {json.loads(data)["id"] for status, data in answers if status == 202}
        while waiting:
            waiting.discard(json.loads(await socket.recv())["subject"])
        print(f"POST /v1/jobs (sleep {seconds} s)      {n:4} at once: {ids:7.3f} s to the last id, "
              f"{time.perf_counter() - start:.3f} s to the last push")


async def main(port, slowest):
    for path, n in (("/async_with_event_loop", 100), ("/async_with_async_sleep", 100), ("/sync", 100), ("/async_slowest", slowest)):
        await burst(port, path, n)
    await jobs(port, 5, 100)


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4))
