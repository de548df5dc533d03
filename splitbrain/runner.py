"""One run from its options to its verdict.

The order matters: the folder and `test.json` first, the cluster then, the journal before the first fault;
at the end faults are healed and the cluster is gone before anything is judged.  Ctrl-C takes the same way
out, only sooner: what was recorded until then is judged like any other history.
"""

import random
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from checker.history import HistoryWriter
from checker.operation import Operation
from nemesis import schedule as schedules
from nemesis.fault import Fault, FaultReport
from nemesis.journal import Journal
from nemesis.registry import KINDS, parse_faults
from splitbrain import __version__, judging, runs
from splitbrain.options import RunOptions, UsageError, validate
from splitbrain.places import catalogue
from splitbrain.places.place import ClusterSpec, Place
from splitbrain.program import PlaceError
from splitbrain.report.console import Console
from splitbrain.scenario import Scenario
from store.bugs.catalogue import BugError
from store.bugs.catalogue import load as load_bug
from workloads import registry as workloads


class Interrupted(Exception):
    """Ctrl-C: the run was cut short; carries the results of what had been recorded."""

    def __init__(self, outcome: dict[str, Any]) -> None:
        super().__init__("interrupted")
        self.outcome = outcome


def prepare(options: RunOptions) -> tuple[Fault, ...]:
    """Check everything that can be checked before anything is started; draw the fault schedule.

    Raises UsageError naming the fix.
    """
    validate(options)
    try:
        workloads.load(options.workload)
        parse_faults(",".join(options.faults) or "none")
        if options.bug is not None:
            load_bug(options.bug)
    except (ValueError, BugError) as error:
        raise UsageError(str(error)) from None
    able = catalogue.abilities(options.place)
    for kind in options.faults:
        missing = KINDS[kind].needs - able
        if missing:
            raise UsageError(
                f"--faults {kind}: {options.place} cannot do it: it lacks {', '.join(sorted(missing))}"
            )
    rng = random.Random(f"schedule-{options.seed}")
    return schedules.draw(rng, options.node_names, options.faults, int(options.time_limit_s * 1e9))


def run(options: RunOptions, root: Path, console: Console) -> dict[str, Any]:
    """Run, judge, report. Raises UsageError, PlaceError, or Interrupted with what there is."""
    schedule = prepare(options)
    folder = runs.create(root, options)
    test = {
        "schema": 1,
        "options": msgspec.to_builtins(options),
        "schedule": msgspec.to_builtins(schedule),
        "command": options.command(),
        "versions": {"splitbrain": __version__, "python": sys.version.split()[0]},
    }
    runs.write_json(folder / judging.TEST, test)
    console.begin(options, folder)
    session = _Session(options, schedule, folder, console)
    started = time.monotonic()
    try:
        session.run(root)
    except KeyboardInterrupt:
        session.interrupted = True
    except PlaceError:
        if session.place is None and not (folder / "nodes").exists():
            runs.discard(root, folder)
        raise
    console.progress("check", 1.0, "judging the history")
    facts = {
        "stats": session.stats | {"wall_s": round(time.monotonic() - started, 3)},
        "place_fingerprint": session.stats.get("fingerprint", ""),
        "interrupted": session.interrupted,
    }
    reports = session.reports if session.reports is not None else session.reports_from_history()
    outcome = judging.conclude(folder, options, reports, facts)
    if session.interrupted:
        raise Interrupted(outcome)
    return outcome


class _Session:
    """The part of a run during which a cluster exists."""

    def __init__(
        self, options: RunOptions, schedule: tuple[Fault, ...], folder: Path, console: Console
    ) -> None:
        self.options = options
        self.schedule = schedule
        self.folder = folder
        self.console = console
        self.interrupted = False
        self.reports: list[FaultReport] | None = None
        self.stats: dict[str, Any] = {}
        self.place: Place | None = None
        self.phase = "start"
        self.operations = 0

    def run(self, root: Path) -> None:
        """Start the cluster, execute the scenario, stop the cluster; the history is closed at the end."""
        spec = ClusterSpec(
            nodes=self.options.node_names,
            config=self.options.node_config(),
            seed=self.options.seed,
            engine=self.options.engine,
            proxy=self.options.proxy,
            folder=self.folder,
        )
        self.console.progress("start", 0.0, f"starting {len(spec.nodes)} nodes ({self.options.place})")
        # A simulated cluster leaves nothing behind, so its journal need not survive a power loss.
        journal = Journal(self.folder / "journal.jsonl", durable=self.options.place != "sim")
        with HistoryWriter(self.folder / judging.HISTORY) as self.writer:
            with catalogue.open_place(self.options.place, spec) as self.place:
                runs.point_latest(root, self.folder)
                journal.write("cluster", facts=self.place.cluster_facts())
                self._execute(self.place, journal)
                self.stats = self.place.stats()
            journal.write("closed")

    def _execute(self, place: Place, journal: Journal) -> None:
        scenario = Scenario(
            options=self.options,
            workload=workloads.load(self.options.workload),
            schedule=self.schedule,
            record=self._record,
            journal=journal,
            announce=self._announce,
        )
        try:
            self.reports = place.execute(scenario.program())
        except KeyboardInterrupt:
            self.interrupted = True
            self.console.progress("heal", 1.0, "interrupted: healing faults and stopping the cluster")
            place.execute(scenario.recover())

    def _record(self, operation: Operation) -> Operation:
        assert self.place is not None
        now = self.place.now()
        written = self.writer.write(msgspec.structs.replace(operation, time=now))
        if isinstance(operation.process, int):
            self.operations += operation.type == "invoke"
            if self.operations % 50 == 0:
                self._tell(now)
        elif operation.process == "nemesis":
            self.console.fault(written)
        return written

    def _announce(self, phase: str) -> None:
        self.phase = phase
        self._tell(self.place.now() if self.place else 0)

    def _tell(self, now: int) -> None:
        fraction = min(1.0, now / 1e9 / self.options.time_limit_s)
        self.console.progress(self.phase, fraction, f"{now / 1e9:.1f} s, {self.operations} operations")

    def reports_from_history(self) -> list[FaultReport]:
        """After an interruption: what became of the faults until then."""
        from checker.history import History

        return judging.reports_in(History.from_file(self.folder / judging.HISTORY), self.schedule)
