"""Server-sent events as the WHATWG text reads them."""
import http.client
import json


class Stream:
    def __init__(self, port, path, timeout=60, **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.connection.request("GET", path, headers={
            "Accept": "text/event-stream", **{k.replace("_", "-"): v for k, v in headers.items()}})
        self.response = self.connection.getresponse()
        self.status, self.headers = self.response.status, self.response.headers
        self.comments = 0
        self.last_id = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def next(self):
        """(event name or "message", data) of the next event, None at the end of the stream."""
        name, data = "message", []
        while True:
            line = self.response.readline()
            if not line:
                assert not data, "the stream ended within an event"
                return None
            line = line.decode().rstrip("\r\n")
            if not line:
                if data:
                    return name, json.loads("\n".join(data))
                name = "message"
            elif line.startswith(":"):
                self.comments += 1
            else:
                field, _, value = line.partition(":")
                value = value[1:] if value.startswith(" ") else value
                if field == "event":
                    name = value
                elif field == "data":
                    data.append(value)
                elif field == "id":
                    self.last_id = value

    def events(self):
        """Every plain message until the stream ends."""
        while True:
            item = self.next()
            if item is None:
                return
            name, event = item
            if name == "message":
                yield event
