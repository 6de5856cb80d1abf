"""Frames nobody should send (RFC 6455), their close codes, and the limits."""
import json
import random

import pytest
import websockets

from sockets import Frames, Socket


def bad(service, *args, **kwargs):
    with Frames(service.port) as frames:
        frames.frame(*args, **kwargs)
        return frames.close_code()[0]


@pytest.mark.parametrize("text", ["", "{", "5", "null", "[]", '"x"', "{}", '{"op":5}', '{"op":"nosuch"}', '{"op":"ping","op":"ping"}',
                                  '{"op":"subscribe"}', '{"op":"subscribe","job":5}', '{"op":"subscribe","job":"x","colour":1}',
                                  '{"op":"submit"}', '{"op":"submit","job":5}', '{"op":"ping","ref":5}'])
def test_a_frame_nobody_knows_closes_with_4400_or_is_answered_with_an_error(service, text):
    with Frames(service.port) as frames:
        frames.frame(1, text)
        opcode, payload = frames.read()
        if opcode == 1:         # known as an op, and wrong in a member
            assert text.startswith('{"op":"s') or "ref" in text, text
            assert json.loads(payload)["op"] == "error"
        else:
            assert opcode == 8 and int.from_bytes(payload[:2], "big") == 4400


def test_binary_closes_with_1003(service):
    assert bad(service, 2, b"\x00\x01") == 1003


@pytest.mark.parametrize("size, fine", [(4095, True), (4096, True), (4097, False), (60000, False)])
def test_a_frame_may_have_four_kibibytes(service, size, fine):
    with Frames(service.port) as frames:
        text = '{"op":"ping"}'
        frames.frame(1, text + " " * (size - len(text)))
        if fine:
            assert frames.read() == (1, b'{"op":"pong"}')
        else:
            assert frames.close_code()[0] == 1009


@pytest.mark.parametrize("size, fine", [(65535, True), (65536, True), (65537, False), (1 << 20, False)])
def test_a_submission_may_have_sixty_four(service, size, fine):
    with Frames(service.port) as frames:
        text = '{"op":"submit","job":{"type":"echo","input":""}}'
        frames.frame(1, text[:-3] + "x" * (size - len(text)) + text[-3:])
        if fine:
            assert json.loads(frames.read()[1])["op"] == "submitted"
        else:
            assert frames.close_code()[0] == 1009


@pytest.mark.parametrize("length", [1 << 40, (1 << 63) - 1])
def test_a_frame_announced_too_big_closes_with_1009(service, length):
    assert bad(service, 1, b"x" * 10, length=length) in (1009, 1002)


def test_a_length_with_the_highest_bit_is_a_protocol_error(service):
    assert bad(service, 1, b"x" * 10, length=1 << 63) in (1002, 1009)


def test_a_message_in_pieces_has_the_same_limit(service):
    with Frames(service.port) as frames:
        frames.frame(1, " " * 3000, final=False)
        for _ in range(40):
            try:
                frames.frame(0, " " * 3000, final=False)
            except OSError:
                break
        assert frames.close_code()[0] == 1009


def test_a_message_in_pieces_is_a_message(service):
    with Frames(service.port) as frames:
        frames.frame(1, '{"op":', final=False).frame(9, "between").frame(0, '"pi', final=False).frame(0, 'ng"}')
        assert sorted([frames.read(), frames.read()]) == [(1, b'{"op":"pong"}'), (10, b"between")]


def test_an_unmasked_frame_closes_with_1002(service):
    assert bad(service, 1, '{"op":"ping"}', masked=False) == 1002


@pytest.mark.parametrize("kwargs", [dict(rsv=4), dict(rsv=2), dict(rsv=1)], ids=["RSV1", "RSV2", "RSV3"])
def test_a_reserved_bit_closes_with_1002(service, kwargs):
    assert bad(service, 1, '{"op":"ping"}', **kwargs) == 1002


@pytest.mark.parametrize("opcode", [3, 4, 7, 11, 15])
def test_a_reserved_opcode_closes_with_1002(service, opcode):
    assert bad(service, opcode, "x") == 1002


def test_a_fragmented_ping_closes_with_1002(service):
    assert bad(service, 9, "x", final=False) == 1002


def test_a_long_ping_closes_with_1002(service):
    assert bad(service, 9, "x" * 126) == 1002


def test_a_continuation_of_nothing_closes_with_1002(service):
    assert bad(service, 0, "x") == 1002


def test_a_close_of_one_byte_is_answered_with_1002(service):
    assert bad(service, 8, b"x") == 1002


@pytest.mark.parametrize("text", [b"\xff", b'{"op":"\xc0\xaf"}', b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b'{"op":"ping"}\xe2\x82'])
def test_bad_utf_8_closes_with_1007(service, text):
    assert bad(service, 1, text) == 1007


def test_a_ping_is_answered_with_its_own_bytes(service):
    with Frames(service.port) as frames:
        frames.frame(9, b"x" * 125)
        assert frames.read() == (10, b"x" * 125)


def test_a_close_is_answered_with_its_code(service):
    with Frames(service.port) as frames:
        frames.frame(8, (1000).to_bytes(2, "big"))
        assert frames.close_code()[0] == 1000
        assert frames.is_closed()


def test_a_flood_of_messages_closes_with_4429(service):
    with Socket(service) as socket:
        try:
            for _ in range(5000):
                socket.send({"op": "ping"})
        except websockets.ConnectionClosed:
            pass
        assert socket.closed()[0] == 4429


def test_a_burst_of_400_is_fine(service):
    with Socket(service) as socket:
        for _ in range(400):
            socket.send({"op": "ping"})
        assert [socket.receive() for _ in range(400)] == [{"op": "pong"}] * 400


def test_random_frames_are_harmless(service):
    dice = random.Random(11)
    for _ in range(200):
        with Frames(service.port, timeout=5) as frames:
            try:
                for _ in range(dice.randint(1, 6)):
                    frames.frame(dice.choice([0, 1, 1, 1, 2, 8, 9, 10, 3]), dice.randbytes(dice.randint(0, 200)),
                                 final=dice.random() < .8, masked=dice.random() < .9)
                frames.half_close().to_end()
            except OSError:
                pass
    assert service.client().get("/livez").status == 200
