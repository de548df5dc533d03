"""`splitbrain check`: judge histories of any tool, whole collections of them, or a recorded run again.

  splitbrain check FILE... --checker NAME [--model NAME] [--option key=JSON]... [--json] [--html FILE]
  splitbrain check --manifest FILE [--root DIR]
  splitbrain check FOLDER

Exit codes: 0 valid, 1 an anomaly was found, 2 unknown, 3 the environment failed, 4 wrong usage.  Of several
files the worst decides: invalid, then unreadable, then unknown.

Rules of this file
  1. A small history is judged in 0.3 s: nothing is imported that the file at hand does not need, and the
     command line is read by argparse (Typer alone takes half of that).
  2. With `--json` standard output is one object; everything said to people goes to standard error.
"""

import argparse
import functools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from checker import budget, registry
from checker.answer import describe
from checker.history import History, HistoryError
from checker.manifest import ManifestError
from checker.options import OptionError
from checker.verdict import Validity, Verdict, worst
from splitbrain.progress import ReadingLine, wipe

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_UNREAD = 3, 4, 130, 141
EXIT = {Validity.VALID: 0, Validity.INVALID: 1, Validity.UNKNOWN: 2}
SCHEMA = 1

OURS = ("causal", "lost-writes", "siblings", "convergence")
"""What a history of this harness is judged by when no checker is named."""

EMPTY = "the file holds no entry at all, so nothing was tested"

SHOWN = 5
"""Anomalies told in full on the console."""

HINTS = (
    ("txn", "list-append, rw-register or serializable"),
    ("transfer", "bank"),
    ("enqueue", "total-queue or fifo-queue"),
    ("cas", "cas-register"),
    ("acquire", "mutex"),
    ("append", "kv"),
    ("generate", "unique-ids"),
    ("add", "set-full or counter"),
    ("write", "register"),
)
"""An operation that a history holds -> checkers that may fit it."""


class WrongUsage(Exception):
    """The user asked for something that does not exist or does not fit. The text names the fix (exit 4)."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongUsage(f"{message} (splitbrain check --help)")


def main(argv: Sequence[str]) -> int:
    """Carry out the command; every failure becomes one clear sentence on standard error and an exit code."""
    try:
        code = _dispatch(_parser().parse_args(argv))
        sys.stdout.flush()
        return code
    except SystemExit as stop:
        return int(stop.code or 0)
    except (WrongUsage, HistoryError, ManifestError, OptionError) as error:
        return _fail(str(error), EXIT_USAGE)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read it (`| head`) has had enough; what is buffered still must go nowhere at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNREAD
    except Exception as error:
        import traceback

        traceback.print_exc()
        return _fail(f"the check failed: {error!r}; please report this with the lines above", EXIT_FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="splitbrain check",
        description="Judge histories of any tool (JSON, EDN, Jepsen logs), or a recorded run again.",
        epilog=f"checkers: {', '.join(registry.CHECKERS)}. docs/checkers.md tells what each one proves.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("targets", nargs="*", metavar="FILE", help="history files, or the folder of a run (runs/latest)")
    add("--checker", metavar="NAME", help="what to judge by; needed for histories of other tools")
    add(
        "--model",
        metavar="NAME",
        help="for linearizable: register, cas-register, mutex, kv, file.py:Name, ...",
    )
    add("--option", action="append", default=[], metavar="KEY=JSON", help="an option of the checker; repeat")
    add("--manifest", action="append", default=[], metavar="FILE", help="judge a collection with verdicts")
    add("--root", metavar="DIR", help="for --manifest: where the paths in it begin (default: its folder)")
    add("--json", action="store_true", help="print one JSON object on standard output")
    add("--html", metavar="FILE", help="write a page that shows each anomaly")
    add("--lenient", action="store_true", help="skip malformed lines and say how many there were")
    add("--independent", action="store_true", help="values are [key value] pairs: many histories in one")
    add("--time-limit", type=float, metavar="S", help="seconds for each file; beyond: unknown")
    add("--memory-limit", type=float, metavar="MB", help="memory for each file; beyond: unknown")
    return parser


def _dispatch(asked: argparse.Namespace) -> int:
    if asked.manifest:
        if asked.targets:
            raise WrongUsage("--manifest names its own files; leave out the others")
        for flag in ("checker", "model", "option", "html", "independent"):
            if getattr(asked, flag):
                raise WrongUsage(f"--{flag} does not go with --manifest, which says how each file is judged")
        from splitbrain.agreement import agree

        return agree(asked)
    if not asked.targets:
        raise WrongUsage("name a history file, or the folder of a run (splitbrain check --help)")
    paths = [Path(target) for target in asked.targets]
    if any(path.is_dir() for path in paths):
        return _recheck(paths, asked)
    if asked.html and len(paths) > 1:
        raise WrongUsage("--html shows one history; name one file")
    checks = _checks(asked)
    files = [judged(path, checks, asked) for path in paths]
    if len(files) == 1 and "error" in files[0]:
        return _fail(files[0]["error"], EXIT_USAGE)
    for result in files:
        _tell(result, sys.stderr if asked.json else sys.stdout)
    if asked.json:
        _print_json(files[0] if len(files) == 1 else _together(files))
    return min((_exit_code(result) for result in files), key=(1, 4, 2, 0).index)


def _recheck(paths: list[Path], asked: argparse.Namespace) -> int:
    """Judge a recorded run again."""
    if len(paths) > 1 or asked.checker or asked.html:
        folder = next(path for path in paths if path.is_dir())
        raise WrongUsage(
            f"{folder} is a folder, and the folder of a run is judged alone and by the checks of its "
            "workload (report.html is in it); for anything else name the file, as in "
            f"{folder / 'history.jsonl'}"
        )
    from splitbrain import judging, results
    from splitbrain.options import UsageError
    from splitbrain.report.console import Console

    try:
        outcome = judging.recheck(paths[0])
    except UsageError as error:
        raise WrongUsage(str(error)) from None
    Console(json=asked.json).verdict(outcome, Path(outcome["run"]))
    if asked.json:
        _print_json(outcome)
    return results.EXIT[results.validity_of(outcome)]


def _checks(asked: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Checker -> options, as asked for. Empty: nothing was asked for."""
    options = options_of(asked.option)
    if asked.model:
        options["model"] = asked.model
    if not asked.checker:
        if asked.model:
            return {"linearizable": options}
        if options:
            raise WrongUsage("--option belongs to a checker; name it with --checker")
        return {}
    if asked.checker not in registry.CHECKERS:
        raise WrongUsage(f"--checker {asked.checker}: unknown{_alike(asked.checker)}")
    return {asked.checker: options}


def _alike(name: str) -> str:
    """What somebody may have meant, and all that there is."""
    import difflib

    near = difflib.get_close_matches(name, registry.CHECKERS, n=3)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"{meant}; choose one of {', '.join(registry.CHECKERS)}"


def options_of(pairs: list[str]) -> dict[str, Any]:
    """`key=JSON` as a dict. A value that is no JSON is a string, so that quotes can be left out."""
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise WrongUsage(f"--option {pair}: expected key=JSON, as in --option init=0")
        try:
            options[key] = json.loads(value)
        except ValueError:
            options[key] = value
    return options


def limits_of(asked: argparse.Namespace) -> budget.Limits:
    """What each file may cost. Raises WrongUsage for what cannot be kept."""
    limits = budget.Limits(asked.time_limit, asked.memory_limit)
    if wrong := limits.wrong():
        raise WrongUsage(wrong)
    return limits


# --- one file --------------------------------------------------------------------------------------


def judged(path: Path, checks: dict[str, dict[str, Any]], asked: argparse.Namespace) -> dict[str, Any]:
    """The result of one file as JSON-able data; with `error` when it could not be read."""
    outcome = budget.run(functools.partial(_work, path, checks, asked), limits_of(asked))
    if outcome.error is not None:
        raise outcome.error
    if outcome.stopped:
        if not asked.json:
            wipe(sys.stderr)
        return _stopped(path, checks, outcome)
    result: dict[str, Any] = outcome.result
    return result


def _work(
    path: Path, checks: dict[str, dict[str, Any]], asked: argparse.Namespace, tell: budget.Tell
) -> dict[str, Any]:
    from checker.formats.load import load

    began = time.perf_counter()
    try:
        with ReadingLine(sys.stderr, path.name) as line:
            progress = None if asked.json else line
            history = load(path, lenient=asked.lenient, independent=asked.independent, progress=progress)
    except HistoryError as error:
        return {"file": str(path), "valid": "unknown", "reason": str(error), "error": str(error)}
    times = {"read_s": round(time.perf_counter() - began, 6)}
    tell(f"{len(history)} entries were read in {times['read_s']:.2f} s")
    checks = checks or _default(history, path)
    began = time.perf_counter()
    verdicts: dict[str, Verdict] = {}
    for name, options in checks.items():
        verdicts[name] = registry.check(history, name, options)
        if asked.memory_limit and verdicts[name].reason.startswith(registry.OUT_OF_MEMORY):
            raise MemoryError  # One allocation beyond the limit: the limit is the reason to tell.
        tell(f"{name} is {verdicts[name].validity.name.lower()}: {verdicts[name].reason}")
    times["check_s"] = round(time.perf_counter() - began, 6)
    result = _result(path, history, verdicts, times)
    if asked.html:
        from splitbrain.report import verdict_page

        verdict_page.write(Path(asked.html), path, history, verdicts)
        result["html"] = asked.html
    return result


def _default(history: History, path: Path) -> dict[str, dict[str, Any]]:
    """What to judge by when nothing was asked for: our own histories say it themselves."""
    kinds, is_ours = _kinds(history)
    if not kinds or is_ours:
        return {name: {} for name in OURS}
    fitting = next((names for kind, names in HINTS if kind in kinds), "one of splitbrain list")
    told = ", ".join(sorted(kinds)[:6])
    raise WrongUsage(f"{path}: its operations are {told}; say what to judge by with --checker: {fitting}")


def _kinds(history: History) -> tuple[set[str], bool]:
    """What clients do in a history, and whether it tells what was written and read."""
    if (table := history.table) is not None:
        clients = table.process >= 0
        is_ours = bool(((table.write[clients] >= 0) | (table.reads[clients] >= 0)).any())
        return {table.pool[place] for place in set(table.f[clients].tolist())}, is_ours
    entries = [operation for operation in history if isinstance(operation.process, int)]
    is_ours = any(o.write is not None or o.reads is not None for o in entries)
    return {operation.f for operation in entries}, is_ours


def _result(
    path: Path, history: History, verdicts: dict[str, Verdict], times: dict[str, float]
) -> dict[str, Any]:
    told = {name: describe(verdict) for name, verdict in verdicts.items()}
    result = {
        "schema": SCHEMA,
        "file": str(path),
        "checker": ", ".join(verdicts),
        "valid": worst(verdict.validity for verdict in verdicts.values()).as_json(),
        "reason": _reason(verdicts),
        "anomalies": [anomaly for check in told.values() for anomaly in check["anomalies"]],
        "times": times,
        "entries": len(history),
        "notes": [*history.notes, *([] if len(history) else [EMPTY])],
    }
    if len(told) == 1:
        check = next(iter(told.values()))
        result |= {"allowed": check["allowed"], "stats": check["stats"]}
    if all(name in registry.OWN for name in verdicts):
        from splitbrain.results import count

        # The object of a run, as far as a bare history can tell it.
        result |= {"checks": told, "faults": [], "run": str(path)}
        result.setdefault("stats", count(history))
    return result


def _reason(verdicts: dict[str, Verdict]) -> str:
    """Of several checks the reasons of the worst."""
    validity = worst(verdict.validity for verdict in verdicts.values())
    named = {name: verdict.reason for name, verdict in verdicts.items() if verdict.validity is validity}
    return (
        "; ".join(named.values()) if len(verdicts) == 1 else "; ".join(f"{n}: {r}" for n, r in named.items())
    )


def _stopped(path: Path, checks: dict[str, dict[str, Any]], outcome: budget.Outcome) -> dict[str, Any]:
    established = f"; established so far: {'; '.join(outcome.told)}" if outcome.told else ""
    where = "while checking" if outcome.told else "while reading the history"
    return {
        "schema": SCHEMA,
        "file": str(path),
        "checker": ", ".join(checks or OURS),
        "valid": "unknown",
        "reason": f"{outcome.stopped} {where}{established}",
        "anomalies": [],
        "established": list(outcome.told),
    }


# --- what is said ----------------------------------------------------------------------------------


def _tell(result: dict[str, Any], stream: Any) -> None:
    """A result for people: the verdict, the reason, the first anomalies, and how long it took."""
    word = {True: "valid", False: "INVALID"}.get(result["valid"], "unknown")
    colour = {True: "32", False: "31"}.get(result["valid"], "33")
    stamp = f"\x1b[1;{colour}m{word}\x1b[0m" if stream.isatty() else word
    say: Callable[[str], int] = lambda line: stream.write(f"{line}\n")  # noqa: E731
    say(f"{stamp}  {result['file']}" + (f"  ({result['checker']})" if "checker" in result else ""))
    say(f"  {result['reason']}")
    anomalies = result.get("anomalies", [])
    for anomaly in anomalies[:SHOWN]:
        entries = ", ".join(map(str, anomaly["operations"][:8]))
        say(f"  {anomaly['type']}: {anomaly['sentence']}" + (f"  [entries {entries}]" if entries else ""))
    if len(anomalies) > SHOWN:
        say(f"  and {len(anomalies) - SHOWN} more of which --json and --html tell")
    for kind, number in _unlisted(result).items():
        say(f"  {kind}: {number} in all, of which the first are listed")
    for kind, number in result.get("allowed", {}).items():
        say(f"  allowed: {number} {kind}")
    for note in result.get("notes", []):
        say(f"  note: {note}")
    if "times" in result:
        times = result["times"]
        took = f"in {times['read_s']:.3f} s, checked in {times['check_s']:.3f} s"
        say(f"  read {result['entries']} entries {took}")
    if "html" in result:
        say(f"  page: {result['html']}")


def _unlisted(result: dict[str, Any]) -> dict[str, int]:
    """Types of which a checker found more than it lists -> how many it found."""
    checks = result.get("checks") or {"": {"anomalies": result.get("anomalies", []), **result}}
    unlisted = {}
    for name, check in checks.items():
        listed = Counter(anomaly["type"] for anomaly in check["anomalies"])
        for kind, number in (check.get("stats", {}).get("found") or {}).items():
            if number > listed[kind]:
                unlisted[f"{name} {kind}".lstrip()] = number
    return unlisted


def _together(files: list[dict[str, Any]]) -> dict[str, Any]:
    order = [False, "unknown", True]
    return {
        "schema": SCHEMA,
        "valid": min((result["valid"] for result in files), key=order.index),
        "files": files,
    }


def _exit_code(result: dict[str, Any]) -> int:
    if "error" in result:
        return EXIT_USAGE
    return {True: 0, False: 1}.get(result["valid"], 2)


def _print_json(value: object) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"splitbrain: {sentence}\n")
    return code
