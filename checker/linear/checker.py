"""Is the history linearizable?

Is there an order of the operations in which each takes effect at one point between its invocation and its
completion, and in which the model gives the answers that the clients got (Herlihy and Wing 1990)?

Options
  model        a name of `models.MODELS`, or `path.py:Name`; by default cas-register
  init         the initial state; by default nil, empty, or 0, as the model has it
  independent  true: every value is `[key, value]`, and each key has an object of its own
  failed-cas   "ignore" or "observe" (`models.py`)

How a partition is judged
  1. by the near-linear rules where they apply: registers to which no value is written twice (`register.py`),
     queues with distinct values (`fifo.py`), sets (`collection.py`), strings (`appends.py`); if they say
     that it is in order, that is the answer;
  2. by the search (`search.py`), if it has at most SEARCHED calls and the answer comes within TRIED
     configurations: that is nearly always so, and gives the best explanation;
  3. by the contradiction that a rule has found, after a search of the shortest prefix that has one;
  4. by the compiled search, or where numba is not installed by the plain one.  Beyond SHORTENED calls only
     those are looked at that were open where it got stuck (`dead_end.py`), if that is seen in columns.

A history in columns is sifted first (`columnar.py`): only what may be out of order comes here.

`stats.failures` has for every partition that fails: `key`, `prefix` (the entry that ends the shortest prefix
that fails), `stuck` (the operations that cannot be placed), `open` (those it could have been ordered with),
`states` (that were possible there) and `paths` (some of the orders tried, at most ten).  Where
a rule had to answer, the stuck operations are the two to four that contradict each other, `prefix` is where
the last of them ended, and `states` and `paths` are empty; so are they where there are too many to find all.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from checker import kernel
from checker.history import History
from checker.linear import appends, collection, fifo, models, register
from checker.linear.call import FOREVER, Call, calls_of, thaw
from checker.linear.explain import explain, told
from checker.linear.machine import Machine
from checker.linear.prefix import Proof, shortest
from checker.linear.schedule import schedule_of
from checker.linear.search import Outcome, Search
from checker.linear.shown import narrowed
from checker.verdict import Anomaly, Validity, Verdict
from checker.wording import plural

OPTIONS = {"model": "cas-register", "init": None, "independent": False, "failed-cas": "ignore"}
"""The options and what they are when not given."""

SEARCHED = 20_000
"""A partition of more calls goes to the near-linear rules, or to the compiled search, at once."""

TRIED = 20_000
"""Configurations after which the plain search gives up (well under a second)."""

CHEAP = 16
"""Classes of crashed calls with which a configuration costs the plain search what it should."""

SHORTENED = 100_000
"""The shortest prefix that fails is looked for among so many calls. It takes some twenty times the rule."""

Failure = tuple[Anomaly, dict[str, Any]]
Judge = Callable[[models.Model, Any, list[Call]], tuple[Failure | None, int]]

Part = tuple[Any, list[Call], Judge]
"""The key of a partition, calls of it, and what tells by them what is wrong."""


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge the history. Raises ValueError where an option or an operation is not one of the model's."""
    chosen = _chosen(options)
    model = models.load(chosen["model"], chosen["init"], chosen["failed-cas"])
    count, crashed, keys, groups = _partitions(history, model, bool(chosen["independent"]))
    failures: list[Failure] = []
    explored = 0
    for key, group, told_by in groups:
        failure, tried = told_by(model, key, group)
        explored += tried
        failures += [failure] if failure is not None else []
    stats = {
        "calls": count,
        "crashed": crashed,
        "keys": keys,
        "explored": explored,
        "failures": [details for _, details in failures],
    }
    if failures:
        where = f" in {len(failures)} of {plural(keys, 'key')}" if keys > 1 else ""
        reason = f"not linearizable{where}: {failures[0][0].sentence}"
        anomalies = tuple(anomaly for anomaly, _ in failures)
        return Verdict(validity=Validity.INVALID, reason=reason, anomalies=anomalies, stats=stats)
    reason = f"there is an order of the {plural(count, 'operation')} that explains every answer"
    return Verdict(validity=Validity.VALID, reason=reason, stats=stats)


def _partitions(history: History, model: models.Model, independent: bool) -> tuple[int, int, int, list[Part]]:
    """How many calls, crashed ones and partitions there are, and the partitions that may be out of order."""
    if history.table is not None and kernel.available():
        from checker.linear import columnar

        found = columnar.sifted(history, model, independent, SEARCHED, SHORTENED)
        if found is not None:
            ways: list[Judge] = [_by_dead_end if only else judge for only in found.open_only]
            left = [
                (*part, way)
                for pairs, way in zip(found.left, ways or [_by_proof] * len(found.left), strict=True)
                for part in model.partition(calls_of(pairs, independent, model.keeps))
            ]
            assert left or not found.proof, "what is out of order in columns is so in calls"
            return found.calls, found.crashed, found.keys, left
    calls = calls_of(history.pairs(), independent, model.keeps)
    groups: list[Part] = [(*part, judge) for part in model.partition(calls)]
    return len(calls), sum(call.crashed for call in calls), len(groups), groups


def _by_dead_end(model: models.Model, key: Any, calls: list[Call]) -> tuple[Failure, int]:
    """What is wrong with a partition too large to be told whole: the first of these to end fits nowhere."""
    machine = Machine(narrowed(model, calls))
    stuck = Outcome(valid=False, level=0, explored=0)
    return explain(stuck, machine, schedule_of(calls, machine), key), 0


def _by_proof(model: models.Model, key: Any, calls: list[Call]) -> tuple[Failure, int]:
    """What is wrong with calls that contradict each other, out of a partition too large to be told whole."""
    _, proof = by_rules(model, calls)
    assert proof is not None, "what is out of order in columns is so in calls"
    return _proven(proof, model, key), 0


def judge(
    model: models.Model, key: Any, calls: list[Call], tried_max: int = TRIED
) -> tuple[Failure | None, int]:
    """What is wrong with a partition (None: nothing), and how many configurations the plain search tried."""
    applied, proof = by_rules(model, calls)
    if applied and proof is None:
        return None, 0
    machine = Machine(narrowed(model, calls))
    if len(calls) <= SEARCHED:
        schedule = schedule_of(calls, machine)
        # Each configuration may go on with a call of each crashed class.
        limit = tried_max * CHEAP // max(CHEAP, len(schedule.crashed))
        outcome = Search(machine, schedule).run(limit=limit)
        if outcome is not None:
            return _failure(outcome, machine, calls, key), outcome.explored
    if proof is not None:
        return _contradicted(proof, model, machine, calls, key), 0
    if kernel.available():
        from checker.linear import compiled

        outcome = compiled.search(calls, machine)
        assert outcome is not None
        return _failure(outcome, machine, calls, key), 0
    outcome = Search(machine, schedule_of(calls, machine)).run()
    assert outcome is not None
    return _failure(outcome, machine, calls, key), outcome.explored


def by_rules(model: models.Model, calls: list[Call]) -> tuple[bool, Proof | None]:
    """Do near-linear rules apply, and what do they prove?"""
    if isinstance(model, models.Register) and all(call.f in ("read", "write") for call in calls):
        clusters = register.Clusters.of(calls, model.init)
        if clusters is None:
            return False, None
        found = register.violation(clusters)
        return True, None if found is None else register.proof(clusters, found)
    if isinstance(model, models.FifoQueue) and not model.init:
        return fifo.judged(calls)
    if isinstance(model, models.KeyValue) and appends.applies(calls, model.init):
        return True, appends.violation(calls, model.init)
    if isinstance(model, models.GrowingSet):
        if collection.only_grows(calls):
            return True, collection.reads_violation(calls, model.init)
        if not model.init and collection.has_elements_only(calls):
            return True, collection.elements_violation(calls)
    return False, None


def _failure(outcome: Outcome, machine: Machine, calls: list[Call], key: Any) -> Failure | None:
    return None if outcome.valid else explain(outcome, machine, schedule_of(calls, machine), key)


def _contradicted(
    proof: Proof, model: models.Model, machine: Machine, calls: list[Call], key: Any
) -> Failure:
    """What a rule has proven; told by the search where it answers soon on the shortest prefix that fails."""
    if len(calls) > SHORTENED:
        return _proven(proof, model, key)
    calls, proof = shortest(calls, proof, model, by_rules)
    if kernel.available():
        from checker.linear import compiled

        outcome = compiled.search(calls, machine, compiled.EXPLAINED)
    else:
        outcome = Search(machine, schedule_of(calls, machine)).run(limit=TRIED)
    found = None if outcome is None else _failure(outcome, machine, calls, key)
    if found is None:
        return _proven(proof, model, key)
    anomaly, details = found
    entries = {entry for call in proof[1] for entry in call.entries}
    both = msgspec.structs.replace(
        anomaly,
        sentence=f"{anomaly.sentence}; the contradiction is that {proof[0]}",
        operations=tuple(sorted({*anomaly.operations, *entries})),
    )
    return both, details


def _proven(proof: Proof, model: models.Model, key: Any) -> Failure:
    sentence, calls = proof
    noun = model.noun + (f" {thaw(key)}" if key is not None else "")
    anomaly = Anomaly(
        type="nonlinearizable",
        sentence=f"no order explains the {noun}: {sentence}",
        operations=tuple(sorted({entry for call in calls for entry in call.entries})),
        key=None if key is None else str(thaw(key)),
    )
    ends = [call.end for call in calls if call.end != FOREVER]
    details = {
        "key": thaw(key),
        "prefix": max(ends, default=None),
        "stuck": [told(call) for call in calls],
        "open": [],
        "states": [],
        "paths": [],
    }
    return anomaly, details


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise ValueError(f"linearizable has no option {unknown[0]!r}; it has {', '.join(OPTIONS)}")
    chosen = {**OPTIONS, **options}
    if chosen["failed-cas"] not in ("ignore", "observe"):
        raise ValueError(f"failed-cas is 'ignore' or 'observe', not {chosen['failed-cas']!r}")
    return chosen
