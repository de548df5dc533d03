"""Progress and verdicts on the console.

On a terminal one live line tells phase, time, operations and the faults that are active; elsewhere (no
terminal, or CI is set) plain lines appear when something changes, so that a log stays short.  NO_COLOR
and TERM=dumb are honoured.  With `json`, standard output belongs to the results object alone and
everything here goes to standard error.

Rule: nothing that came from a history or a user is ever read as markup.
"""

import atexit
import os
import sys
from pathlib import Path
from typing import Any

import rich.console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from checker.history import History
from checker.operation import Operation
from splitbrain.report import story, words

SHOWN = 5
"""Anomalies told in full; the report has them all."""

_STYLE = {"valid": "bold green", "INVALID": "bold red", "unknown": "bold yellow"}
_PLAIN_WIDTH = 120


class Console:
    """What a run says while it goes on and when it ends."""

    def __init__(self, plain: bool = False, json: bool = False) -> None:
        stream = sys.stderr if json else sys.stdout
        self.plain = (
            plain or bool(os.environ.get("CI")) or not stream.isatty() or os.environ.get("TERM") == "dumb"
        )
        self.out = rich.console.Console(
            file=stream,
            highlight=False,
            markup=False,
            no_color=True if self.plain else None,
            width=int(os.environ.get("COLUMNS", _PLAIN_WIDTH)) if self.plain else None,
            soft_wrap=self.plain,
        )
        self._live: Progress | None = None
        self._task: TaskID | None = None
        self._said: tuple[str, int] = ("", -1)
        self._active: dict[Any, str] = {}

    def begin(self, options: Any, folder: Path | str) -> None:
        """Say what is about to run, and how to run it again, before anything is started."""
        self._active.clear()
        self._said = ("", -1)
        self._print(Text(f"{options.command()}", style="bold"))
        self._print(Text(f"recording to {folder}", style="dim"))

    def progress(self, phase: str, fraction: float, text: str) -> None:
        """The phase, how far it is (0 to 1), and figures such as seconds and operations so far."""
        if not self.plain:
            self._show(phase, fraction, text)
            return
        quarter = int(max(0.0, min(fraction, 1.0)) * 4)
        if (phase, quarter) != self._said:
            self._said = (phase, quarter)
            self._print(Text(f"{phase:<8}{text}"))

    def fault(self, event: Operation | str) -> None:
        """A fault was injected, proved, or healed: the nemesis's entry of the history, or a sentence."""
        if isinstance(event, str):
            self._print(Text(f"fault   {event}"))
            return
        fields = event.value if isinstance(event.value, dict) else {}
        name, told = words.fault(fields), _told(event.f, fields)
        if event.f == "inject" and fields.get("bit") is not False:
            self._active[fields.get("id")] = name
        else:
            self._active.pop(fields.get("id"), None)
        if self.plain and told:
            self._print(Text(f"fault   {words.seconds(event.time)}  {name}: {told}"))

    def verdict(self, results: dict[str, Any], folder: Path | str) -> None:
        """The verdict table, the first anomalies with their operations, what was allowed, where to look."""
        self.close()
        self._print(Text())
        self._print(_title(results))
        self._tell_checks(results)
        self._tell_anomalies(results, Path(folder))
        for heading, lines in (
            ("allowed in this mode", _allowed(results)),
            ("in doubt", words.doubts(results)),
        ):
            for number, sentence in enumerate(lines):
                self._print(_row("" if number else heading, sentence))
        report = Path(folder) / "report.html"
        if report.exists():
            self._print(_row("report", str(report)))
        if results.get("replay"):
            self._print(_row("run it again", results["replay"]))

    def error(self, sentence: str) -> None:
        """One sentence that names the fix; always on standard error."""
        self.close()
        sys.stderr.write(f"splitbrain: {sentence}\n")

    def close(self) -> None:
        """Take the live line away. Safe to repeat."""
        if self._live is not None:
            self._live.stop()
            self._live, self._task = None, None
            atexit.unregister(self.close)

    def _show(self, phase: str, fraction: float, text: str) -> None:
        if self._live is None:
            self._live = Progress(
                TextColumn("{task.fields[phase]:<7}", style="bold", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[text]}", markup=False),
                TextColumn("{task.fields[faults]}", style="yellow", markup=False),
                console=self.out,
                transient=True,
            )
            # An exception on the way out must not leave a terminal without its cursor.
            atexit.register(self.close)
            self._live.start()
            self._task = self._live.add_task("", total=1.0, phase=phase, text=text, faults="")
        assert self._task is not None
        faults = "  ".join(self._active.values())
        self._live.update(self._task, completed=fraction, phase=phase, text=text, faults=faults)

    def _tell_checks(self, results: dict[str, Any]) -> None:
        rows = [
            (name, words.verdict(check.get("valid")), _finding(name, check, results))
            for name, check in results.get("checks", {}).items()
        ]
        if self.plain:
            for name, said, finding in (("check", "verdict", "what was found"), *rows):
                self._print(Text(f"  {name:<15} {said:<9} {finding}"))
            return
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
        for title in ("check", "verdict", "what was found"):
            table.add_column(title, overflow="fold")
        for name, said, finding in rows:
            table.add_row(Text(name), Text(said, style=_STYLE[said]), Text(finding))
        self._print(Padding(table, (0, 0, 0, 2), expand=False))

    def _tell_anomalies(self, results: dict[str, Any], folder: Path) -> None:
        file = folder / "history.jsonl"
        found = words.anomalies(results)
        pairs = story.pairs(History.from_file(file)) if found and file.exists() else []
        told, stories = story.told_once(found, pairs, story.by_index(pairs))
        for anomaly, its_story in list(zip(told, stories, strict=True))[:SHOWN]:
            sentence = words.sentence(str(anomaly.get("sentence", "")))
            line = Text.assemble((str(anomaly.get("type", "")), "bold red"), "  ", sentence)
            self._print(Text())
            # A log wants one line for one anomaly; a terminal wants it to fit.
            self._print(Text("  ") + line if self.plain else Padding(line, (0, 0, 0, 2), expand=False))
            for one in its_story.steps:
                self._print(Text(f"    {story.line(one)}", style="dim"))
        if len(told) > SHOWN:
            self._print(Text(f"\n  and {len(told) - SHOWN} more in the report"))
        self._print(Text())

    def _print(self, what: Any) -> None:
        self.out.print(what)


def _told(f: str, fields: dict[str, Any]) -> str:
    """What became of a fault, for a line of a log; nothing when a later entry says it better."""
    if f == "heal":
        match fields.get("healed"):
            case True:
                return "healed"
            case False:
                return f"still bites after healing: {fields.get('how', 'no reason given')}"
            case _:
                return ""
    match fields.get("bit"):
        case True:
            return "bites"
        case False:
            return f"did not bite: {fields.get('how', 'no reason given')}"
        case _:
            return ""


def _title(results: dict[str, Any]) -> Text:
    said = words.verdict(results.get("valid"))
    run = f"{results.get('workload')} on {words.place(str(results.get('place')))}, seed {results.get('seed')}"
    bug = f", bug {results['bug']} planted" if results.get("bug") else ""
    cut_short = ", interrupted" if results.get("interrupted") else ""
    return Text.assemble((said, _STYLE[said]), f"  {run}{bug}{cut_short}")


def _finding(name: str, check: dict[str, Any], results: dict[str, Any]) -> str:
    counted = [sentence for where, sentence in words.summaries(results) if where == name]
    return str(check.get("reason") or "; ".join(counted) or "nothing wrong")


def _allowed(results: dict[str, Any]) -> list[str]:
    return [
        words.counted(kind, count)
        for check in results.get("checks", {}).values()
        for kind, count in check.get("allowed", {}).items()
        if count
    ]


def _row(label: str, text: str) -> Text:
    return Text.assemble(("  " + f"{label:<22}", "dim"), text)
