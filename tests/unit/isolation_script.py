"""Histories for the isolation tests, written down or drawn at random, and what they mean."""

from random import Random
from typing import Any, NamedTuple

from checker.history import History
from checker.isolation import levels
from checker.operation import Operation

CHECKERS = {
    "read-committed": levels.read_committed,
    "read-atomic": levels.read_atomic,
    "read-your-writes": levels.read_your_writes,
    "monotonic-reads": levels.monotonic_reads,
    "monotonic-writes": levels.monotonic_writes,
    "writes-follow-reads": levels.writes_follow_reads,
    "pram": levels.pram,
    "causal-consistency": levels.causal_consistency,
    "snapshot-isolation": levels.snapshot_isolation,
    "serializable": levels.serializable,
}

Step = tuple[str, str, Any]


class Script(NamedTuple):
    """A transaction: how it ended (ok, fail, info) and its reads ("r") and writes ("w")."""

    outcome: Any
    steps: list[Step]


Sessions = list[list[Script]]


def ok(*steps: Step) -> Script:
    """A transaction that committed."""
    return Script("ok", list(steps))


def history_of(sessions: Sessions, mix: Random | None = None) -> History:
    """The sessions one after the other, or mixed; the order between them means nothing to these checkers."""
    turns = [process for process, session in enumerate(sessions) for _ in session]
    if mix is not None:
        mix.shuffle(turns)
    scripts = [iter(session) for session in sessions]
    entries = []
    for process in turns:
        script = next(scripts[process])
        asked = [[f, key, None if f == "r" else value] for f, key, value in script.steps]
        shown = [list(step) for step in script.steps] if script.outcome == "ok" else asked
        entries.append(Operation(process=process, type="invoke", f="txn", value=asked))
        entries.append(Operation(process=process, type=script.outcome, f="txn", value=shown))
    return History(entries)


def drawn(rng: Random, transactions: int) -> Sessions:
    """A small random history. Reads mostly see what some transaction left, sometimes anything at all."""
    sessions: Sessions = [[] for _ in range(rng.randint(1, 4))]
    keys = "xyz"[: rng.randint(1, 3)]
    longest = rng.randint(1, 3)
    absurd = rng.random() < 0.2
    written: dict[str, list[int]] = {key: [] for key in keys}
    plan: list[list[list[Any]]] = []
    value = 0
    for _ in range(rng.randint(1, transactions)):
        steps: list[list[Any]] = []
        for _ in range(rng.randint(1, longest)):
            key = rng.choice(keys)
            if rng.random() < 0.5:
                value += 1
                steps.append(["w", key, value])
            else:
                steps.append(["r", key, None])
        left = {step[1]: step[2] for step in steps if step[0] == "w"}
        for key, last in left.items():
            written[key].append(last)
        plan.append(steps)
    for steps in plan:
        mine: dict[str, int] = {}
        for step in steps:
            f, key = step[0], step[1]
            if f == "w":
                mine[key] = step[2]
            elif key in mine and not absurd:
                step[2] = mine[key]
            else:
                step[2] = rng.choice([None, *written[key], *([rng.randint(1, value + 1)] if absurd else [])])
        outcomes = ["ok"] * 9 + (["fail"] if absurd else ["info"])
        rng.choice(sessions).append(Script(rng.choice(outcomes), [(s[0], s[1], s[2]) for s in steps]))
    return [session for session in sessions if session]


def simulated(rng: Random, sessions: int, transactions: int, longest: int = 4) -> Sessions:
    """A serial execution: valid at every level."""
    result: Sessions = [[] for _ in range(sessions)]
    state: dict[str, int] = {}
    value = 0
    for _ in range(transactions):
        steps: list[Step] = []
        for _ in range(rng.randint(1, longest)):
            key = rng.choice("uvwxyz")
            if rng.random() < 0.5:
                value += 1
                state[key] = value
                steps.append(("w", key, value))
            else:
                steps.append(("r", key, state.get(key)))
        rng.choice(result).append(ok(*steps))
    return [session for session in result if session]


def replicated(rng: Random, transactions: int, keys: str = "xy") -> Sessions:
    """Sessions with replicas of their own, and deliveries that are late or torn: weak, never absurd."""
    result: Sessions = [[] for _ in range(rng.randint(2, 4))]
    states: list[dict[str, int]] = [{} for _ in result]
    late: list[list[tuple[int, dict[str, int]]]] = [[] for _ in result]
    prompt, torn = rng.choice([0.2, 0.5, 0.8]), rng.choice([0.0, 0.0, 0.3])
    value = 0
    for _ in range(transactions):
        at = rng.randrange(len(result))
        state = states[at]
        steps: list[Step] = []
        left: dict[str, int] = {}
        for _ in range(rng.randint(1, 3)):
            key = rng.choice(keys)
            if rng.random() < 0.5:
                value += 1
                left[key] = state[key] = value
                steps.append(("w", key, value))
            else:
                steps.append(("r", key, state.get(key)))
        result[at].append(ok(*steps))
        for other, waiting in enumerate(late):
            if other != at:
                parts = [{key: left[key]} for key in left] if rng.random() < torn else [left]
                waiting += [(at, part) for part in parts]
            while waiting and rng.random() < prompt:
                states[other].update(waiting.pop(rng.randrange(len(waiting)) if torn else 0)[1])
    return [session for session in result if session]


def scattered(rng: Random, transactions: int) -> Sessions:
    """Sessions of a few transactions that write without having read: what was first is mostly left open."""
    keys = "abcdefgh"[: rng.randint(2, 8)]
    steps: list[list[Step]] = [[] for _ in range(rng.randint(3, transactions))]
    written: dict[str, list[tuple[int, int]]] = {key: [] for key in keys}
    value = 0
    for at, mine in enumerate(steps):
        for key in rng.sample(keys, rng.choice([0, 1, 1, 2])):
            value += 1
            mine.append(("w", key, value))
            written[key].append((at, value))
    for at, mine in enumerate(steps):
        own = {key for _, key, _ in mine}
        for key in rng.sample(keys, rng.choice([0, 1, 1, 2])):
            others = [seen for writer, seen in written[key] if writer != at]
            if key not in own and others:
                mine.insert(0, ("r", key, rng.choice(others)))
    result: Sessions = []
    for mine in steps:
        if result and rng.random() < 0.3:
            rng.choice(result).append(ok(*mine))
        else:
            result.append([ok(*mine)])
    return result


def snapshots(rng: Random, transactions: int, keys: str = "xyz") -> Sessions:
    """An execution under snapshot isolation, with overlapping transactions: valid at that level, mostly not
    serializable."""
    result: Sessions = [[] for _ in range(rng.randint(2, 5))]
    state: dict[str, int] = {}
    running: dict[int, tuple[dict[str, int], list[Step]]] = {}
    value = 0
    while transactions or running:
        at = rng.randrange(len(result))
        if at not in running:
            if not transactions:
                continue
            transactions -= 1
            steps: list[Step] = []
            mine: dict[str, int] = {}
            for _ in range(rng.randint(1, 3)):
                key = rng.choice(keys)
                if rng.random() < 0.5:
                    value += 1
                    mine[key] = value
                    steps.append(("w", key, value))
                else:
                    steps.append(("r", key, mine.get(key, state.get(key))))
            running[at] = dict(state), steps
            continue
        began, steps = running.pop(at)
        left = {key: seen for f, key, seen in steps if f == "w"}
        clean = all(state.get(key) == began.get(key) for key in left)
        state.update(left if clean else {})
        result[at].append(Script("ok" if clean else "fail", steps))
    return [session for session in result if session]
