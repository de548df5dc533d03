"""Which writes must come before which in every order, for serializability and snapshot isolation.

The order of the writes of a key is not recorded; but often there is no choice.  A write is known to come
before another of its key if its beginning comes before the other's end (the other way round would close a
circle). Then, in the graph of `precedence.py`:

  - who read the first did not see the second, so it began before that ended (rw)
  - two that write one key do not overlap, so the first ended before the second began (snapshot isolation)
  - t3 read x from t1, and t2 writes x and ended before t3 began: t2 comes before t1

Rounds are run until nothing new follows.  A circle by then proves that there is no order.  No circle proves
nothing: what is left open is searched (`region.py`).  Where every write is preceded by a read of its key,
nothing is left open, for then the reads give the order (the mini-transactions of MTC).

Only what comes last among earlier writers gets an edge, so that their number stays linear in practice.
Cost of a round: the clocks, and reads and writes times concurrent writers of the key (`latest.py`).
"""

from checker.isolation.clocks import clear
from checker.isolation.columns import Ints
from checker.isolation.forced_rules import NEAR, Round, settle
from checker.isolation.latest import nobody_yet
from checker.isolation.precedence import Precedence
from checker.isolation.region import Known
from checker.isolation.versions import Versions


class ForcedOrder:
    """Grows a graph, one round at a time. `circle` says whether it had no order when it was sorted last."""

    def __init__(self, graph: Precedence, versions: Versions) -> None:
        self.graph, self._versions = graph, versions
        self.circle = False
        self._rows: Ints | None = None
        self._order: Ints = ()
        # How many edges had been sorted, how many the clocks know, and how many nodes have a place.
        self._sorted, self._spread, self._placed = -1, -1, 0
        self._changed = graph.engine.words(graph.nodes)
        self._everything = True

    def lend(self, rows: Ints, used: int) -> None:
        """Memory for the clocks, of which so many rows have been used: large, and dear to touch first."""
        self.graph.engine.run(clear, rows, used)
        self._rows = rows

    def settle(self) -> "ForcedOrder":
        """Grow until nothing more follows."""
        while self.grow():
            pass
        return self

    def grow(self) -> int:
        """One round; how many edges it has found. What has nothing new in front of it is passed over."""
        if not self.sort():
            return 0
        graph, engine = self.graph, self.graph.engine
        work = self._round()
        out = graph.room(len(graph.facts.read_from) + len(graph.facts.write_key))
        size = int(engine.run(settle, graph.facts, self._versions, work, out, graph.size))
        # What found no room is found in the next round, if everything is looked at again.
        self._everything = size > len(out.source)
        self._spread, size = graph.size, min(size, len(out.source))
        found = size - graph.size
        if found:
            graph.add(size)
        return found

    def sort(self) -> bool:
        """Find an order that respects all edges. False if there is none."""
        if self._sorted < self.graph.size:
            self._order, self._placed, wanted = self.graph.sorted()
            self._sorted, self.circle = self.graph.size, self._placed < wanted
        return not self.circle

    def known(self) -> Known:
        """What is known by now of any nodes."""
        _, index = self.graph.neighbours()
        return Known(self._clocks(), index, self._spread)

    def _clocks(self) -> Ints:
        if self._rows is None:
            self._rows = self.graph.no_clocks()
        return self._rows

    def _round(self) -> Round:
        facts, engine = self.graph.facts, self.graph.engine
        _, index = self.graph.neighbours()
        return Round(
            order=self._order,
            placed=self._placed,
            neighbours=index,
            since=self._spread,
            clocks=self._clocks(),
            changed=self._changed,
            bit=self.graph.bit,
            everything=self._everything,
            passed=engine.flags(self.graph.nodes),
            latest=nobody_yet(facts, engine),
            nearest=engine.vector(NEAR * facts.sessions),
            width=self.graph.width,
        )
