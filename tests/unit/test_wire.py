"""Frames and the messages around the protocol: what is accepted, and what is said about the rest."""

import msgspec
import pytest

from store import wire
from store.messages import Delete, Found, Get, Ping, Put, Refused, Status, StatusReply, Store, Stored
from store.versions import Sibling, Versions

STATE = Versions({"n1:1:1": 2}, (Sibling(("n1:1:1", 2), b"\x00value", stamp=7),))


def body_of(frame: bytes) -> bytes:
    decoder = wire.FrameDecoder(first_limit=wire.ANSWER_BYTES_MAX)
    (body,) = decoder.feed(frame)
    assert decoder.problem is None
    return body


@pytest.mark.parametrize("message", [Ping(3), Store(1, b"k", STATE, 5, "put", "n2")])
def test_peer_messages_survive_the_wire(message: msgspec.Struct) -> None:
    assert wire.decode_peer(body_of(wire.encode(message))) == message


@pytest.mark.parametrize("request_", [Get(b"k"), Put(b"k", b"v", b"c", 2), Delete(b"k"), Status()])
def test_requests_survive_the_wire(request_: Get | Put | Delete | Status) -> None:
    assert wire.decode_ask(body_of(wire.encode(wire.Ask(9, request_)))) == wire.Ask(9, request_)


@pytest.mark.parametrize(
    "reply",
    [
        Found((b"a", b"b"), b"c"),
        Stored(),
        Refused("timeout", False, "m"),
        StatusReply("n1", 1, True, 0, 0, {}, {}),
    ],
)
def test_replies_survive_the_wire(reply: Found | Stored | Refused | StatusReply) -> None:
    assert wire.decode_answer(body_of(wire.encode(wire.Answer(9, reply)))) == wire.Answer(9, reply)


def test_a_hello_of_another_version_names_both() -> None:
    with pytest.raises(wire.FrameError, match="version 99 meets version 1; install the same"):
        wire.decode_hello(body_of(wire.encode(wire.Hello(version=99, role="client"))))


@pytest.mark.parametrize("fields", [["client", "n1", 0, 0, "", "", "more", {}], [{"role": "client"}], []])
def test_a_hello_of_a_later_version_may_have_other_fields(fields: list[object]) -> None:
    body = msgspec.msgpack.encode(["hello", 99, *fields])
    with pytest.raises(wire.FrameError, match="version 99"):
        wire.decode_hello(body)


def test_an_error_instead_of_a_hello_is_passed_on() -> None:
    with pytest.raises(wire.FrameError, match=r"^go away$"):
        wire.decode_hello(body_of(wire.encode(wire.Error("go away"))))


@pytest.mark.parametrize(
    "body",
    [b"", b"\xc1", msgspec.msgpack.encode(["nonsense", 1]), msgspec.msgpack.encode({"type": "ping"})],
    ids=["empty", "no msgpack", "unknown tag", "map"],
)
def test_a_wrong_body_is_a_frame_error_that_says_what_was_expected(body: bytes) -> None:
    with pytest.raises(wire.FrameError, match="expected a message between nodes"):
        wire.decode_peer(body)


def test_deep_nesting_is_a_frame_error() -> None:
    with pytest.raises(wire.FrameError):
        wire.decode_ask(b"\x91" * 100_000)


def test_a_clients_message_is_not_a_peers() -> None:
    with pytest.raises(wire.FrameError):
        wire.decode_peer(body_of(wire.encode(wire.Ask(1, Get(b"k")))))


def test_a_wrong_checksum_ends_the_stream_but_keeps_what_came_before() -> None:
    good, bad = wire.encode(Ping(1)), bytearray(wire.encode(Ping(2)))
    bad[-1] ^= 1
    decoder = wire.FrameDecoder()
    assert [wire.decode_peer(body) for body in decoder.feed(good + bytes(bad) + good)] == [Ping(1)]
    assert decoder.problem is not None
    assert "crc32" in decoder.problem
    assert decoder.feed(good) == []


def test_a_web_browser_is_told_what_this_port_speaks() -> None:
    decoder = wire.FrameDecoder()
    assert decoder.feed(b"GET / HTTP/1.1\r\n\r\n") == []
    assert decoder.problem is not None
    assert "this is Splitbrain's binary protocol" in decoder.problem


def test_the_first_frame_may_be_small_only() -> None:
    large = wire.encode(Put(b"k", bytes(wire.HELLO_BYTES_MAX)))
    strict = wire.FrameDecoder()
    assert strict.feed(large) == []
    assert strict.problem is not None
    decoder = wire.FrameDecoder()
    assert len(decoder.feed(wire.encode(Ping(1)) + large)) == 2


def test_a_lower_limit_holds_for_a_frame_that_has_begun() -> None:
    frame = wire.encode(Put(b"k", bytes(10_000)))
    decoder = wire.FrameDecoder()
    decoder.feed(wire.encode(Ping(1)) + frame[:5_000])
    decoder.allow(1_000)
    assert decoder.feed(frame[5_000:]) == []
    assert decoder.problem is not None
    assert "more than the 1000 allowed here" in decoder.problem
