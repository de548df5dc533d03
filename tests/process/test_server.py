"""A real node process: served, killed, restarted, paused, insulted, run out of disk."""

import asyncio
import json
import signal
import socket
import struct
import subprocess
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import pytest

from store import wire
from store.client import Connection, ConnectionLost, NotConnected
from store.messages import (
    Found,
    Get,
    HeardProbes,
    Ping,
    Probe,
    ProbesReply,
    Put,
    Refused,
    Status,
    StatusReply,
    Stored,
    TreeRoots,
)
from tests.process.node_process import PATIENCE_S, NodeProcess, run_command

pytestmark = pytest.mark.process


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return await work

    return asyncio.run(bounded())


def flags(data: Path, *more: str) -> list[str]:
    return ["--listen", "127.0.0.1:0", "--data", str(data), *more]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    with NodeProcess(flags(tmp_path / "n1"), tmp_path / "log") as process:
        yield process


async def ask(port: int, *requests: Any, role: Any = "client") -> list[Any]:
    connection = await Connection.open("127.0.0.1", port, role, PATIENCE_S)
    try:
        return [await connection.ask(request, PATIENCE_S) for request in requests]
    finally:
        connection.close()


# --- serving --------------------------------------------------------------------------------------------


def test_put_and_get(node: NodeProcess) -> None:
    stored, found = run(ask(node.port, Put(b"k", b"v"), Get(b"k")))
    assert stored == Stored()
    assert found.values == (b"v",)


def test_many_requests_under_way_on_one_connection(node: NodeProcess) -> None:
    async def pipelined() -> list[Any]:
        connection = await Connection.open("127.0.0.1", node.port, "client", PATIENCE_S)
        asks = (connection.ask(Put(b"k%d" % i, b"v%d" % i), PATIENCE_S) for i in range(300))
        assert set(await asyncio.gather(*asks)) == {Stored()}
        found = await asyncio.gather(*(connection.ask(Get(b"k%d" % i), PATIENCE_S) for i in range(300)))
        connection.close()
        return found

    assert [reply.values for reply in run(pipelined())] == [(b"v%d" % i,) for i in range(300)]


def test_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    epochs = []
    for life in range(3):
        with NodeProcess(flags(tmp_path / "n1"), tmp_path / "log") as node:
            epochs.append(node.epoch)
            for earlier in range(life):
                (found,) = run(ask(node.port, Get(b"k%d" % earlier)))
                assert found.values == (b"v%d" % earlier,)
            assert run(ask(node.port, Put(b"k%d" % life, b"v%d" % life))) == [Stored()]
            node.signal(signal.SIGKILL)
            assert node.wait() == -signal.SIGKILL
    assert epochs == [epochs[0], epochs[0] + 1, epochs[0] + 2]


def test_a_torn_tail_is_reported_and_the_node_serves(tmp_path: Path) -> None:
    with NodeProcess(flags(tmp_path / "n1"), tmp_path / "log") as node:
        run(ask(node.port, Put(b"k", b"v")))
    log = tmp_path / "n1" / "node.log"
    log.write_bytes(log.read_bytes() + b"\x00\x00\x01")
    with NodeProcess(flags(tmp_path / "n1"), tmp_path / "log") as node:
        (found,) = run(ask(node.port, Get(b"k")))
        assert found.values == (b"v",)
    assert "torn tail at byte" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_node_cleanly(tmp_path: Path, number: int) -> None:
    with NodeProcess(flags(tmp_path / "n1"), tmp_path / "log") as node:
        node.signal(number)
        assert node.wait() == 0
    assert (tmp_path / "log").read_text().endswith("n1 stopped\n")


def test_the_memory_engine_forgets_and_never_repeats_an_epoch(tmp_path: Path) -> None:
    epochs = set()
    for _ in range(2):
        command = ["--listen", "127.0.0.1:0", "--engine", "memory", "--seed", "7"]
        with NodeProcess(command, tmp_path / "log") as node:
            epochs.add(node.epoch)
            (found, stored) = run(ask(node.port, Get(b"k"), Put(b"k", b"v")))
            assert found.values == ()
            assert stored == Stored()
    assert len(epochs) == 2


def test_settings_from_a_file(tmp_path: Path) -> None:
    settings = {
        "config": {"node": "n1", "nodes": ["n1"], "n": 1, "r": 1, "w": 1},
        "listen": "127.0.0.1:0",
        "data": str(tmp_path / "n1"),
    }
    (tmp_path / "n1.json").write_text(json.dumps(settings))
    with NodeProcess(["--config", str(tmp_path / "n1.json")], tmp_path / "log") as node:
        assert run(ask(node.port, Put(b"k", b"v"))) == [Stored()]


def test_admin_prints_json(node: NodeProcess) -> None:
    run(ask(node.port, Put(b"k\xff", b"v")))
    address = f"127.0.0.1:{node.port}"
    answers = {
        what: json.loads(run_command("admin", address, what).stdout)
        for what in ("status", "ring", "hints", "roots", "dump")
    }
    assert answers["status"]["epoch"] == node.epoch
    assert set(answers["ring"]["owners"]) == {"n1"}
    assert answers["hints"] == {"hints": {}}
    assert len(answers["roots"]["roots"]) == 64
    assert list(answers["dump"]["primaries"]) == ["base64:a/8="]
    assert json.loads(run_command("admin", address, "ring", "k").stdout)["preference"] == ["n1"]


# --- definite or not ----------------------------------------------------------------------------------


def test_nobody_there_is_definite() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NotConnected, match="connection refused"):
        run(ask(port, Get(b"k")))


def test_a_paused_node_is_definite_for_new_connections_and_unknown_for_old_ones(node: NodeProcess) -> None:
    async def story() -> None:
        old = await Connection.open("127.0.0.1", node.port, "client", PATIENCE_S)
        node.signal(signal.SIGSTOP)
        with pytest.raises(NotConnected, match="did not answer within"):
            await Connection.open("127.0.0.1", node.port, "client", 0.2)
        with pytest.raises(TimeoutError):
            await old.ask(Put(b"k", b"v"), 0.2)
        assert old.is_open
        node.signal(signal.SIGCONT)
        reply = await old.ask(Get(b"k"), PATIENCE_S)
        assert isinstance(reply, Found)
        old.close()
        with pytest.raises(NotConnected):
            await old.ask(Get(b"k"), PATIENCE_S)

    run(story())


def test_a_killed_node_is_unknown_for_what_was_sent(node: NodeProcess) -> None:
    async def story() -> None:
        connection = await Connection.open("127.0.0.1", node.port, "client", PATIENCE_S)
        node.signal(signal.SIGSTOP)
        under_way = asyncio.create_task(connection.ask(Put(b"k", b"v"), PATIENCE_S))
        await asyncio.sleep(0)
        node.signal(signal.SIGKILL)
        with pytest.raises(ConnectionLost):
            await under_way
        with pytest.raises(NotConnected):
            await connection.ask(Get(b"k"), PATIENCE_S)

    run(story())


# --- insults ---------------------------------------------------------------------------------------------


def frame(body: bytes) -> bytes:
    return struct.pack(">II", len(body), crc32(body)) + body


HELLO = wire.encode(wire.Hello(version=wire.VERSION, role="client"))
PEER = wire.Hello(version=wire.VERSION, role="peer", node="n2", epoch=1, connection=1, cluster="splitbrain")
INSULTS = {
    "http": (b"GET /status HTTP/1.1\r\nHost: n1\r\n\r\n", "this is Splitbrain's binary protocol"),
    "no hello": (wire.encode(wire.Ask(1, Put(b"k", b"evil"))), "expected a Hello"),
    "version": (wire.encode(wire.Hello(version=99, role="client")), "version 99 meets version 1"),
    "role": (wire.encode(wire.Hello(version=wire.VERSION, role="node")), "expected the role peer, client"),
    "cluster": (
        wire.encode(msgspec.structs.replace(PEER, cluster="x")),
        "this is cluster 'splitbrain', not 'x'",
    ),
    "stranger": (wire.encode(PEER), "n1 has no peer 'n2'"),
    "wrong address": (wire.encode(msgspec.structs.replace(PEER, to="n3")), "this is n1, not n3"),
    "checksum": (HELLO + wire.encode(wire.Ask(1, Put(b"k", b"evil")))[:-1] + b"\x00", "checksum"),
    "tag": (HELLO + frame(msgspec.msgpack.encode(["nonsense", 1])), "expected a request"),
    "peer message": (HELLO + wire.encode(Ping(1)), "expected a request"),
    "admin": (HELLO + wire.encode(wire.Ask(1, Status())), "role 'client' may not ask Status"),
    "too long": (HELLO + struct.pack(">II", 1 << 30, 0), "more than the"),
}


@pytest.mark.parametrize("insult", INSULTS)
def test_an_insult_gets_an_error_and_changes_nothing(node: NodeProcess, insult: str) -> None:
    data, expected = INSULTS[insult]

    async def story() -> tuple[list[bytes], StatusReply, Found]:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        writer.write(data)
        said = await reader.read()  # To the end: the node hangs up.
        writer.close()
        (found,) = await ask(node.port, Get(b"k"))
        (status,) = await ask(node.port, Status(), role="admin")
        return wire.FrameDecoder().feed(said), status, found

    bodies, status, found = run(story())
    with pytest.raises(wire.FrameError, match=expected):
        wire.decode_hello(bodies[-1])
    assert found.values == ()
    assert status.keys == 0


def test_a_value_over_the_limit_is_refused_politely(node: NodeProcess) -> None:
    refused, found = run(ask(node.port, Put(b"k", bytes((1 << 20) + 1)), Get(b"k")))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.definite) == ("too-large", True)
    assert found.values == ()


# --- peers --------------------------------------------------------------------------------------------


async def heard(port: int) -> tuple[int, ...]:
    (reply,) = await ask(port, HeardProbes(), role="admin")
    assert isinstance(reply, ProbesReply)
    return reply.nonces


async def speak(port: int, connection: int, *nonces: int, epoch: int = 5) -> tuple[Any, Any]:
    """Connect as n2, and send probes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    hello = msgspec.structs.replace(PEER, connection=connection, epoch=epoch)
    writer.write(b"".join(wire.encode(message) for message in (hello, *map(Probe, nonces))))
    return reader, writer


async def until_heard(port: int, expected: tuple[int, ...]) -> None:
    while await heard(port) != expected:
        await asyncio.sleep(0.01)


def test_a_superseded_connection_is_ignored(tmp_path: Path) -> None:
    with NodeProcess(flags(tmp_path / "n1", "--peer", "n2=127.0.0.1:9"), tmp_path / "log") as node:

        async def story() -> None:
            _, old = await speak(node.port, 10, 1)
            await until_heard(node.port, (1,))
            _, new = await speak(node.port, 11, 2)
            await until_heard(node.port, (1, 2))
            old.write(wire.encode(Probe(3)))  # Bytes that a stalled proxy lets go of only now.
            reader, late = await speak(node.port, 9, 4)  # A connection of before that arrives late.
            assert b"newer connection" in await reader.read()
            new.write(wire.encode(Probe(5)))
            await until_heard(node.port, (1, 2, 5))
            for writer in (old, new, late):
                writer.close()

        run(story())


def test_another_life_with_an_earlier_clock_takes_over_once_the_old_connection_is_gone(
    tmp_path: Path,
) -> None:
    with NodeProcess(flags(tmp_path / "n1", "--peer", "n2=127.0.0.1:9"), tmp_path / "log") as node:

        async def story() -> None:
            _, old = await speak(node.port, 10, 1, epoch=5)
            await until_heard(node.port, (1,))
            reader, _ = await speak(node.port, 9, 2, epoch=4)
            assert b"newer connection" in await reader.read()
            old.close()
            await old.wait_closed()
            while await heard(node.port) != (1, 3):
                _, writer = await speak(node.port, 9, 3, epoch=4)
                await asyncio.sleep(0.05)
                if await heard(node.port) != (1, 3):
                    writer.close()
            writer.close()

        run(story())


def test_links_are_one_way_and_made_again(tmp_path: Path) -> None:
    """The test is n2. n1 pings it over n1's own connection, and the pong goes over n2's."""

    async def story() -> None:
        calls: asyncio.Queue[Any] = asyncio.Queue()
        listener = await asyncio.start_server(lambda *streams: calls.put_nowait(streams), "127.0.0.1", 0)
        peer = f"n2=127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        errors = tmp_path / "log"
        node = NodeProcess(flags(tmp_path / "n1", "--peer", peer), errors)
        with node:
            reader, writer = await calls.get()
            decoder = wire.FrameDecoder()
            bodies: list[bytes] = []
            while len(bodies) < 2:
                bodies += decoder.feed(await reader.read(4096))
            first = wire.decode_hello(bodies[0])
            assert (first.role, first.node, first.to, first.epoch) == ("peer", "n1", "n2", node.epoch)
            assert isinstance(wire.decode_peer(bodies[1]), Ping | TreeRoots)  # Whichever timer is first.

            back, mine = await speak(node.port, 1)
            mine.write(wire.encode(Ping(77)))
            nonces: list[Any] = []
            while not any(getattr(message, "nonce", 0) == 77 for message in nonces):
                nonces += map(wire.decode_peer, decoder.feed(await reader.read(4096)))
            with pytest.raises(TimeoutError):  # Nothing flows back on the connection of the peer.
                await asyncio.wait_for(back.read(1), 0.1)

            writer.transport.abort()
            reader, writer = await calls.get()
            (body, *_) = wire.FrameDecoder().feed(await reader.read(4096))
            assert wire.decode_hello(body).connection > first.connection
            mine.close()
            writer.close()
        listener.close()

    run(story())


# --- what stops a node --------------------------------------------------------------------------------


def assert_one_sentence(result: "subprocess.CompletedProcess[str]", code: int, *parts: str) -> None:
    assert (result.returncode, result.stdout) == (code, "")
    lines = [line for line in result.stderr.splitlines() if line.startswith("splitbrain ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for part in parts:
        assert part in lines[0]


def test_a_busy_port(node: NodeProcess, tmp_path: Path) -> None:
    busy = f"127.0.0.1:{node.port}"
    result = run_command("node", "--listen", busy, "--data", str(tmp_path / "other"))
    assert_one_sentence(result, 3, busy, "in use", "choose another --listen")
    assert not (tmp_path / "other").exists()


def test_a_folder_in_use(node: NodeProcess, tmp_path: Path) -> None:
    assert_one_sentence(run_command("node", *flags(tmp_path / "n1")), 3, "in use by another node")


def test_a_damaged_log(tmp_path: Path) -> None:
    with NodeProcess(flags(tmp_path / "n1"), tmp_path / "log") as node:
        run(ask(node.port, Put(b"k", b"v"), Put(b"k", b"w")))
    log = tmp_path / "n1" / "node.log"
    damaged = bytearray(log.read_bytes())
    damaged[40] ^= 1
    log.write_bytes(damaged)
    assert_one_sentence(run_command("node", *flags(tmp_path / "n1")), 3, str(log), "damaged at byte 17")


def test_a_full_disk_acknowledges_nothing_and_stops_the_node(tmp_path: Path) -> None:
    value = bytes(600)
    with NodeProcess(flags(tmp_path / "n1"), tmp_path / "log", file_bytes_max=4096) as node:

        async def fill() -> int:
            connection = await Connection.open("127.0.0.1", node.port, "client", PATIENCE_S)
            for count in range(100):
                try:
                    assert await connection.ask(Put(b"k%d" % count, value), PATIENCE_S) == Stored()
                except ConnectionLost:
                    return count
            raise AssertionError("the disk was never full")

        kept = run(fill())
        assert node.wait() == 3
    assert "writing the log failed: File too large" in (tmp_path / "log").read_text()
    with NodeProcess(flags(tmp_path / "n1"), tmp_path / "log") as node:
        found = run(ask(node.port, *(Get(b"k%d" % i) for i in range(kept + 1))))
    assert [len(reply.values) for reply in found] == [1] * kept + [0]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--listen", "nonsense"], ["'nonsense' is not an address", "HOST:PORT"]),
        (["--engine", "paper"], ["--engine", "log"]),
        (["--frobnicate"], ["--frobnicate", "--help"]),
        (["--engine", "memory", "--bug", "Z99"], ["--bug Z99", "choose"]),
        (["--engine", "memory", "--r", "3"], ["r=3 cannot be satisfied"]),
        (["--engine", "memory", "--n", "3"], ["n=3 replicas in a cluster of 1"]),
        (["--engine", "memory", "--peer", "n2"], ["--peer 'n2' is not ID=HOST:PORT"]),
        ([], ["--data DIR"]),
        (["--config", "/does/not/exist"], ["/does/not/exist", "No such file"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_usage(arguments: list[str], parts: list[str]) -> None:
    assert_one_sentence(run_command("node", *arguments), 4, *parts)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "truncated"),
        ('{"listen": "127.0.0.1:0"}', "missing required field `config`"),
        ('{"config": {"node": "n1", "nodes": ["n1"]}, "listen": "x:1", "extra": 1}', "unknown field `extra`"),
        ('{"config": {"node": "n1", "nodes": ["n1", "n2"], "n": 2}, "listen": "x:1"}', "no address for n2"),
    ],
)
def test_a_wrong_settings_file(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "n1.json").write_text(text)
    result = run_command("node", "--config", str(tmp_path / "n1.json"))
    assert_one_sentence(result, 4, "n1.json", part)


def test_admin_mistakes() -> None:
    assert_one_sentence(run_command("admin", "127.0.0.1:9", "status"), 3, "no connection to 127.0.0.1:9")
    assert_one_sentence(run_command("admin", "127.0.0.1:9", "everything"), 4, "everything", "status")
    assert_one_sentence(run_command("admin", "127.0.0.1:9", "status", "k"), 4, "only ring does")
