"""Bug seeds: the catalogue, what is wrong with a seed, and what each bug does to the store that has it.

Each bug is shown beside the store without it: the same steps, another outcome.
"""

import inspect
import random
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import versions
from store.bugs import catalogue
from store.bugs.catalogue import BugError
from store.config import MS, NodeConfig
from store.effects import (
    Boot,
    Durable,
    Effect,
    Event,
    Image,
    Persist,
    Received,
    Reply,
    Requested,
    Send,
    SetTimer,
    TimerFired,
)
from store.messages import Dump, DumpReply, Hints, HintsReply, Put, Store, StoreAck, Stored
from store.node import Node
from store.policies import DEFAULT, Policies
from store.ring import Ring
from store.versions import Clock, Versions

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "bug-seeds.md"
IDS = ("A01", "A11", "B01", "C06", "E02")


def with_bug(bug: str | None) -> Policies:
    return DEFAULT if bug is None else catalogue.load(bug).apply(DEFAULT)


# --- the catalogue -----------------------------------------------------------------------------------


def test_the_catalogue_is_found_by_listing_its_folder() -> None:
    folder = Path(catalogue.__file__).parent
    files = {path.stem.upper() for path in folder.glob("*.py")} - {"CATALOGUE", "__INIT__"}
    assert {bug.id for bug in catalogue.known()} == files >= set(IDS)
    assert [bug.id for bug in catalogue.known()] == sorted(files)


@pytest.mark.parametrize("bug", IDS)
def test_a_bug_is_found_by_its_id_in_any_case_and_by_its_path(bug: str) -> None:
    found = catalogue.load(bug)
    assert catalogue.load(bug.lower()) == found
    assert catalogue.load(found.path).id == bug
    assert all((found.title, found.source, found.breaks))
    assert found.apply(DEFAULT) != DEFAULT


def test_an_unknown_bug_names_the_known_ones() -> None:
    with pytest.raises(BugError, match=r"no bug 'Z99'; choose A01, A11, B01, C06, E02.*\.py"):
        catalogue.load("Z99")


GOOD = """
import msgspec
ID, TITLE, SOURCE, BREAKS = "X1", "title", "source", "guarantee"
def apply(policies):
    return msgspec.structs.replace(policies, may_reap=lambda clean, nodes: True)
"""


def test_a_seed_from_outside_is_read_anew_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(GOOD)
    bug = catalogue.load("mine.py")
    assert (bug.id, bug.path) == ("X1", str(tmp_path / "mine.py"))
    assert bug.apply(DEFAULT).may_reap(0, 5)
    Path("mine.py").write_text(GOOD.replace("X1", "X2"))
    assert catalogue.load("./mine.py").id == "X2"
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.py"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (GOOD.replace("BREAKS", "BRAKES"), "lacks BREAKS"),
        ("", "lacks ID, TITLE, SOURCE, BREAKS, apply"),
        (GOOD.replace('"X1"', "1"), "ID of .* must be a text, not 1"),
        (GOOD.replace('"title"', '" "'), "TITLE of .* must be a text"),
        ("1 / 0", "does not run: ZeroDivisionError: division by zero; correct it"),
        ("def apply(", "does not run: SyntaxError"),
        (GOOD.replace("may_reap", "may_reep"), r"apply\(policies\) of .* fails"),
        (GOOD.replace("return msgspec", "msgspec"), r"returns NoneType, not policies; return msgspec"),
        (GOOD.replace("clean, nodes", "clean"), r"may_reap of .* must take \(clean, nodes\), but too many"),
        (GOOD.replace("lambda clean, nodes: True", "True"), "may_reap of .* must be a function, not True"),
    ],
)
def test_what_is_wrong_with_a_seed_is_said_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "seed.py"
    path.write_text(text)
    with pytest.raises(BugError, match=sentence) as caught:
        catalogue.load(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nowhere/mine.py", "cannot read the bug seed nowhere/mine.py: No such file or directory; check"),
        ("/tmp/seed.txt", "is not a bug seed: that is a .py file"),
    ],
)
def test_a_path_that_leads_nowhere(path: str, sentence: str) -> None:
    with pytest.raises(BugError, match=sentence):
        catalogue.load(path)


def test_text_that_is_not_python(tmp_path: Path) -> None:
    path = tmp_path / "seed.py"
    path.write_bytes(b"\x00\xff")
    with pytest.raises(BugError, match="does not run"):
        catalogue.load(str(path))


# --- the manual --------------------------------------------------------------------------------------


def test_the_example_in_the_manual_is_a_seed_that_does_what_it_says(tmp_path: Path) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```", MANUAL.read_text(encoding="utf-8"), re.M | re.S)
    path = tmp_path / "a13.py"
    path.write_text(example)
    bug = catalogue.load(str(path))
    assert bug.id == "A13"
    for policies, live in ((DEFAULT, (b"1", b"2")), (bug.apply(DEFAULT), (b"2",))):
        first = policies.write(None, {}, "a", b"1", False, 1)
        assert versions.live(policies.write(first, {}, "b", b"2", False, 2)) == live


def test_the_manual_lists_every_policy_and_every_bug() -> None:
    text = MANUAL.read_text(encoding="utf-8")
    for name in Policies.__struct_fields__:
        parameters = ", ".join(inspect.signature(getattr(DEFAULT, name)).parameters)
        assert f"| `{name}` | `({parameters}) ->" in text
    for bug in catalogue.known():
        assert re.search(rf"^\| {bug.id} \|", text, re.M), f"docs/bug-seeds.md does not list {bug.id}"


# --- A01 and A11: versions ---------------------------------------------------------------------------


def concurrent_adds(policies: Policies) -> Versions:
    """Two clients read the cart [a] and write [a b] at one node and [a c] at another."""
    cart = policies.write(None, {}, "n1", b"a", False, 1)
    ab = policies.write(cart, cart.clock, "n1", b"ab", False, 2)
    ac = policies.write(cart, cart.clock, "n2", b"ac", False, 3)
    return policies.merge(ab, ac)


def test_a01_loses_one_of_two_concurrent_writes() -> None:
    assert versions.live(concurrent_adds(DEFAULT)) == (b"ab", b"ac")
    assert versions.live(concurrent_adds(with_bug("A01"))) == (b"ac",)


def test_a01_a_blind_write_replaces_everything_at_its_node() -> None:
    policies = with_bug("A01")
    first = policies.write(None, {}, "n1", b"1", False, 9)
    assert versions.live(policies.write(first, {}, "n1", b"2", False, 1)) == (b"2",)


def read_modify_write_in_turns(policies: Policies, writes: int) -> Versions:
    """Two clients; each writes with what it saw after its own last write, so it misses the other's."""
    state = policies.write(None, {}, "n1", b"0", False, 0)
    contexts: list[Clock] = [state.clock, state.clock]
    for number in range(1, writes):
        client = number % 2
        state = policies.write(state, contexts[client], "n1", b"%d" % number, False, number)
        contexts[client] = state.clock
    return state


def test_a11_siblings_explode() -> None:
    assert len(read_modify_write_in_turns(DEFAULT, 100).siblings) == 2
    assert len(read_modify_write_in_turns(with_bug("A11"), 100).siblings) == 99


def test_a11_a_write_that_has_seen_everything_still_replaces_it() -> None:
    policies = with_bug("A11")
    state = concurrent_adds(policies)
    assert versions.live(state) == (b"ab", b"ac")
    new = policies.write(state, state.clock, "n1", b"abc", False, 4)
    assert versions.live(new) == (b"abc",)
    assert policies.merge(state, new) is new


writes = st.lists(
    st.tuples(st.integers(0, 2), st.none() | st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=12
)
"""Replica, the state whose context the client has, and the state it receives afterwards."""


@pytest.mark.parametrize("bug", [None, "A01", "A11"])
@settings(deadline=None)
@given(script=writes)
def test_states_stay_well_formed_and_replicas_converge(
    bug: str | None, script: list[tuple[int, int | None, int]]
) -> None:
    """A bug must break the guarantee it names, and no other: hash trees and repairs have to work."""
    policies = with_bug(bug)
    replicas: list[Versions | None] = [None] * 3
    states: list[Versions] = []
    for time, (at, read, received) in enumerate(script):
        context = {} if read is None or not states else states[read % len(states)].clock
        state = policies.write(replicas[at], context, f"n{at}", b"%d" % time, False, time // 2)
        states += [state, policies.merge(state, states[received % len(states)] if states else state)]
        replicas[at] = states[-1]
    for state in states:
        dots = [s.dot for s in state.siblings]
        assert dots == sorted(set(dots))
        assert dots, "a state without versions"
        assert all(state.clock[actor] >= counter for actor, counter in dots)
        assert policies.merge(state, state) == state
        assert policies.merge(state, states[0]) == policies.merge(states[0], state)
    assert len({versions.digest(state) for state in gossip(policies, replicas)}) == 1


def gossip(policies: Policies, replicas: list[Versions | None]) -> list[Versions]:
    """Pairwise merges until nothing changes; anti-entropy must come to an end."""
    held = [state for state in replicas if state is not None]
    for _ in range(10):
        before = list(held)
        for a in range(len(held)):
            for b in range(len(held)):
                held[a] = held[b] = policies.merge(held[a], held[b])
        if held == before:
            return held
    raise AssertionError("replicas repair each other for ever")


# --- B01, C06, E02: a real node ------------------------------------------------------------------------


class Alone:
    """One real node whose peers the test plays, with a disk that is as fast as the test says."""

    def __init__(self, bug: str | None) -> None:
        config = NodeConfig(node="n1", nodes=("n1", "n2", "n3", "n4"), partitions=8)
        self.node = Node(config, random.Random(1), with_bug(bug))
        self.now = 1_000_000 * MS
        self.token = 0
        self.timers: list[tuple[int, int]] = []
        self.sent: list[tuple[str, object]] = []
        self.replies: list[object] = []
        self.ring = Ring(config.nodes, config.partitions, config.n)
        self.do(Boot(Image()))
        self.flush()

    def do(self, event: Event) -> None:
        for effect in self.node.handle(event, self.now):
            self.carry_out(effect)

    def carry_out(self, effect: Effect) -> None:
        match effect:
            case Persist(token=token):
                self.token = token
            case Send(target=target, message=message):
                self.sent.append((target, message))
            case Reply(reply=reply):
                self.replies.append(reply)
            case SetTimer(timer=timer, at=at):
                self.timers.append((at, timer))

    def flush(self) -> None:
        self.do(Durable(self.token))

    def run(self, duration_ms: int) -> None:
        """Let time pass: timers fire, the disk keeps up, nobody answers."""
        end = self.now + duration_ms * MS
        while due := min((timer for timer in self.timers if timer[0] <= end), default=None):
            self.timers.remove(due)
            self.now = max(self.now, due[0])
            self.do(TimerFired(due[1]))
            self.flush()
        self.now = end

    def hints(self) -> int:
        """How many hints the node says it keeps."""
        self.do(Requested(0, Hints()))
        reply = self.replies.pop()
        assert isinstance(reply, HintsReply)
        return sum(map(len, reply.hints.values()))

    def holds(self, key: bytes) -> bool:
        """Does the node say that it holds anything for the key?"""
        self.do(Requested(0, Dump()))
        reply = self.replies.pop()
        assert isinstance(reply, DumpReply)
        return key in reply.primaries

    def key(self, primary: bool) -> bytes:
        """A key that this node is the first primary of, or none of."""
        for number in range(1000):
            key = b"key-%d" % number
            primaries = self.ring.primaries(self.ring.partition(key))
            if (primaries[0] == "n1") if primary else ("n1" not in primaries):
                return key
        raise AssertionError("no such key among 1000")

    def receive(self, source: str, key: bytes, state: Versions, hint_for: str | None = None) -> None:
        self.do(Received(source, Store(7, key, state, self.now, "put", hint_for)))
        self.flush()


@pytest.mark.parametrize(("bug", "answered"), [(None, False), ("B01", True)])
def test_b01_answers_before_anybody_has_the_write(bug: str | None, answered: bool) -> None:
    alone = Alone(bug)
    alone.do(Requested(1, Put(alone.key(primary=True), b"value")))
    assert (alone.replies == [Stored()]) == answered
    alone.flush()
    request = next(m.request for _, m in alone.sent if isinstance(m, Store))
    source = next(target for target, m in alone.sent if isinstance(m, Store))
    alone.do(Received(source, StoreAck(request)))
    assert alone.replies == [Stored()]


@pytest.mark.parametrize(("bug", "kept"), [(None, 1), ("C06", 0)])
def test_c06_forgets_a_hint_that_nobody_has_acknowledged(bug: str | None, kept: int) -> None:
    alone = Alone(bug)
    key = alone.key(primary=False)
    target = alone.ring.primaries(alone.ring.partition(key))[0]
    alone.receive("n2", key, versions.write(None, {}, "a", b"value", False, alone.now), hint_for=target)
    assert alone.hints() == 1
    alone.run(3000)
    assert [m for to, m in alone.sent if isinstance(m, Store) and to == target], "the hint was never sent"
    assert alone.hints() == kept


@pytest.mark.parametrize(("bug", "held"), [(None, True), ("E02", False)])
def test_e02_forgets_a_tombstone_although_nobody_has_agreed(bug: str | None, held: bool) -> None:
    alone = Alone(bug)
    key = alone.key(primary=True)
    alone.receive("n2", key, versions.write(None, {}, "a", b"", True, alone.now))
    assert alone.holds(key)
    alone.run(5000)
    assert alone.holds(key) == held


def test_e02_leaves_values_alone() -> None:
    state = versions.write(None, {}, "a", b"value", False, 0)
    assert not with_bug("E02").may_ask_to_reap(state, 10**12, 0)


# --- the policies of the store without a bug -----------------------------------------------------------


def test_the_default_policies() -> None:
    assert [DEFAULT.counts_as_ack(stage) for stage in ("sent", "durable")] == [False, True]
    assert [DEFAULT.hint_is_done(stage) for stage in ("sent", "acked", "timed-out")] == [False, True, False]
    assert [DEFAULT.may_reap(clean, 5) for clean in (0, 3, 5)] == [False, False, True]


def test_a_tombstone_is_old_enough_when_its_newest_delete_is() -> None:
    old, new = (versions.write(None, {}, actor, b"", True, at) for actor, at in (("a", 100), ("b", 200)))
    value = versions.write(None, {}, "c", b"value", False, 0)
    both = versions.merge(old, new)
    ask = DEFAULT.may_ask_to_reap
    assert [ask(both, now, 50) for now in (150, 249, 250)] == [False, False, True]
    assert not ask(versions.merge(both, value), 10_000, 50)


def test_seeds_compose_with_msgspec_alone() -> None:
    """`apply` changes nothing but the policies it names."""
    for bug in catalogue.known():
        changed = msgspec.structs.asdict(bug.apply(DEFAULT))
        same = [name for name, policy in msgspec.structs.asdict(DEFAULT).items() if changed[name] is policy]
        assert len(same) >= len(Policies.__struct_fields__) - 2
