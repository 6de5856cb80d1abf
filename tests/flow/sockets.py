"""WebSocket clients: a real one (the websockets library, driven from plain code), and bare frames."""
import asyncio
import base64
import json
import os
import struct
import threading

import websockets

from raw import Raw


class Socket:
    """A well-behaved client. receive() gives frames of the service as objects, in order."""

    _loop = None

    @classmethod
    def _run(cls, coroutine, timeout):
        if Socket._loop is None:
            Socket._loop = asyncio.new_event_loop()
            threading.Thread(target=Socket._loop.run_forever, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(coroutine, Socket._loop).result(timeout)

    def __init__(self, service, query="", subprotocols=("buzzer.v1",), timeout=60, **kwargs):
        self.timeout = timeout
        self.kept = []

        async def connect():
            return await websockets.connect(
                f"ws://127.0.0.1:{service.port}/v1/ws{query}", subprotocols=list(subprotocols) or None,
                max_size=None, max_queue=None, ping_interval=None, compression=None, **kwargs)

        self.socket = self._run(connect(), timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._run(self.socket.close(), self.timeout)

    def send(self, frame):
        self._run(self.socket.send(json.dumps(frame) if isinstance(frame, dict) else frame), self.timeout)
        return self

    def receive(self, timeout=None):
        async def take():
            return await asyncio.wait_for(self.socket.recv(), timeout or self.timeout)

        return json.loads(self._run(take(), self.timeout + 5))

    def answer(self, op, ref=None):
        """The next answer of that op; events that come before it are kept for later."""
        while True:
            frame = self.receive()
            if frame.get("op") == op and (ref is None or frame.get("ref") == ref):
                return frame
            assert "specversion" in frame, f"not a {op}: {frame}"
            self.kept.append(frame)

    def event(self, timeout=None):
        """The next CloudEvent; answers are not expected."""
        frame = self.kept.pop(0) if self.kept else self.receive(timeout)
        assert frame.get("specversion") == "1.0", frame
        return frame

    def events_until(self, type, subject=None):
        """Events up to and with the first of that type."""
        found = []
        while True:
            found.append(self.event())
            if found[-1]["type"] == type and (subject is None or found[-1]["subject"] == subject):
                return found

    def is_silent(self, seconds=0.5):
        """Does nothing come for a while?"""
        if self.kept:
            return False
        try:
            self.receive(seconds)
            return False
        except asyncio.TimeoutError:
            return True

    def closed(self):
        """(code, reason) once the service has closed; what came before it is dropped."""
        try:
            while True:
                self.receive()
        except websockets.ConnectionClosed as end:
            return (end.rcvd.code, end.rcvd.reason) if end.rcvd else (1006, "")


class Frames(Raw):
    """Any bytes on a WebSocket: the handshake by hand, then frames as rough as wanted."""

    def __init__(self, port, query="", headers="", **kwargs):
        super().__init__(port, **kwargs)
        key = base64.b64encode(os.urandom(16)).decode()
        self.send(f"GET /v1/ws{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
                  f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n")
        _, self.status, self.headers = self.head()
        assert self.status == 101, (self.status, self.headers, self.rest)

    def frame(self, opcode, payload=b"", final=True, rsv=0, masked=True, length=None):
        if isinstance(payload, str):
            payload = payload.encode()
        n = len(payload) if length is None else length
        first = bytes([(0x80 if final else 0) | rsv << 4 | opcode])
        mask_bit = 0x80 if masked else 0
        size = (bytes([mask_bit | n]) if n < 126 else bytes([mask_bit | 126]) + struct.pack(">H", n)
                if n < 65536 else bytes([mask_bit | 127]) + struct.pack(">Q", n))
        mask = os.urandom(4) if masked else b""
        if masked:
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        return self.send(first + size + mask + payload)

    def read(self):
        """(opcode, payload) of the next frame; frames of a service are never masked."""
        while True:
            data = self.rest
            if len(data) >= 2:
                length, at = data[1] & 127, 2
                assert not data[1] & 0x80, "a masked frame from the service"
                if length == 126 and len(data) >= 4:
                    length, at = struct.unpack(">H", data[2:4])[0], 4
                elif length == 127 and len(data) >= 10:
                    length, at = struct.unpack(">Q", data[2:10])[0], 10
                if (data[1] & 127 < 126 or at > 2) and len(data) >= at + length:
                    self.rest = data[at + length:]
                    return data[0] & 15, data[at:at + length]
            self._more()

    def close_code(self):
        """(code, reason) of the close frame; what comes before it is skipped."""
        while True:
            opcode, payload = self.read()
            if opcode == 8:
                return struct.unpack(">H", payload[:2])[0], payload[2:].decode()


HANDSHAKE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")


def handshake(service, *lines, query="", host=None):
    """(status, headers) of what answers a handshake made by hand."""
    with Raw(service.port) as raw:
        raw.send(f"GET /v1/ws{query} HTTP/1.1\r\nHost: {host or 'localhost'}\r\n" + "".join(line + "\r\n" for line in lines)
                 + "\r\n")
        _, status, headers = raw.head()
        return status, headers


def kinds(events):
    """What happened, without the progress, of which there may be more or less."""
    return [event["type"] for event in events if event["type"] != "job.progress"]
