"""Collections of histories with stated verdicts: do we agree with all of them?

Two layouts are read.  A manifest lists files:

    {"files": [{"path": "a.edn", "checker": "cas-register", "options": {"init": 0},
                "expected": "linearizable"}]}

`checker` is a name of `registry.py` (words after it are a comment), `expected` is one of linearizable,
not-linearizable, valid, invalid, unknown, and may go on with `: anomaly-types [A, B], not #{model}`.

A litmus file holds the histories themselves:

    {"cases": [{"name": "...", "checker": "set", "history": [...], "expected": {"valid": false, "lost": [1]}},
               {"name": "...", "history": [...],
                "checks": [{"valid": true, "consistency_models": ["serializable"]}]}]}

`expected` may state any field of the checker's stats; `checks` give several option sets, each with its
`valid`, `anomaly_types` and `not`.  A case without `checker` takes it from its file: the field `checker`, or
the checker whose name is part of the file's name.  Entries without a time happen a millisecond apart.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from checker import budget, registry
from checker.history import History, HistoryError
from checker.operation import Operation
from checker.options import OptionError
from checker.verdict import Validity, Verdict

WORDS = {
    "linearizable": True,
    "valid": True,
    "not-linearizable": False,
    "invalid": False,
    "unknown": "unknown",
}
"""What `expected` may begin with -> the `valid` that it means."""

STEP_NS = 1_000_000


class ManifestError(ValueError):
    """A manifest that cannot be read. The message names the file and what was expected there."""


class Entry(NamedTuple):
    """One history to judge: in a file (`path`) or given (`history`), and everything stated about its verdict.

    `stated` maps `valid` to true, false or "unknown", and names of stats to their values; `note` is a
    remark of the collection, shown where we disagree.
    """

    name: str
    checker: str
    options: dict[str, Any]
    stated: dict[str, Any]
    path: Path | None = None
    history: list[Any] | None = None
    note: str = ""


class Disagreement(NamedTuple):
    """Where a verdict differs from what is stated, with our reason."""

    entry: Entry
    difference: str
    reason: str


def entries_of(file: Path, root: Path | None = None) -> list[Entry]:
    """All entries of a manifest or litmus file. Paths are relative to `root`, by default the file's folder.

    Raises ManifestError.
    """
    try:
        document = msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise ManifestError(f"{file}: cannot read it: {error.strerror or error}") from None
    except msgspec.DecodeError as error:
        raise ManifestError(f"{file}: {error}; expected a JSON object with `files` or `cases`") from None
    if isinstance(document, dict):
        try:
            if isinstance(document.get("files"), list):
                return [_file_entry(item, root or file.parent) for item in document["files"]]
            if isinstance(document.get("cases"), list):
                return [entry for case in document["cases"] for entry in _cases(case, document, file)]
        except (KeyError, TypeError, AttributeError) as error:
            raise ManifestError(f"{file}: an entry lacks or misuses {error}") from None
    raise ManifestError(f"{file}: expected a JSON object with a list `files` or `cases`")


def _file_entry(item: dict[str, Any], root: Path) -> Entry:
    stated = _stated(str(item["expected"]), item["path"])
    return Entry(
        name=item["path"],
        checker=str(item["checker"]).split()[0],
        options=item.get("options") or {},
        stated=stated,
        path=root / item["path"],
        note=item.get("note", ""),
    )


def _stated(expected: str, name: str) -> dict[str, Any]:
    """`invalid: anomaly-types [G2-item], not #{repeatable-read}` as the fields that it states."""
    word, _, detail = expected.partition(":")
    if word.strip() not in WORDS:
        raise ManifestError(f"{name}: expected is {expected!r}; it must begin with one of {', '.join(WORDS)}")
    stated: dict[str, Any] = {"valid": WORDS[word.strip()]}
    for field, values in re.findall(r"([\w-]+) #?[\[{]([^\]}]*)[\]}]", detail):
        stated[field.replace("-", "_")] = re.split(r"[,\s]+", values.strip())
    return stated


def _cases(case: dict[str, Any], document: dict[str, Any], file: Path) -> Iterator[Entry]:
    checker = case.get("checker") or document.get("checker") or _named_after(file)
    about: dict[str, Any] = {"checker": checker, "history": case["history"], "note": case.get("note", "")}
    if "expected" in case:
        options = case.get("options") or {}
        yield Entry(name=f"{checker}: {case['name']}", options=options, stated=case["expected"], **about)
    for number, stated in enumerate(case.get("checks", ()), start=1):
        options = dict(stated.get("options") or {})
        for field in ("consistency_models", "anomalies"):
            if field in stated:
                options[field.replace("_", "-")] = stated[field]
        facts = {field: stated[field] for field in ("valid", "anomaly_types", "not") if field in stated}
        yield Entry(name=f"{case['name']}, check {number}", options=options, stated=facts, **about)


def _named_after(file: Path) -> str:
    stem = file.stem.replace("_", "-")
    found = [name for name in registry.CHECKERS if name in stem]
    if not found:
        raise ManifestError(f"{file}: no case names its checker, and neither does the name of the file")
    return max(found, key=len)


def judge(entry: Entry, tell: budget.Tell | None = None, *, lenient: bool = False) -> Verdict:
    """Our verdict on an entry. What cannot be read or asked is unknown, with the reason.

    `tell` hears how many entries were read: what is established when a limit ends the rest.
    """
    try:
        if entry.path is not None:
            from checker.formats.load import load

            history = load(entry.path, lenient=lenient)
        else:
            history = given(entry.history or [])
        if tell is not None:
            tell(f"{len(history)} entries were read")
        return registry.check(history, entry.checker, entry.options)
    except (HistoryError, OptionError, registry.UnknownChecker) as error:
        return Verdict(validity=Validity.UNKNOWN, reason=str(error))


def given(entries: list[Any]) -> History:
    """A history written into a litmus file."""
    timed = [{"time": at * STEP_NS} | entry for at, entry in enumerate(entries)]
    try:
        return History(msgspec.convert(timed, list[Operation]))
    except msgspec.ValidationError as error:
        raise HistoryError(f"the history of a case cannot be read: {error}") from None


def compare(entry: Entry, verdict: Verdict) -> Disagreement | None:
    """Where the verdict is not what was stated; None when we agree."""
    found = {"anomaly_types": _types(verdict)} | verdict.stats | {"valid": verdict.validity.as_json()}
    differences = [
        f"{field} is {_told(found.get(field))}, stated is {_told(wanted)}"
        for field, wanted in entry.stated.items()
        if not _same(wanted, found.get(field))
    ]
    return Disagreement(entry, "; ".join(differences), verdict.reason) if differences else None


def _types(verdict: Verdict) -> list[str]:
    return sorted({anomaly.type for anomaly in verdict.anomalies})


def _same(wanted: Any, found: Any) -> bool:
    """Lists of names have no order; an object must agree in the fields that are stated."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_same(inner, found.get(key)) for key, inner in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list) and all(isinstance(w, str) for w in wanted):
        return sorted(wanted) == sorted(map(str, found))
    if isinstance(wanted, bool) and isinstance(found, dict):
        # A part of a composed verdict, of which only the validity is stated.
        return found.get("valid") is wanted
    return bool(wanted == found)


def _told(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=repr).decode()
