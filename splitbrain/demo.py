"""`make demo`: nothing is lost by the store as it is; something is with last-write-wins.

Both runs use the same seed, so the same clients meet the same faults. The second is the first experiment
that Jepsen made with Riak (2013), in small.
"""

from pathlib import Path
from typing import Any

import typer

from nemesis.registry import parse_faults
from splitbrain.options import RunOptions
from splitbrain.report.console import Console
from splitbrain.runner import Interrupted, run

FAULTS = "all"
SHOWN = 5


def demonstrate(place: str, seed: int, time_limit_s: float, root: Path) -> int:
    """Both runs. 0 when the first was valid and the second lost writes, as they must; otherwise 1."""
    faults = parse_faults(FAULTS)
    first = RunOptions(workload="cart", place=place, seed=seed, time_limit_s=time_limit_s, faults=faults)
    second = RunOptions(
        workload="cart", place=place, seed=seed, time_limit_s=time_limit_s, faults=faults, bug="A01"
    )
    typer.echo("1 of 2  Shopping carts on five nodes, while links are cut and nodes are killed and paused.")
    try:
        kept = _run(first, root)
        typer.echo(
            "\n2 of 2  The same again, but each node keeps the write with the latest timestamp only (A01)."
        )
        lost = _run(second, root)
    except Interrupted:
        return 130
    return _conclude(kept, lost)


def _run(options: RunOptions, root: Path) -> dict[str, Any]:
    console = Console()
    outcome = run(options, root, console)
    console.verdict(outcome, Path(outcome["run"]))
    return outcome


def _conclude(kept: dict[str, Any], lost: dict[str, Any]) -> int:
    names = [a["sentence"] for a in lost["checks"]["lost-writes"]["anomalies"]]
    typer.echo("\nWhat this showed")
    typer.echo(f"  siblings kept (dotted version vectors): {_summary(kept)}")
    typer.echo(f"  last write wins: {_summary(lost)}")
    for sentence in names[:SHOWN]:
        typer.echo(f"    - {sentence}")
    if len(names) > SHOWN:
        typer.echo(f"    and {len(names) - SHOWN} more")
    typer.echo(f"\nOpen this file in a browser: {Path(lost['run']) / 'report.html'}")
    as_it_must = kept["valid"] is True and lost["valid"] is False and bool(names)
    if not as_it_must:
        typer.echo("This is not what the demo must show; the verdicts above say what happened.")
    return 0 if as_it_must else 1


def _summary(outcome: dict[str, Any]) -> str:
    what = {True: "valid", False: "INVALID"}.get(outcome["valid"], "inconclusive")
    return f"{what}; {outcome['checks']['lost-writes']['reason'].partition(';')[0]}"
