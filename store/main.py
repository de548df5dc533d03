"""`splitbrain node` and `splitbrain admin`.

Starts fast, because a harness starts many of it: nothing but the standard library, msgspec and, where it
is installed, uvloop is imported.

Exit codes: 0 stopped by a signal, 3 the environment failed (port in use, damaged or full disk), 4 wrong
usage.  A node prints one line on standard output, when it serves; everything else goes to standard error.
"""

import argparse
import asyncio
import base64
import random
import signal
import socket
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from store.client import Connection, ConnectionLost, NotConnected
from store.config import NodeConfig
from store.engine.engine import Engine, EngineError
from store.messages import AdminRequest, Dump, Hints, RingView, Roots, Status
from store.node import Node
from store.policies import DEFAULT, Policies
from store.server import Server
from store.settings import ENGINES, NodeSettings, SettingsError, check, decode, parse_address

__all__ = ["NodeSettings", "main"]

FAILED, USAGE = 3, 4
ADMIN_TIMEOUT_S = 5.0


class Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that there is one place that prints."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message}; see {self.prog} --help")


def main(argv: list[str]) -> int:
    """Run `node …` or `admin …`; every failure is one sentence and an exit code."""
    command, *arguments = argv
    try:
        return run_node(arguments) if command == "node" else run_admin(arguments)
    except SettingsError as error:
        return _fail(command, str(error), USAGE)
    except (EngineError, OSError) as error:
        return _fail(command, str(error), FAILED)


def _fail(command: str, sentence: str, code: int) -> int:
    sys.stderr.write(f"splitbrain {command}: {sentence}\n")
    return code


# --- node ----------------------------------------------------------------------------------------------


def run_node(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = _node_settings(arguments)
    config = settings.config
    log = _logger(config.node)
    # A node whose disk is gone draws its epoch at random: never from the seed alone, or it would draw the
    # same one again and give out the same version twice.
    rng = random.Random(f"{settings.seed}/{config.node}/{time.time_ns()}")
    try:
        core = Node(config, rng, _policies(config.bug))
    except ValueError as error:
        raise SettingsError(str(error)) from None
    with _bind(settings.listen) as listener:
        server = Server(core, _engine(settings, log), config, settings.cluster, log)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(server, listener, settings))
    log("stopped")
    return 0


async def _serve(server: Server, listener: socket.socket, settings: NodeSettings) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: server.log(f"defect: {context}"))
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, server.stop)
    host, port = listener.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def ready(epoch: int) -> None:
        sys.stdout.write(f"ready {settings.config.node} {address} epoch={epoch}\n")
        sys.stdout.flush()

    peers = {peer: parse_address(at) for peer, at in settings.peers.items()}
    await server.run(listener, peers, ready)


def _node_settings(arguments: list[str]) -> NodeSettings:
    flags = _node_parser().parse_args(arguments)
    if flags.config is None:
        return check(_from_flags(flags))
    try:
        return decode(Path(flags.config).read_bytes())
    except OSError as error:
        raise SettingsError(f"--config {flags.config}: {error.strerror}; name a readable file") from None
    except SettingsError as error:
        raise SettingsError(f"--config {flags.config}: {error}") from None


def _node_parser() -> Parser:
    defaults = {field.name: field.default for field in msgspec.structs.fields(NodeConfig)}
    parser = Parser(prog="splitbrain node", description="Run one node of the store.", allow_abbrev=False)
    add = parser.add_argument
    add("--config", metavar="FILE", help="all settings as JSON, instead of the flags below")
    add("--id", default="n1", help="name of this node (n1)")
    add("--listen", default="127.0.0.1:7001", metavar="HOST:PORT", help="where to serve (127.0.0.1:7001)")
    add("--peer", action="append", default=[], metavar="ID=HOST:PORT", help="another node; once for each")
    add("--data", metavar="DIR", help="folder of the log, one per node")
    add("--engine", default="log", choices=ENGINES, help="where the data is kept (log)")
    for name, text in (("n", "replicas"), ("r", "answers a read needs"), ("w", "answers a write needs")):
        add(f"--{name}", type=int, help=f"{text} ({defaults[name]}, or less in a smaller cluster)")
    add("--partitions", type=int, default=defaults["partitions"], help="equal parts of the ring (64)")
    add("--bug", help="plant a bug: its id, or a Python file")
    add("--seed", type=int, default=0, help="goes into the node's random choices (0)")
    add("--cluster", default="splitbrain", help="name of the cluster; nodes of another are turned away")
    return parser


def _from_flags(flags: argparse.Namespace) -> NodeSettings:
    peers: dict[str, str] = {}
    for text in flags.peer:
        peer, equals, address = text.partition("=")
        if not equals or not peer:
            raise SettingsError(f"--peer {text!r} is not ID=HOST:PORT, as in n2=127.0.0.1:7002")
        peers[peer] = address
    nodes = tuple(sorted({flags.id, *peers}, key=_natural))
    n = flags.n if flags.n is not None else min(3, len(nodes))
    config = NodeConfig(
        node=flags.id,
        nodes=nodes,
        partitions=flags.partitions,
        n=n,
        r=flags.r if flags.r is not None else min(2, n),
        w=flags.w if flags.w is not None else min(2, n),
        bug=flags.bug,
    )
    return NodeSettings(
        config=config,
        listen=flags.listen,
        peers=peers,
        data=flags.data,
        engine=flags.engine,
        seed=flags.seed,
        cluster=flags.cluster,
    )


def _natural(node: str) -> tuple[str, int, str]:
    """n2 before n10: all nodes must list the cluster in one order, and people expect this one."""
    name = node.rstrip("0123456789")
    return name, int(node[len(name) :] or 0), node


def _policies(bug: str | None) -> Policies:
    if bug is None:
        return DEFAULT
    from store.bugs import catalogue

    try:
        return catalogue.load(bug).apply(DEFAULT)
    except (ValueError, LookupError, OSError, ImportError) as error:
        raise SettingsError(f"--bug {bug}: {error}") from None


def _engine(settings: NodeSettings, log: Callable[[str], None]) -> Engine:
    if settings.engine == "memory":
        from store.engine.memory import MemoryEngine

        return MemoryEngine()
    from store.engine.log import LogEngine

    assert settings.data is not None, "checked with the settings"
    return LogEngine(Path(settings.data), log)


def _bind(listen: str) -> socket.socket:
    """A bound socket that does not listen yet: until the node is ready, connections are refused."""
    host, port = parse_address(listen)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            f"cannot listen on {listen}: {reason}; choose another --listen, or stop what is there"
        ) from None
    return listener


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


def _logger(node: str) -> Callable[[str], None]:
    def log(text: str) -> None:
        now = time.time()
        stamp = time.strftime("%H:%M:%S", time.gmtime(now))
        sys.stderr.write(f"{stamp}.{int(now * 1000) % 1000:03d} {node} {text}\n")
        sys.stderr.flush()

    return log


# --- admin ---------------------------------------------------------------------------------------------


def run_admin(arguments: list[str]) -> int:
    """Ask a node and print its answer as JSON."""
    parser = Parser(prog="splitbrain admin", description="Ask a node's admin interface; prints JSON.")
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("what", choices=("status", "ring", "hints", "roots", "dump"))
    parser.add_argument("key", nargs="?", help="with ring: whose preference list")
    flags = parser.parse_args(arguments)
    if flags.key is not None and flags.what != "ring":
        raise SettingsError(f"{flags.what} takes no key; only ring does")
    key = None if flags.key is None else flags.key.encode()
    requests: dict[str, AdminRequest] = {
        "status": Status(), "ring": RingView(key), "hints": Hints(), "roots": Roots(), "dump": Dump(),
    }  # fmt: skip
    reply = asyncio.run(_ask(parse_address(flags.address), requests[flags.what]))
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(_plain(reply)), indent=2) + b"\n")
    return 0


async def _ask(address: tuple[str, int], request: AdminRequest) -> Any:
    try:
        connection = await Connection.open(*address, role="admin", timeout_s=ADMIN_TIMEOUT_S)
    except NotConnected as error:
        raise OSError(f"{error}; is this the address of a running node?") from None
    try:
        return await connection.ask(request, ADMIN_TIMEOUT_S)
    except (ConnectionLost, TimeoutError) as error:
        raise OSError(f"{error}; the node's log says more") from None
    finally:
        connection.close()


def _plain(value: Any) -> Any:
    """JSON by names. Bytes become text where they are UTF-8, and otherwise `base64:…`."""
    match value:
        case bytes():
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                return "base64:" + base64.b64encode(value).decode()
        case msgspec.Struct():
            return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
        case dict():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
