"""Laws of the frame decoder: how bytes are cut into chunks never matters, and garbage never gets through."""

from contextlib import suppress
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from store import wire
from store.messages import Fetch, Ping, Probe

messages = st.one_of(
    st.builds(Ping, st.integers(0, 2**63 - 1)),
    st.builds(Probe, st.integers(0, 2**63 - 1)),
    st.builds(Fetch, st.integers(0, 2**63 - 1), st.binary(max_size=300)),
)


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(messages, min_size=1, max_size=8), st.lists(st.integers(0, 5_000), max_size=12))
def test_chunks_do_not_matter(sent: list[Ping | Probe | Fetch], cuts: list[int]) -> None:
    decoder = wire.FrameDecoder()
    stream = b"".join(wire.encode(message) for message in sent)
    bodies = [body for chunk in chunks(stream, cuts) for body in decoder.feed(chunk)]
    assert [wire.decode_peer(body) for body in bodies] == sent
    assert decoder.problem is None


@given(st.lists(messages, min_size=1, max_size=5), st.data())
def test_a_flipped_bit_never_yields_another_message(
    sent: list[Ping | Probe | Fetch], data: st.DataObject
) -> None:
    stream = bytearray(b"".join(wire.encode(message) for message in sent))
    bit = data.draw(st.integers(0, len(stream) * 8 - 1))
    stream[bit // 8] ^= 1 << bit % 8
    decoder = wire.FrameDecoder()
    received = [wire.decode_peer(body) for body in decoder.feed(bytes(stream))]
    assert received == sent[: len(received)]
    assert len(received) < len(sent)


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_garbage_is_no_frame(garbage: bytes, cuts: list[int]) -> None:
    decoder = wire.FrameDecoder()
    bodies = [body for chunk in chunks(garbage, cuts) for body in decoder.feed(chunk)]
    # Only an empty body has a checksum that random bytes hit: eight zeros.
    assert all(body == b"" for body in bodies)


@given(st.binary(max_size=200))
def test_any_body_is_a_message_or_a_frame_error(body: bytes) -> None:
    for decode in (wire.decode_hello, wire.decode_peer, wire.decode_ask, wire.decode_answer):
        with suppress(wire.FrameError):
            decode(body)


@given(messages, st.data())
def test_a_message_with_changed_bytes_is_a_message_or_a_frame_error(
    sent: Ping | Probe | Fetch, data: st.DataObject
) -> None:
    body = bytearray(wire.encode(sent)[wire.HEADER.size :])
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    for decode in (wire.decode_hello, wire.decode_peer, wire.decode_ask, wire.decode_answer):
        with suppress(wire.FrameError):
            decode(bytes(body))
