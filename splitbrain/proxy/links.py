"""The directed links of a cluster, each one proxy: cut in three modes, and mended.

Node a sends all it has for b on its own connection to the proxy `a->b`, and nothing comes back on that
connection.  Cutting a link is therefore a matter of one proxy and of its stream towards b:

  refuse  the proxy is disabled: connections break, new ones are refused
  drop    a timeout toxic of 0 ms: connections open and stay open, bytes vanish; they break when mended
  stall   a bandwidth toxic of 0 KB/s: bytes are held, and delivered when mended

Rules of this file
  1. Everything is safe to repeat: what is there already, or gone already, is as wanted.
  2. A cut in another mode replaces the cut that is there.
  3. After `mend_all` the server is asked whether it really has nothing left.
  4. A stalled link is mended by replacing its proxy when its target or its source was killed meanwhile.
     Toxiproxy would try to flush what it holds into the dead connection, for 5 s per chunk, and answer
     nothing until then.  What a dead source had sent goes with it, as what was still in its own buffers did.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from nemesis.steps import Link, Mode
from splitbrain.program import PlaceError
from splitbrain.proxy.client import ExistsError, MissingError, ServerProxy, ToxiproxyServer

TOXICS: dict[Mode, dict[str, Any]] = {
    "drop": {"name": "drop", "type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}},
    "stall": {"name": "stall", "type": "bandwidth", "stream": "upstream", "attributes": {"rate": 0}},
}
"""The toxic behind each mode that is one."""


def proxy_name(link: Link) -> str:
    """The proxy that is this link."""
    return f"{link[0]}->{link[1]}"


def links_of(nodes: Iterable[str]) -> tuple[Link, ...]:
    """Every directed link between these nodes."""
    names = tuple(nodes)
    return tuple((a, b) for a in names for b in names if a != b)


class ProxiedLinks:
    """The links behind one server. Methods block; they belong into a thread."""

    def __init__(self, server: ToxiproxyServer) -> None:
        self.server = server
        self._proxies: dict[Link, ServerProxy] = {}
        self._cuts: dict[Link, Mode] = {}
        self._orphaned: set[Link] = set()

    def open(self, addresses: dict[Link, tuple[str, str]]) -> dict[Link, str]:
        """Make one proxy per link, from its (listen, upstream). Returns where each listens now."""
        names = {proxy_name(link): link for link in addresses}
        bodies = [
            {"name": name, "listen": addresses[link][0], "upstream": addresses[link][1], "enabled": True}
            for name, link in names.items()
        ]
        made = self.server.populate(bodies)
        self._proxies = {names[proxy.name]: proxy for proxy in made}
        return {link: proxy.listen for link, proxy in self._proxies.items()}

    def cut(self, links: Iterable[Link], mode: Mode) -> None:
        """Stop these links. Raises PlaceError when the server does not do it."""
        for link in links:
            if self._cuts.get(link, mode) != mode:
                self._mend(link)
            # Noted before it is tried: a cut that failed half way is mended like any other.
            self._cuts[link] = mode
            proxy = self._proxy(link)
            if mode == "refuse":
                proxy.disable()
                continue
            with suppress(ExistsError):
                proxy.add_toxic(**TOXICS[mode])

    def node_died(self, node: str) -> None:
        """The node was killed, and with it its ends of all connections. Tell this before it starts again."""
        self._orphaned |= {link for link, mode in self._cuts.items() if node in link and mode == "stall"}

    def mend(self, links: Iterable[Link]) -> None:
        """Restore these links."""
        for link in links:
            self._mend(link)

    def mend_all(self) -> None:
        """Restore every link, whatever was done to it by whomever, and verify it."""
        for link in tuple(self._orphaned):
            self._mend(link)
        self.server.reset()
        left = self.server.disturbed()
        if left:
            raise PlaceError(
                f"the proxy server was reset, but {', '.join(left)} is still disturbed; start it anew"
            )
        self._cuts.clear()

    def _mend(self, link: Link) -> None:
        mode = self._cuts.get(link)
        proxy = self._proxy(link)
        if link in self._orphaned:
            self._replace(link)
        elif mode == "refuse":
            proxy.enable()
        elif mode is not None:
            with suppress(MissingError):
                proxy.destroy_toxic(TOXICS[mode]["name"])
        self._cuts.pop(link, None)

    def _replace(self, link: Link) -> None:
        old = self._proxy(link)
        with suppress(MissingError):
            old.destroy()
        self._proxies[link] = self.server.create(old.upstream, old.name, old.listen, enabled=True)
        self._orphaned.discard(link)

    def _proxy(self, link: Link) -> ServerProxy:
        if link not in self._proxies:
            known = ", ".join(map(proxy_name, self._proxies))
            raise PlaceError(f"there is no link {proxy_name(link)}; the links are {known}")
        return self._proxies[link]
