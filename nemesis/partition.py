"""Partitions: links that do not deliver.

Proof that a partition bites: probes over the cut links do not arrive, while a probe over some link that
is not cut does.  Without the second half, a probe that is broken itself would prove every partition.
"""

from nemesis.fault import Fault, Proof
from nemesis.steps import Cut, Inspect, Link, Mend, MendAll, Probe, Program, Sleep

HEAL_TRIES = 4
HEAL_PAUSE = 250_000_000
"""Nodes notice a mended link at their next attempt to connect: look again a few times, 250 ms apart."""


class Partition:
    """Cuts the fault's links in its mode (refuse, drop or stall)."""

    name = "partition"
    needs = frozenset({"links"})

    def inject(self, fault: Fault) -> Program:
        """Cut the links."""
        if fault.mode is None or not fault.links:
            raise ValueError(f"fault {fault.id}: a partition needs a mode and at least one link to cut")
        yield Cut(fault.links, fault.mode)

    def prove(self, fault: Fault) -> Program:
        """Probe all links between running nodes: none that is cut may deliver, one that is not must."""
        live: set[str] = yield from _running(_nodes(fault))
        cut = _among(fault.links, live)
        if not cut:
            return Proof(
                bit=False, how="no cut link has a running node at both ends, so nothing could be tried"
            )
        control = _among(_others(fault), live)
        delivered: frozenset[Link] = yield Probe(cut + control)
        leaks = [link for link in cut if link in delivered]
        if leaks:
            return Proof(bit=False, how=f"probes arrived over cut links: {_names(leaks)}")
        heard = sum(link in delivered for link in control)
        if control and not heard:
            how = f"no probe arrived at all, not even over the {len(control)} links that are not cut"
            return Proof(bit=False, how=how)
        passed = f"{heard} of {len(control)} over other links did" if control else "there are no other links"
        return Proof(bit=True, how=f"none of the probes over {len(cut)} cut links arrived; {passed}")

    def heal(self, fault: Fault) -> Program:
        """Mend the links."""
        yield Mend(fault.links)

    def verify(self, fault: Fault) -> Program:
        """Probe the mended links between running nodes, a few times until all deliver."""
        silent: tuple[Link, ...] = fault.links
        for attempt in range(HEAL_TRIES):
            if attempt:
                yield Sleep(HEAL_PAUSE)
            live: set[str] = yield from _running(_nodes(fault))
            silent = _among(silent, live)
            if not silent:
                break
            delivered: frozenset[Link] = yield Probe(silent)
            silent = tuple(link for link in silent if link not in delivered)
        if silent:
            return Proof(bit=True, how=f"no probe arrived over mended links: {_names(silent)}")
        return Proof(bit=False, how="every mended link between running nodes delivers")

    def recover_all(self, nodes: tuple[str, ...]) -> Program:
        """Mend every link of the cluster."""
        yield MendAll()


def _nodes(fault: Fault) -> tuple[str, ...]:
    """All nodes of the fault. A bridge has no cut link, and is a target."""
    ends = {node for link in fault.links for node in link}
    return tuple(sorted(ends | set(fault.targets)))


def _others(fault: Fault) -> tuple[Link, ...]:
    """The links between the fault's nodes that are not cut."""
    nodes, cut = _nodes(fault), set(fault.links)
    return tuple((a, b) for a in nodes for b in nodes if a != b and (a, b) not in cut)


def _running(nodes: tuple[str, ...]) -> Program:
    """Which of the nodes are running, as a set."""
    live = set()
    for node in nodes:
        state = yield Inspect(node)
        if state == "running":
            live.add(node)
    return live


def _among(links: tuple[Link, ...], live: set[str]) -> tuple[Link, ...]:
    return tuple(link for link in links if live.issuperset(link))


def _names(links: tuple[Link, ...] | list[Link]) -> str:
    return ", ".join(f"{source}->{target}" for source, target in links)
