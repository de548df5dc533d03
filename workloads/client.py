"""What a client operation asks of the store, in the store's own words but free of any store.

An operation is a generator: it yields one of these requests, is sent a reply, and returns the completed
`Operation`.  One readable function per operation (read, merge, write), run unchanged by the simulator
and by the asyncio driver.  A target that is not our node maps the same requests to its own client.
"""

from collections.abc import Generator

import msgspec

from checker.operation import Operation


class Get(msgspec.Struct, frozen=True):
    """All siblings of a key. `quorum` overrides R."""

    key: str
    quorum: int | None = None


class Put(msgspec.Struct, frozen=True):
    """Write a value over what the context covers; an empty context is a blind write."""

    key: str
    value: bytes
    context: bytes = b""
    quorum: int | None = None


class Delete(msgspec.Struct, frozen=True):
    """Delete what the context covers."""

    key: str
    context: bytes = b""
    quorum: int | None = None


class Values(msgspec.Struct, frozen=True):
    """Answer to a Get."""

    values: tuple[bytes, ...]
    context: bytes


class Done(msgspec.Struct, frozen=True):
    """The write is acknowledged."""


class Failed(msgspec.Struct, frozen=True):
    """No success. `definite`: certainly without effect. `code` is for people and tables."""

    code: str
    definite: bool
    message: str = ""


Request = Get | Put | Delete
Answer = Values | Done | Failed
Client = Generator[Request, Answer, Operation]
