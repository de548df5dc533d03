"""Every Dynamo checker against its definition, on small histories: of good stores, flawed ones, and damaged.

DYNAMO_CASES=1000000 for a long run (`-n 2`: the cases are dealt out to PARTS tests).
"""

import os
import random
from collections import Counter

import msgspec
import pytest

from checker import (
    availability,
    causal,
    convergence,
    freshness,
    lost_writes,
    monotonicity,
    siblings,
    staleness,
    tombstones,
)
from checker.history import History
from checker.operation import Operation
from checker.verdict import Validity
from tests.property import dynamo_oracle
from tests.property.dynamo_oracle import KeyOracle, Read, keys_of
from tests.property.ideal_store import run

CASES, PARTS = int(os.environ.get("DYNAMO_CASES", "1600")), 8

FLAWS = (None, None, "last-write-wins", "no-dots", "early-ack", "early-reap", "lying-failure")

STRICT = {"mode": "strict"}


def case(seed: int) -> History:
    """A history of one to twelve operations. Every third one is damaged, every fifth one is a cart."""
    rng = random.Random(seed)
    cart = seed % 5 == 4
    history = run(seed, rng.randint(1, 12), rng.choice(FLAWS), cart=cart)
    return damaged(history, rng, cart) if seed % 3 == 2 else history


def damaged(history: History, rng: random.Random, cart: bool) -> History:
    """Answers that lack an id, or show one of an earlier write; items that are gone; keys apart."""
    written: list[str] = []
    entries: list[Operation] = []
    other = rng.random() < 0.3
    for entry in history:
        if entry.write is not None and entry.type == "invoke":
            written.append(entry.write)
        reads, value = entry.reads, entry.value
        if reads is not None and rng.random() < 0.3:
            if reads and rng.random() < 0.5:
                reads = tuple(name for name in reads if name != rng.choice(reads))
            elif written:
                reads = (*reads, rng.choice(written))
        if cart and entry.final and isinstance(value, dict) and value.get("items") and rng.random() < 0.5:
            value = {"items": value["items"][1:]}
        key = "other" if other and entry.process == 3 else entry.key
        entries.append(msgspec.structs.replace(entry, reads=reads, value=value, key=key))
    return History(entries)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_checker_says_what_its_definition_says(part: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(part, CASES, PARTS):
        history = case(seed)
        keys = keys_of(history)
        if any(
            name in key.behind(older)
            for key in keys.values()
            for name in key.seen
            for older in key.seen[name]
        ):
            continue  # A circle: `test_causal_oracle.py` has those.
        note = f"seed {seed}"
        seen.update(reads_agree(history, keys, note))
        seen.update(siblings_agree(history, keys, note))
        seen.update(staleness_agrees(history, keys, note))
        seen.update(returns_agree(history, keys, note))
        seen.update(lost_items_agree(history, keys, note))
        service_agrees(history, note)
    # None of the laws holds because there was nothing to see.
    assert not {kind for kind in EXPECTED if not seen[kind]}, seen


EXPECTED = (
    "stale-read",
    "stale-delete",
    "forgotten-version",
    "unread-write",
    "undecided",
    "explosion",
    "late",
    "resurrected-delete",
    "reappeared-version",
    "at-the-end",
    "lost-item",
)


def reads_agree(history: History, keys: dict[str, KeyOracle], note: str) -> Counter[str]:
    """Freshness and monotonicity, which are also valid exactly when nothing is wrong in strict mode."""
    counts: Counter[str] = Counter()
    reads = 0
    for key in keys.values():
        for read in key.reads:
            if key.doubtful(read):
                counts["undecided"] += 1
                continue
            reads += 1
            counts["stale-read"] += bool(key.missed(read))
            counts["stale-delete"] += key.shows_deleted(read)
            counts["forgotten-version"] += key.forgets(read)
            counts["unread-write"] += key.misses_own(read)
    for check, kinds in (
        (freshness.check, ("stale-read", "stale-delete")),
        (monotonicity.check, ("forgotten-version", "unread-write")),
    ):
        found = {kind: counts[kind] for kind in kinds if counts[kind]}
        sloppy, strict = check(history, {}), check(history, STRICT)
        assert sloppy.allowed == found, note
        assert strict.stats["found"] == found, note
        assert (sloppy.stats["reads"], sloppy.stats["undecided"]) == (reads, counts["undecided"]), note
        assert sloppy.validity is (Validity.VALID if reads else Validity.UNKNOWN), note
        assert (strict.validity is Validity.INVALID) == bool(found), note
        assert Counter(anomaly.type for anomaly in strict.anomalies) == found, note
    return counts


def siblings_agree(history: History, keys: dict[str, KeyOracle], note: str) -> Counter[str]:
    """One anomaly per key that shows too many, at its worst read."""
    verdict = siblings.check(history, {})
    excess = {
        name: max((len(read.ids) - key.concurrent(read) for read in key.reads), default=0)
        for name, key in keys.items()
    }
    assert {anomaly.key for anomaly in verdict.anomalies} == {k for k, most in excess.items() if most > 0}, (
        note
    )
    for anomaly in verdict.anomalies:
        key = keys[anomaly.key or ""]
        (worst,) = [read for read in key.reads if read.ended.index == anomaly.operations[1]]
        assert len(worst.ids) - key.concurrent(worst) == excess[anomaly.key or ""], note
    every = [read for key in keys.values() for read in key.reads]
    if every:
        assert verdict.stats["max"] == max(len(read.ids) for read in every), note
        assert verdict.stats["mean"] == round(sum(len(read.ids) for read in every) / len(every), 3), note
    return Counter({"explosion": len(verdict.anomalies)})


def staleness_agrees(history: History, keys: dict[str, KeyOracle], note: str) -> Counter[str]:
    """Versions and time by which every read before the end is late."""
    verdict = staleness.check(history, {})
    missed, late = [], []
    for key in keys.values():
        for read in key.reads:
            if not read.final and not key.doubtful(read):
                names = key.missed(read)
                missed.append(len(names))
                if names:
                    end = key.writes[names[0]][1]
                    assert end is not None
                    late.append((read.begun.time - end.time) / 1e6)
    assert verdict.validity is (Validity.VALID if missed else Validity.UNKNOWN), note
    if missed:
        stats = verdict.stats
        assert (stats["reads"], stats["stale"]) == (len(missed), len(late)), note
        assert stats["k_quantiles"]["1.0"] == max(missed), note
        assert stats["k_within"]["2"] == round(sum(k < 2 for k in missed) / len(missed), 6), note
        assert stats["t_ms_quantiles"].get("1.0") == (round(max(late), 3) if late else None), note
        assert sum(each["reads"] for each in stats["consistent_by_ms"]) <= len(missed), note
    return Counter({"late": len(late)})


def returns_agree(history: History, keys: dict[str, KeyOracle], note: str) -> Counter[str]:
    """What came back, by what it had been replaced, and whether that condemns."""
    found = [each for key in keys.values() for each in key.came_back().items()]
    if any(_future(key, read) for key in keys.values() for read in key.reads):
        return Counter()  # An answer from the future is a phantom, and no return.
    verdict, strict = tombstones.check(history, {}), tombstones.check(history, STRICT)
    told = {each["version"]: each["type"] for each in verdict.stats["returns"]}
    kinds = {True: "resurrected-delete", False: "reappeared-version"}
    assert told == {name: kinds[by_delete] for name, (by_delete, _, _) in found}, note
    at_the_end = {name for name, (_, final, certain) in found if final and certain}
    assert sum(verdict.stats["found"].values()) == len(at_the_end), note
    assert (verdict.validity is Validity.INVALID) == bool(at_the_end), note
    certain = [name for name, (_, _, sure) in found if sure]
    assert sum(strict.stats["found"].values()) == len(certain), note
    return Counter(told.values()) + Counter({"at-the-end": len(at_the_end)})


def _future(key: KeyOracle, read: Read) -> bool:
    """Does it show what was written later, or what had seen something that was?"""
    shown = set(read.ids) & set(key.writes)
    known = shown.union(*(key.behind(name) for name in shown))
    return any(key.writes[name][0].index > read.ended.index for name in known)


def lost_items_agree(history: History, keys: dict[str, KeyOracle], note: str) -> Counter[str]:
    """The items of carts; other keys are those of `causal`, which has an oracle of its own."""
    verdict = lost_writes.check(history, {})
    carts = {name: key for name, key in keys.items() if any(begun.f == "add" for begun, _ in key.pairs)}
    lost = {item for key in carts.values() for item in key.lost_items()}
    assert {a.sentence.split()[0] for a in verdict.anomalies if a.key in carts} == lost, note
    plain = Counter(a.key for a in verdict.anomalies if a.key not in carts)
    told = [a for a in causal.check(history, {}).anomalies if a.type == "lost-write" and a.key not in carts]
    assert plain == Counter(a.key for a in told), note
    return Counter({"lost-item": len(lost)})


def service_agrees(history: History, note: str) -> None:
    """Availability, in all."""
    expected, verdict = dynamo_oracle.service(history), availability.check(history, {})
    total = verdict.stats["total"]
    assert {kind: total[kind] for kind in ("ok", "fail", "info")} == {
        kind: expected[kind] for kind in ("ok", "fail", "info")
    }, note
    for name, share in availability.QUANTILES.items():
        if expected["latencies"]:
            enough = [t for t in expected["latencies"] if _within(expected["latencies"], t) >= share]
            assert total[name] == round(min(enough) / 1e6, 3), note


def _within(times: list[int], time: int) -> float:
    return sum(each <= time for each in times) / len(times)


# --- looks ------------------------------------------------------------------------------------------


def looked(rng: random.Random) -> tuple[History, list[dict[str, dict[str, str] | None]]]:
    """Looks at random replicas after healing, the last one final, and what they found."""
    nodes = [f"n{at}" for at in range(rng.randint(1, 4))]
    keys = [f"k{at}" for at in range(rng.randint(1, 4))]
    agreed = rng.random() < 0.5
    looks: list[dict[str, dict[str, str] | None]] = []
    entries = []
    for at in range(rng.randint(1, 5)):
        look = {
            node: None
            if rng.random() < 0.1
            else {key: "a" if agreed else rng.choice("ab") for key in keys if agreed or rng.random() < 0.8}
            for node in nodes
        }
        looks.append(look)
        replicas = {
            node: held if held is None else {"keys": {k: [d] for k, d in held.items()}, "digests": held}
            for node, held in look.items()
        }
        value = {"replicas": replicas}
        entries.append(Operation(time=at, process="observer", type="info", f="sample", value=value))
    entries[-1] = msgspec.structs.replace(entries[-1], final=True)
    return History(entries), looks


def test_divergence_is_what_its_definition_says() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(CASES):
        history, looks = looked(random.Random(seed))
        verdict = convergence.check(history, {})
        counts = dynamo_oracle.divergence(looks)
        assert [count for _, count in verdict.stats["series"]] == counts, seed
        assert verdict.stats["found"].get("divergent-replicas", 0) == counts[-1], seed
        sure = len(looks) > 1 and all(held is not None for look in looks[-2:] for held in look.values())
        assert verdict.validity is _expected(counts[-1], sure), seed
        kinds[verdict.validity.name] += 1
    assert len(kinds) == 3, kinds


def _expected(different: int, sure: bool) -> Validity:
    if different:
        return Validity.INVALID
    return Validity.VALID if sure else Validity.UNKNOWN
