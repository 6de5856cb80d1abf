#!/usr/bin/python3
"""listen.py URL IMAGE: opens a WebSocket, posts the image as a job of type ocr, and prints what arrives."""
import asyncio
import json
import mimetypes
import sys
import time
import urllib.request

import websockets


def post(url, path):
    with open(path, "rb") as file:
        request = urllib.request.Request(url + "/v1/jobs?type=ocr", data=file.read(), method="POST",
                                         headers={"Content-Type": mimetypes.guess_type(path)[0]})
    with urllib.request.urlopen(request) as answer:
        return answer.status, json.load(answer)


async def main(url, path):
    async with websockets.connect("ws" + url[4:] + "/v1/ws?all=1") as socket:
        json.loads(await socket.recv())                     # "subscribed"
        start = time.monotonic()
        status, job = await asyncio.to_thread(post, url, path)
        print(f"{(time.monotonic() - start) * 1e3:7.1f} ms  POST answered {status}, the job's id is {job['id']}")
        async for message in socket:
            event = json.loads(message)
            told = event["data"]["progress"]
            print(f"{(time.monotonic() - start) * 1e3:7.1f} ms  push: {event['type']}"
                  + (f" ({told['percent']} %)" if told and told["percent"] is not None else ""))
            if event["type"] == "job.succeeded":
                break
            if event["data"]["state"] in ("failed", "cancelled", "expired"):
                sys.exit(f"the job ended as {event['data']['state']}: {event['data']['error']}")
    result = event["data"]["result"]
    if result is None:                                      # over 64 KiB: behind its link
        with urllib.request.urlopen(url + event["data"]["links"]["result"]) as answer:
            result = json.load(answer)
    print(f"\nThe text ({len(result['words'])} words, mean confidence {result['mean_confidence']:.0f}):\n")
    print("\n".join("    " + line for line in result["text"].splitlines()[:12]))


asyncio.run(main(sys.argv[1], sys.argv[2]))
