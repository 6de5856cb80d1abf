"""The brokers the tests stand on: deploy/kafka/kafka starts, kills and starts them again where a test means it to."""
import re
import socket
import subprocess

import pytest
from service import processes, until


def alive(brokers):
    """How many brokers the first of these that answers knows of."""
    told = subprocess.run(["kcat", "-b", brokers, "-m", "1", "-L"], capture_output=True, text=True, timeout=60)
    return len(re.findall(r"^  broker ", told.stdout, re.M))


def test_a_broker_comes_back_where_it_was(broker):
    broker.start()
    address, first = broker.brokers, broker.pid()
    assert alive(address) == 1
    broker.kill()
    assert first not in processes()
    broker.restart()
    assert broker.pid() != first and alive(address) == 1
    broker.stop()
    broker.start()
    assert broker.brokers == address and alive(address) == 1


def test_two_of_three_go_on_without_the_third(broker):
    broker.start(3)
    assert alive(broker.brokers) == 3
    broker.kill(3)
    until(lambda: alive(broker.brokers) == 2, 20, "the others to miss it")
    broker.restart(3)
    until(lambda: alive(broker.brokers) == 3, 20, "it to be back")


def test_a_paused_broker_is_silent_until_it_goes_on(broker):
    broker.start()
    broker.pause()
    assert alive(broker.brokers) == 0
    broker.resume()
    until(lambda: alive(broker.brokers) == 1, 20, "it to answer again")


def test_nothing_is_left_of_a_broker_that_was_wiped(broker):
    pid, address = broker.start().pid(), broker.brokers
    broker.wipe()
    assert pid not in processes() and not broker.folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(address.split(":")[1])), timeout=5)


def test_the_shared_broker_answers_at_a_port_no_connection_takes(kafka):
    assert alive(kafka.brokers) >= 1
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        lowest = int(file.read().split()[0])
    for address in kafka.brokers.split(","):
        assert int(address.split(":")[1]) < lowest
