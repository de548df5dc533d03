"""A simulated cluster whose nodes only remember what they are told, to test the simulator itself."""

from collections.abc import Callable, Sequence

from splitbrain.sim.chooser import Chooser
from splitbrain.sim.cluster import Cluster
from splitbrain.sim.disk import LogDisk
from splitbrain.sim.world import MS, World
from store.effects import Effect, Event, PeerLost, Received
from store.messages import Message, Probe

Answer = Callable[[Event, int], Sequence[Effect]]


class Recorder:
    """A core that keeps (time, event) and wants done what `answer` says."""

    def __init__(self, answer: Answer) -> None:
        self.told: list[tuple[int, Event]] = []
        self.answer = answer

    def handle(self, event: Event, now: int) -> list[Effect]:
        self.told.append((now, event))
        return list(self.answer(event, now))


class RecordingCluster:
    """Nodes a, b, ... on a seeded world. `lives[name]` are the recorders of all its processes, in order."""

    def __init__(self, seed: int = 1, names: str = "ab", answer: Answer = lambda event, now: ()) -> None:
        self.world = World()
        self.chooser = Chooser(seed)
        self.answer = answer
        self.lives: dict[str, list[Recorder]] = {name: [] for name in names}
        self.disks = {name: LogDisk(name, self.world, self.chooser) for name in names}
        self.cluster = Cluster(self.world, self.chooser, self.disks, self._make_core)
        self.network = self.cluster.network
        for name in names:
            self.start(name)
        self.run(500)
        for (life,) in self.lives.values():
            life.told.clear()  # The first to start found nobody there.

    def _make_core(self, name: str, start: int) -> Recorder:
        recorder = Recorder(self.answer)
        self.lives[name].append(recorder)
        assert len(self.lives[name]) == start
        return recorder

    def start(self, name: str) -> None:
        machine = self.cluster.machines[name]
        self.network.connect(machine.start(self.network.outgoing(name)))

    def run(self, duration_ms: int) -> None:
        self.world.run_until(self.world.now + duration_ms * MS)

    def send(self, *nonces: int, source: str = "a", target: str = "b") -> None:
        """Send probes with these nonces, as a node would."""
        for nonce in nonces:
            self.network.links[source][target].send(Probe(nonce))

    def heard(self, name: str = "b") -> list[int]:
        """The nonces that the current (or last) process of the node has received, in order."""
        messages: list[Message] = [e.message for _, e in self.lives[name][-1].told if isinstance(e, Received)]
        return [message.nonce for message in messages if isinstance(message, Probe)]

    def losses(self, name: str = "a") -> int:
        """How often the current process of the node was told that a peer is lost."""
        return sum(isinstance(event, PeerLost) for _, event in self.lives[name][-1].told)
