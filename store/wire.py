"""What is on the wire: frames, and the few messages around those of `store.messages`.

A frame is a u32 (big-endian) length, a u32 CRC-32 of the body, and the body: one message in msgpack.  The
CRC costs little and turns a proxy that cuts or garbles bytes into a clear error; TCP's own checksum would
let one such frame in some thousands pass.

A connection begins with a Hello and has one of three roles:

  peer     One-way: everything a node sends to another, requests and answers alike, on its own connection
           (docs/decisions/0003).  The receiver writes nothing back, except an Error before it hangs up.
  client   Ask and Answer; many asks may be under way at once, answers come in any order.
  admin    The same for administrators.

Rules of this file
  1. Pure: bytes in, messages out. It is the only file that knows what a frame looks like.
  2. Whatever another process sends is either a valid message or a FrameError with a sentence that says what
     is wrong and what is expected. Nothing is skipped in order to find the next frame: the connection ends.
  3. The Hello never changes its first two fields, so any two versions can tell each other who is older.
"""

from struct import Struct as Layout
from typing import Any, Literal, TypeVar
from zlib import crc32

import msgspec

from store.messages import (
    Delete,
    Dump,
    DumpReply,
    Found,
    Get,
    HeardProbes,
    Hints,
    HintsReply,
    NodeId,
    PeerMessage,
    ProbesReply,
    Put,
    Refused,
    RingReply,
    RingView,
    Roots,
    RootsReply,
    SendProbe,
    Status,
    StatusReply,
    Stored,
)

VERSION = 1
"""Raised whenever a message changes in a way that an older node would misunderstand."""

HEADER = Layout(">II")

HELLO_BYTES_MAX = 4 << 10
"""A stranger cannot make a node hold more than this before it has said who it is."""

REQUEST_SLACK_BYTES = 1 << 20
"""A client's frame may exceed the value limit by this: key, context, and room to be refused politely."""

PEER_FRAME_BYTES_MAX = 64 << 20
"""The largest message between nodes: all siblings of a key travel together."""

ANSWER_BYTES_MAX = 1 << 30
"""The largest answer: a dump is everything that a node holds."""

Role = Literal["peer", "client", "admin", "node"]

M = TypeVar("M")


class Frame(msgspec.Struct, frozen=True, array_like=True, tag_field="type", tag=str.lower):
    """Base of the messages that concern the connection itself."""


class Hello(Frame, frozen=True):
    """The first frame in each direction. `node` is who speaks (clients: any name), `to` who is meant.

    `connection` is the speaker's wall clock in ns when it began this connection: it rises from one
    connection to the next of a life, and, clocks permitting, from life to life.  A server answers clients
    and administrators with a Hello of its own, in the role `node`; until then nothing was understood.
    """

    version: int
    role: Role
    node: NodeId = ""
    epoch: int = 0
    connection: int = 0
    cluster: str = ""
    to: NodeId = ""


class Error(Frame, frozen=True):
    """The last frame before the connection is closed: what was wrong with it, and what is expected."""

    message: str


class Ask(Frame, frozen=True):
    """A request. `id` is the caller's choice, unique among its requests under way."""

    id: int
    request: Get | Put | Delete | Status | RingView | Hints | Roots | Dump | SendProbe | HeardProbes


class Answer(Frame, frozen=True):
    """The reply to the request with this id."""

    id: int
    reply: (
        Found | Stored | Refused | StatusReply | RingReply | HintsReply | RootsReply | DumpReply | ProbesReply
    )


class FrameError(ValueError):
    """The other side broke the protocol; the text is what to tell it."""


_ENCODER = msgspec.msgpack.Encoder()
_HELLO: msgspec.msgpack.Decoder[Hello | Error] = msgspec.msgpack.Decoder(Hello | Error)
_PEER: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(PeerMessage)
_ASK = msgspec.msgpack.Decoder(Ask)
_ANSWER: msgspec.msgpack.Decoder[Answer | Error] = msgspec.msgpack.Decoder(Answer | Error)


def encode(message: msgspec.Struct) -> bytes:
    """The frame of a message."""
    body = _ENCODER.encode(message)
    return HEADER.pack(len(body), crc32(body)) + body


def decode_hello(body: bytes) -> Hello:
    """The first frame of a connection. FrameError also when it is an Error, or of another version."""
    try:
        hello = _decode(_HELLO, body, "a Hello")
    except FrameError:
        _check_version(_version_of(body))
        raise
    if isinstance(hello, Error):
        raise FrameError(hello.message)
    _check_version(hello.version)
    return hello


def _version_of(body: bytes) -> int:
    """The version of a Hello whose other fields this version does not understand; VERSION when it is none."""
    try:
        match msgspec.msgpack.decode(body):
            case ["hello", int(version), *_]:
                return version
    except (ValueError, RecursionError):
        pass
    return VERSION


def _check_version(version: int) -> None:
    if version != VERSION:
        raise FrameError(
            f"protocol version {version} meets version {VERSION}; "
            "install the same version of splitbrain on both sides"
        )


def decode_peer(body: bytes) -> PeerMessage:
    """A message from another node."""
    message: PeerMessage = _decode(_PEER, body, "a message between nodes")
    return message


def decode_ask(body: bytes) -> Ask:
    """A request of a client or administrator."""
    return _decode(_ASK, body, "a request")


def decode_answer(body: bytes) -> Answer | Error:
    """What a server says to a client after its Hello."""
    return _decode(_ANSWER, body, "an answer")


def _decode(decoder: msgspec.msgpack.Decoder[M], body: bytes, expected: str) -> M:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(f"expected {expected}, got something else: {error}") from None


class FrameDecoder:
    """Cuts a stream into the bodies of its frames.

    After the first broken frame `problem` says what is wrong with it, and nothing is decoded any more.
    Bodies before it are still returned: they arrived intact.
    """

    __slots__ = ("_buffer", "_limit", "_needed", "_next_limit", "problem")

    def __init__(self, limit: int = PEER_FRAME_BYTES_MAX, first_limit: int = HELLO_BYTES_MAX) -> None:
        """Sizes in bytes: `first_limit` holds for the first frame, `limit` for all others."""
        self._buffer = bytearray()
        self._needed = 0
        self._limit = first_limit
        self._next_limit = limit
        self.problem: str | None = None

    def allow(self, limit: int) -> None:
        """Set the limit of all further frames: it depends on who said Hello."""
        self._limit = self._next_limit = limit
        self._needed = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes; returns the bodies that are complete now."""
        if self.problem is not None:
            return []
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._needed:
                return []
            data = bytes(self._buffer)
        bodies, start = self._cut(data)
        self._buffer[:] = b"" if self.problem is not None else data[start:]
        return bodies

    def _cut(self, data: bytes) -> tuple[list[bytes], int]:
        """The complete bodies, and where the rest begins; `_needed` is how long the rest must become."""
        bodies: list[bytes] = []
        start = 0
        self._needed = HEADER.size
        while len(data) - start >= HEADER.size:
            length, crc = HEADER.unpack_from(data, start)
            if length > self._limit:
                self.problem = _too_long(length, self._limit)
                break
            end = start + HEADER.size + length
            if end > len(data):
                self._needed = end - start
                break
            body = data[start + HEADER.size : end]
            if crc32(body) != crc:
                self.problem = (
                    f"the checksum of a frame of {length} bytes is wrong; expected crc32 of its body"
                )
                break
            bodies.append(body)
            start = end
            self._limit = self._next_limit
        return bodies, start


def _too_long(length: int, limit: int) -> str:
    return (
        f"a frame of {length} bytes, more than the {limit} allowed here; "
        "this is Splitbrain's binary protocol: u32 length, u32 crc32, msgpack body, and a Hello first"
    )
