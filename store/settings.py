"""What `splitbrain node` must be told: the node's configuration and where it lives.

The same value whether it comes from a JSON file or from flags.  Every mistake is a SettingsError with one
sentence that names the fix.
"""

import msgspec

from store.config import NodeConfig
from store.messages import NodeId

ENGINES = ("log", "memory")


class SettingsError(ValueError):
    """The settings cannot be used; the text says why and what to change."""


class NodeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about one node process. Addresses are `host:port`; names are resolved when connecting."""

    config: NodeConfig
    listen: str
    """Where peers, clients and administrators connect. Port 0 takes a free one."""
    peers: dict[NodeId, str] = {}
    """For every other node of the cluster, where this node reaches it (a proxy, perhaps)."""
    data: str | None = None
    """The folder of the log engine; one per node."""
    engine: str = "log"
    """Where the data is kept: one of ENGINES."""
    seed: int = 0
    """Goes into the node's random choices, together with the moment of the start."""
    cluster: str = "splitbrain"
    """Nodes of another cluster are turned away."""


def decode(data: bytes) -> NodeSettings:
    """Settings from JSON."""
    try:
        return check(msgspec.json.decode(data, type=NodeSettings))
    except msgspec.DecodeError as error:
        raise SettingsError(f"{error}; correct this value") from None


def check(settings: NodeSettings) -> NodeSettings:
    """The settings, if they make sense together."""
    parse_address(settings.listen)
    others = set(settings.config.nodes) - {settings.config.node}
    for peer, address in settings.peers.items():
        if peer not in others:
            raise SettingsError(f"peer {peer!r} is not another node of the cluster; add it to the nodes")
        parse_address(address)
    if missing := sorted(others - settings.peers.keys()):
        raise SettingsError(f"no address for {', '.join(missing)}; add --peer {missing[0]}=HOST:PORT")
    if settings.engine not in ENGINES:
        raise SettingsError(f"there is no engine {settings.engine!r}; choose {' or '.join(ENGINES)}")
    if settings.engine == "log" and not settings.data:
        raise SettingsError("the log engine needs a folder; add --data DIR, or take --engine memory")
    n, size = settings.config.n, len(settings.config.nodes)
    if n > size:
        raise SettingsError(f"n={n} replicas in a cluster of {size}; add peers, or choose n={size}")
    return settings


def parse_address(text: str) -> tuple[str, int]:
    """`host:port`, where an IPv6 host is in brackets."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"{text!r} is not an address; write HOST:PORT, as in 127.0.0.1:7001")
    return host.removeprefix("[").removesuffix("]"), int(port)
