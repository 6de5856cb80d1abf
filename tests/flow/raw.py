"""HTTP over a bare socket: sends any bytes, and takes answers only when they are strict HTTP/1.1."""
import re
import socket
import time


class Raw:
    def __init__(self, port, timeout=10, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.port = port
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed after {self.rest!r}")
        self.rest += data

    def head(self):
        """(version, status, {lower-case name: value}) of the next answer."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        assert "\n" not in head.decode("latin-1").replace("\r\n", ""), f"a bare LF in {head!r}"
        found = re.fullmatch(r"(HTTP/1\.[01]) (\d{3}) ([^\r\n]*)", lines[0])
        assert found, lines[0]
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon and re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name), line
            assert name.lower() not in headers or name.lower() == "set-cookie", f"{name} twice"
            headers[name.lower()] = value.strip(" \t")
        return found[1], int(found[2]), headers

    def answer(self, method="GET"):
        """The next answer whole: (status, headers, body)."""
        _, status, headers = self.head()
        if method == "HEAD" or status < 200 or status in (204, 304):
            return status, headers, b""
        if "content-length" in headers:
            length = int(headers["content-length"])
            while len(self.rest) < length:
                self._more()
            body, self.rest = self.rest[:length], self.rest[length:]
            return status, headers, body
        assert headers.get("connection", "").lower() == "close", f"where does it end? {headers}"
        return status, headers, self.to_end()

    def to_end(self):
        """Everything until the other side closes."""
        try:
            while True:
                self._more()
        except EOFError:
            pass
        body, self.rest = self.rest, b""
        return body

    def is_closed(self, seconds=3):
        """Does the other side close (or reset) within the time, saying nothing more?"""
        self.socket.settimeout(seconds)
        try:
            data = self.rest or self.socket.recv(65536)
            assert not data, f"more came: {data[:300]!r}"
            return True
        except ConnectionResetError:
            return True
        except (TimeoutError, socket.timeout):
            return False


def ask(port, request, method="GET"):
    """One request on a connection of its own; (status, headers, body)."""
    with Raw(port) as raw:
        return raw.send(request).answer(method)


def stays_fine(port, seconds=5):
    """The service answers a plain request within the time."""
    begin = time.monotonic()
    status, _, _ = ask(port, f"GET /livez HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
    return status == 200 and time.monotonic() - begin < seconds
