"""bank: does every read of all accounts show the same total?

Operations are `transfer` of an amount between two accounts, and `read`, whose value maps each account to its
balance (a list counts its accounts from 0).  Transfers keep the total, so in a store with snapshots every
read shows it.

  wrong-total       the balances do not add up to the total: part of a transfer was seen
  negative-value    a balance below zero (unless the option `negative-balances?` allows it)
  unexpected-key    an account that does not exist
  missing-key       an account that is not shown, where the option `accounts` names them all
  nil-balance       an account without a balance

Accounts and total come from the options, else from the first successful read, which is then believed.

Cost: the size of all reads.  Rules and names of fields: jepsen.tests.bank/checker.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from checker import options as option
from checker.classic.element import several, shown
from checker.classic.findings import Findings, anomaly
from checker.history import History, Pair
from checker.verdict import Anomaly, Verdict
from checker.wording import listed, who


class _Bank(msgspec.Struct, frozen=True):
    """What is expected of every read. `complete`: all accounts must be shown."""

    accounts: frozenset[str]
    total: float
    negative: bool
    complete: bool


class _Fault(msgspec.Struct, frozen=True):
    """What is wrong with one read. `size` orders faults of a kind: the largest is the worst."""

    kind: str
    size: float
    sentence: str
    pair: Pair


def check(history: History, options: dict[str, Any]) -> Verdict:
    """Judge every read. Options: `accounts` (list), `total-amount`, `negative-balances?`."""
    option.only(options, "bank", ("accounts", "total-amount", "negative-balances?"))
    _bank(options, {})  # Wrong options are refused even where there is nothing to judge.
    reads = []
    for pair in history.pairs():
        if pair[0].f == "read" and pair[1] is not None and pair[1].type == "ok":
            balances = _balances(pair[1].value)
            if balances is not None:
                reads.append((balances, pair))
    if not reads:
        doubt = "no read succeeded, so nothing can be said about the balances"
        return Findings().verdict(sound="", doubt=doubt, stats={"read-count": 0})
    bank = _bank(options, reads[0][0])
    faults = [fault for balances, pair in reads for fault in _faults(bank, balances, pair)]
    return _verdict(bank, faults, len(reads))


def _balances(value: Any) -> dict[str, Any] | None:
    if isinstance(value, list):
        return {str(account): balance for account, balance in enumerate(value)}
    return {str(account): balance for account, balance in value.items()} if isinstance(value, dict) else None


def _bank(options: dict[str, Any], first: dict[str, Any]) -> _Bank:
    named = options.get("accounts")
    if named is not None and not isinstance(named, list):
        raise option.OptionError(f"option accounts is {named!r}; expected a list of accounts")
    total = options.get("total-amount")
    if total is not None and not _number(total):
        raise option.OptionError(f"option total-amount is {total!r}; expected a number")
    return _Bank(
        accounts=frozenset(map(str, first if named is None else named)),
        total=sum(filter(_number, first.values())) if total is None else total,
        negative=option.flag(options, "negative-balances?"),
        complete=named is not None,
    )


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _faults(bank: _Bank, balances: dict[str, Any], pair: Pair) -> Iterator[_Fault]:
    """What is wrong with one read: the first of the reasons below, as one broken read is one anomaly."""
    read = f"the read by {who(pair[0])} in entry {pair[1].index if pair[1] is not None else pair[0].index}"
    strange = sorted(balances.keys() - bank.accounts)
    absent = sorted(bank.accounts - balances.keys()) if bank.complete else []
    nil = sorted(account for account, balance in balances.items() if not _number(balance))
    if strange:
        told = f"{read} shows {listed(strange)}, which is no account of this bank"
        yield _Fault("unexpected-key", len(strange), told, pair)
    elif absent:
        yield _Fault("missing-key", len(absent), f"{read} does not show {listed(absent)}", pair)
    elif nil:
        yield _Fault("nil-balance", len(nil), f"{read} shows no balance for {listed(nil)}", pair)
    elif (total := sum(balances.values())) != bank.total:
        told = (
            f"{read} shows balances that add up to {shown(total)} instead of {shown(bank.total)}: "
            "it saw a part of some transfer without the rest"
        )
        yield _Fault("wrong-total", abs(total - bank.total), told, pair)
    elif not bank.negative and (below := {a: b for a, b in balances.items() if b < 0}):
        told = f"{read} shows {several(below.values())} on {listed(below)}; balances must not be negative"
        yield _Fault("negative-value", -min(below.values()), told, pair)


def _verdict(bank: _Bank, faults: list[_Fault], reads: int) -> Verdict:
    findings = Findings()
    by_kind: dict[str, list[_Fault]] = {}
    for fault in faults:
        by_kind.setdefault(fault.kind, []).append(fault)
    for kind, found in by_kind.items():
        findings.report(kind, found, _anomaly)
    stats = {
        "read-count": reads,
        "error-count": len(faults),
        "total-amount": bank.total,
        "errors": {kind: _extremes(found) for kind, found in by_kind.items()},
    }
    return findings.verdict(sound=f"all {reads} reads add up to {shown(bank.total)}", stats=stats)


def _extremes(faults: list[_Fault]) -> dict[str, Any]:
    """The first, the worst and the last of a kind, by the index of the entry that shows it."""
    chosen = {"first": faults[0], "worst": max(faults, key=lambda fault: fault.size), "last": faults[-1]}
    indexes = {name: f.pair[1].index for name, f in chosen.items() if f.pair[1] is not None}
    return {"count": len(faults), **indexes}


def _anomaly(fault: _Fault) -> Anomaly:
    return anomaly(fault.kind, fault.sentence, *fault.pair)
