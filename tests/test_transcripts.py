"""Golden transcripts of one node: commands, a line of dashes, and the effects they had.

A transcript is a conversation that people can read and review; `pytest --rewrite` writes the effects
anew.  Request numbers are printed as r1, r2..., times in ms since the start, actors without their epoch.

    node n1 of n1 n2 n3            make a node and boot it on an empty disk
    image epoch=6 k=v@n1:1/1       the same with a disk (an object)
    durable 1                      up to this token
    put k v [context=1] [w=2]      a client; context=1 is that of reply 1
    get k [r=2]     delete k [context=1]     status
    n2 Pong nonce=0 | n2 Store request=r1 key=k state=v@n2:1/1 [hint_for=n3] | ...     a message
    lost n2                        its connection broke
    pass 250                       time, with the timers that are due in it
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from store import messages, versions
from store.config import MS
from store.effects import (
    Boot,
    Durable,
    Effect,
    Image,
    PeerLost,
    Persist,
    Received,
    Reply,
    Requested,
    Send,
    SetTimer,
    TimerFired,
)
from store.node import Node
from store.versions import Versions
from tests.pump import config_of

FOLDER = Path(__file__).parent / "transcripts"
START = 1_000_000 * MS
BACKGROUND = ("Ping", "TreeRoots")
"""What ticks all the time is left out of the effects of `pass`."""


class Steady:
    """Random numbers that are always the same, so that a transcript needs no seed."""

    def getrandbits(self, bits: int) -> int:
        return 0

    def randrange(self, stop: int) -> int:
        return 0


class Conversation:
    """Runs the commands of one transcript."""

    def __init__(self) -> None:
        self.now = START
        self.ticket = 0
        self.base = 0
        self.contexts: dict[str, bytes] = {}
        self.timers: list[tuple[int, int]] = []
        self.node: Node

    def run(self, line: str) -> list[str]:
        """The effects of one command, one line each."""
        word, *rest = line.split()
        options = dict(part.split("=", 1) for part in rest if "=" in part)
        plain = [part for part in rest if "=" not in part]
        match word:
            case "node":
                return self._boot(plain[0], tuple(plain[2:]), Image(objects={}, hints={}))
            case "image":
                objects = {k.encode(): state_of(v) for k, v in options.items() if k != "epoch"}
                return self._boot("n1", ("n1", "n2", "n3"), Image(int(options["epoch"]), objects, {}))
            case "durable":
                return self._handle(Durable(int(plain[0])))
            case "lost":
                return self._handle(PeerLost(plain[0]))
            case "pass":
                return self._pass(int(plain[0]) * MS)
            case "put" | "get" | "delete" | "status":
                return self._ask(word, plain, options)
            case _:
                return self._handle(Received(word, self._message(plain[0], options)))

    def _boot(self, name: str, nodes: tuple[str, ...], image: Image) -> list[str]:
        self.node = Node(config_of(name, nodes), Steady())  # type: ignore[arg-type]
        self.base = ((image.epoch + 1 if image.epoch else 1) & 0xFFFF) << 46
        return self._handle(Boot(image))

    def _ask(self, word: str, plain: list[str], options: dict[str, str]) -> list[str]:
        self.ticket += 1
        numbers: dict[str, Any] = {name: int(options[name]) for name in ("r", "w") if name in options}
        arguments = [part.encode() for part in plain]
        if "context" in options:
            numbers["context"] = self.contexts[options["context"]]
        kind = {
            "put": messages.Put,
            "get": messages.Get,
            "delete": messages.Delete,
            "status": messages.Status,
        }
        return self._handle(Requested(self.ticket, kind[word](*arguments, **numbers)))

    def _pass(self, duration: int) -> list[str]:
        end, lines = self.now + duration, []
        while self.timers and min(self.timers)[0] <= end:
            at, timer = min(self.timers)
            self.timers.remove((at, timer))
            self.now = at
            lines += [line for line in self._handle(TimerFired(timer)) if not is_background(line)]
        self.now = end
        return lines

    def _message(self, name: str, options: dict[str, str]) -> messages.Message:
        kind = getattr(messages, name)
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        values: dict[str, Any] = {"sent_at": self.now, "why": "put"} if kind is messages.Store else {}
        for option, text in options.items():
            assert option in fields, f"{name} has no {option}"
            values[option] = self._value(option, text)
        return kind(**values)  # type: ignore[no-any-return]

    def _value(self, name: str, text: str) -> Any:
        match name:
            case "request" | "first":
                return self.base + int(text[1:])
            case "key":
                return text.encode()
            case "nonce" | "sent_at":
                return START + int(text) * MS
            case "state":
                return None if text == "nothing" else state_of(text)
            case "clock":
                return clock_of(text)
            case "clean":
                return text == "yes"
            case _:
                return text

    def _handle(self, event: Any) -> list[str]:
        return [self._show(effect) for effect in self.node.handle(event, self.now)]

    def _show(self, effect: Effect) -> str:
        match effect:
            case Persist(token, records):
                return f"persist {token}: " + "; ".join(self._struct(record) for record in records)
            case Send(target, message):
                return f"send {target}: {self._struct(message)}"
            case SetTimer(timer, at):
                self.timers.append((at, timer))
                return f"timer at {(at - START) // MS} ms"
            case Reply(ticket, reply):
                self.contexts[str(ticket)] = getattr(reply, "context", b"")
                return f"reply {ticket}: {self._struct(reply)}"
        raise AssertionError(effect)

    def _struct(self, value: Any) -> str:
        pairs = [(name, getattr(value, name)) for name in value.__struct_fields__]
        shown = (f"{name}={self._field(name, field)}" for name, field in pairs if shown_at_all(name, field))
        return " ".join((type(value).__name__, *shown))

    def _field(self, name: str, value: Any) -> str:
        match value:
            case Versions():
                return "|".join(
                    f"{show(s.value, s.deleted)}@{s.dot[0]}/{s.dot[1]}" for s in value.siblings
                ) + ("{" + " ".join(f"{actor}:{count}" for actor, count in sorted(value.clock.items())) + "}")
            case bytes() if name == "context":
                seen = versions.decode_context(value)
                return "{" + " ".join(f"{actor}:{count}" for actor, count in sorted(seen.items())) + "}"
            case bytes():
                return value.decode()
            case tuple():
                return "[" + " ".join(self._field(name, part) for part in value) + "]"
            case int() if name in ("request", "first") and value > self.base:
                return f"r{value - self.base}"
            case int() if name in ("sent_at", "nonce"):
                return str((value - START) // MS)
            case msgspec.Struct():
                return f"({self._struct(value)})"
            case _:
                return str(value)


def show(value: bytes, deleted: bool) -> str:
    return "deleted" if deleted else value.decode()


def shown_at_all(name: str, value: Any) -> bool:
    return value is not None and name not in ("message", "counters", "healthy")


def is_background(line: str) -> bool:
    return line.startswith("timer") or any(f": {kind}" in line for kind in BACKGROUND)


def clock_of(text: str) -> dict[str, int]:
    pairs = (part.rsplit("/", 1) for part in text.split(","))
    return {actor: int(count) for actor, count in pairs}


def state_of(text: str) -> Versions:
    """`v@n2:1/1` or `deleted@n2:1/1`; siblings are joined with a bar."""
    state: Versions | None = None
    for part in text.split("|"):
        value, dot = part.split("@")
        actor, count = dot.rsplit("/", 1)
        deleted = value == "deleted"
        sibling = versions.Sibling((actor, int(count)), b"" if deleted else value.encode(), deleted, START)
        one = Versions({actor: int(count)}, (sibling,))
        state = one if state is None else versions.merge(state, one)
    assert state is not None
    return state


def played(text: str) -> str:
    """The transcript with the effects that its commands have now."""
    conversation = Conversation()
    blocks = []
    for block in re.split(r"\n\n+", text.strip()):
        head = block.split("\n----")[0]
        commands = [line for line in head.split("\n") if line and not line.startswith("#")]
        lines = [line for command in commands for line in conversation.run(command)]
        blocks.append("\n".join([head, "----", *(lines or ["(nothing)"])]) if commands else head)
    return "\n\n".join(blocks) + "\n"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_transcript(path: Path, request: pytest.FixtureRequest) -> None:
    text = path.read_text(encoding="utf-8")
    now = played(text)
    if request.config.getoption("--rewrite"):
        path.write_text(now, encoding="utf-8")
    assert now == path.read_text(encoding="utf-8"), (
        "if this is meant, run pytest tests/test_transcripts.py --rewrite"
    )


def test_there_are_transcripts() -> None:
    assert len(list(FOLDER.glob("*.txt"))) >= 4
