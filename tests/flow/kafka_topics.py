"""The topics of a service, as anybody sees them, and what a test does to them behind the service's back."""
import ctypes
import json
import subprocess

PATIENCE_MS = 20000


def end_of(kafka, topic="log"):
    """The offset at which the next record will stand."""
    told = subprocess.run(["kcat", "-b", kafka.brokers, "-Q", "-t", f"{kafka.topics}.{topic}:0:-1"], capture_output=True, text=True,
                          timeout=60, check=True)
    return int(told.stdout.split()[-1])


def text_of(kafka, topic):
    """What stands in one now: log, progress or workers."""
    n = end_of(kafka, topic)    # heartbeats never end
    return subprocess.run(["kcat", "-b", kafka.brokers, "-C", "-q", "-e", "-c", str(n), "-t", f"{kafka.topics}.{topic}", "-o",
                           "beginning"], capture_output=True, timeout=120, check=True).stdout.decode(errors="replace")


def events_of(kafka):
    """The headers of all events."""
    return [json.loads(line) for line in text_of(kafka, "log").split("\n") if line.startswith('{"from":')]


def said_in(kafka, topic):
    """What was said beside the log; a line with the name of who said it stands before each."""
    return [json.loads(line) for line in text_of(kafka, topic).splitlines()[1::2]]


def fill(kafka, n):
    """n records at the end of the log that mean nothing to anybody, and are read all the same."""
    lines = (f'{{"from":"nobody.00000000-1","n":{i},"kind":"noop","at":1763805600000,"job":"","data":{{}}}}\n' for i in range(n))
    subprocess.run(["kcat", "-b", kafka.brokers, "-P", "-t", kafka.topics + ".log", "-p", "0", "-D", r"\x1e"],
                   input="\x1e".join(lines), text=True, timeout=60, check=True)


class _Lib:
    """librdkafka, as far as it is needed here: kcat has no verbs of an administrator."""

    def __init__(self):
        self.lib = ctypes.CDLL("librdkafka.so.1")

    def __call__(self, name, *args):
        function = getattr(self.lib, "rd_kafka_" + name)
        function.restype = ctypes.c_void_p
        return function(*(ctypes.c_char_p(a.encode()) if isinstance(a, str) else a for a in args))

    def do(self, kafka, verb, what):
        """One request of the kind `verb`, whose one argument is what."""
        conf, why = self("conf_new"), ctypes.create_string_buffer(256)
        self("conf_set", ctypes.c_void_p(conf), "bootstrap.servers", kafka.brokers, why, ctypes.c_size_t(256))
        client = ctypes.c_void_p(self("new", 0, ctypes.c_void_p(conf), why, ctypes.c_size_t(256)))
        assert client, why.value
        queue = ctypes.c_void_p(self("queue_new", client))
        self(verb, client, ctypes.byref(ctypes.c_void_p(what)), ctypes.c_size_t(1), None, queue)
        event = ctypes.c_void_p(self("queue_poll", queue, PATIENCE_MS))
        assert event and not ctypes.c_int(self("event_error", event) or 0).value, f"{verb} failed"
        self("event_destroy", event)
        self("queue_destroy", queue)
        self("destroy", client)


def truncate(kafka, before):
    """Takes away every record of the log before an offset, as retention does."""
    lib = _Lib()
    parts = ctypes.c_void_p(lib("topic_partition_list_new", 1))
    topic = kafka.topics + ".log"
    lib("topic_partition_list_add", parts, topic, 0)
    lib("topic_partition_list_set_offset", parts, topic, 0, ctypes.c_int64(before))
    wanted = lib("DeleteRecords_new", parts)
    lib.do(kafka, "DeleteRecords", wanted)
    lib("DeleteRecords_destroy", ctypes.c_void_p(wanted))
    lib("topic_partition_list_destroy", parts)


def delete(kafka):
    """Deletes the topic of the log."""
    lib = _Lib()
    wanted = lib("DeleteTopic_new", kafka.topics + ".log")
    lib.do(kafka, "DeleteTopics", wanted)
    lib("DeleteTopic_destroy", ctypes.c_void_p(wanted))
