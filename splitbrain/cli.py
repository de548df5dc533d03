"""The command line. `main(argv)` returns the exit code and never raises.

  0 valid, 1 anomaly found, 2 inconclusive, 3 harness or environment failed, 4 wrong usage, 130 interrupted

Heavy imports happen inside the commands: `splitbrain --help` and wrong usage answer at once.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from splitbrain import __version__

FAILED, USAGE, INTERRUPTED = 3, 4, 130

# Typer brings Click's exceptions along without naming them: BadParameter < UsageError < ClickException.
_WrongUsage: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="splitbrain",
    help="Break a Dynamo-style store on purpose and prove from the history what was lost.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Runs = Annotated[Path, typer.Option("--runs", help="Folder that receives the results.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"splitbrain {__version__}")
        raise typer.Exit()


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Break a Dynamo-style store on purpose and prove from the history what was lost."""


@app.command()
def run(  # noqa: PLR0917 (Typer reads the flags from the parameters)
    workload: Annotated[str, typer.Argument(help="What the clients do: cart or kv (splitbrain list).")],
    on: Annotated[str, typer.Option("--on", help="Where: sim, local or docker.")] = "sim",
    seed: Annotated[
        int, typer.Option(help="Draws the workload, the faults and, in the simulator, everything.")
    ] = 1,
    nodes: Annotated[int, typer.Option(help="Nodes in the cluster.")] = 5,
    n: Annotated[int, typer.Option("--n", help="Replicas of each key.")] = 3,
    r: Annotated[int, typer.Option("--r", help="Replicas that must answer a read.")] = 2,
    w: Annotated[int, typer.Option("--w", help="Replicas that must acknowledge a write.")] = 2,
    partitions: Annotated[int, typer.Option(help="Equal parts of the ring.")] = 64,
    clients: Annotated[int, typer.Option(help="Concurrent clients.")] = 10,
    keys: Annotated[int, typer.Option(help="Keys (carts).")] = 5,
    rate: Annotated[float, typer.Option(help="Operations per second over all clients.")] = 100.0,
    time_limit: Annotated[float, typer.Option(help="Seconds of workload under faults.")] = 20.0,
    settle_limit: Annotated[float, typer.Option(help="Seconds that replicas may take to agree.")] = 30.0,
    sample_ms: Annotated[int, typer.Option(help="Milliseconds between looks at the replicas.")] = 500,
    faults: Annotated[
        str, typer.Option(help="Kinds of faults: all, none, or some of partition,kill,pause.")
    ] = "all",
    bug: Annotated[
        str | None, typer.Option(help="Plant a bug: an id (splitbrain list) or a Python file.")
    ] = None,
    engine: Annotated[str, typer.Option(help="Where a node keeps its data: log or memory.")] = "log",
    proxy: Annotated[
        str, typer.Option(help="--on local: embedded, or toxiproxy for a real server.")
    ] = "embedded",
    runs: Runs = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Run a workload against a cluster under faults, check the history, write a report."""
    from nemesis.registry import parse_faults
    from splitbrain import results
    from splitbrain.options import RunOptions, UsageError
    from splitbrain.report.console import Console
    from splitbrain.runner import Interrupted
    from splitbrain.runner import run as run_test

    try:
        kinds = parse_faults(faults)
    except ValueError as error:
        raise UsageError(f"--faults: {error}") from None
    options = RunOptions(
        workload=workload, place=on, seed=seed, nodes=nodes, n=n, r=r, w=w, partitions=partitions,
        clients=clients, keys=keys, rate=rate, time_limit_s=time_limit, settle_limit_s=settle_limit,
        sample_ms=sample_ms, faults=kinds, bug=bug, engine=engine, proxy=proxy,
    )  # fmt: skip
    console = Console(json=as_json)
    try:
        outcome = run_test(options, runs, console)
    except Interrupted as stopped:
        _show(console, stopped.outcome, as_json)
        raise typer.Exit(INTERRUPTED) from None
    _show(console, outcome, as_json)
    raise typer.Exit(results.EXIT[results.validity_of(outcome)])


@app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
def check(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Judge histories of any tool, or a recorded run again (splitbrain check --help)."""
    from splitbrain.checking import main as check_main

    raise typer.Exit(check_main(arguments or []))


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="A history in any notation; it is recognised.")],
    target: Annotated[Path, typer.Argument(help="The file to write.")],
    to: Annotated[
        str | None, typer.Option(help="jsonl, json, edn or log (default: the target's ending).")
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Skip malformed lines, and say how many.")
    ] = False,
    independent: Annotated[
        bool, typer.Option("--independent", help="Take values [key value] apart.")
    ] = False,
) -> None:
    """Translate a history: JSON lines, a JSON array, Jepsen's EDN, Jepsen's log."""
    from checker.formats.convert import TARGETS
    from checker.formats.convert import convert as convert_history
    from splitbrain.options import UsageError

    notation = to or target.suffix.removeprefix(".")
    if notation not in TARGETS:
        raise UsageError(f"cannot write {notation or 'that'}: say --to {', --to '.join(TARGETS)}")
    summary = convert_history(source, target, notation, lenient, independent)
    for line in (*summary.notes, *summary.problems):
        typer.echo(f"note: {line}", err=True)
    typer.echo(f"{summary.entries} entries written to {target}")


@app.command()
def heal(runs: Runs = Path("runs")) -> None:
    """Undo what a crashed harness left behind: faults, stopped processes, proxies, containers."""
    from splitbrain.healing import heal as heal_runs

    raise typer.Exit(heal_runs(runs, typer.echo))


@app.command()
def demo(
    runs: Runs = Path("runs"),
    on: Annotated[str, typer.Option("--on", help="Where: sim, local or docker.")] = "local",
    seed: Annotated[int, typer.Option(help="The seed of both runs.")] = 1,
    time_limit: Annotated[float, typer.Option(help="Seconds of workload in each run.")] = 12.0,
) -> None:
    """Show that nothing is lost, then plant last-write-wins and show what is."""
    from splitbrain.demo import demonstrate

    raise typer.Exit(demonstrate(on, seed, time_limit, runs))


@app.command(name="list")
def list_all() -> None:
    """List workloads, places with their faults, checkers and bugs."""
    from splitbrain.listing import lines

    for line in lines():
        typer.echo(line)


# `node` and `admin` never come here: the launcher hands them to the store without loading any of this.
# They are declared for the help text.
@app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
def node(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Start one node of the store (splitbrain node --help)."""


@app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
def admin(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Ask a node's admin interface: status, ring, hints, roots, dump (splitbrain admin --help)."""


def _show(console: Any, outcome: dict[str, Any], as_json: bool) -> None:
    console.verdict(outcome, Path(outcome["run"]))
    if as_json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")


def main(argv: list[str]) -> int:
    """Run a command; every failure becomes one clear sentence on standard error and an exit code."""
    try:
        code = app(argv, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.Exit as stop:
        return stop.exit_code
    except _WrongUsage as error:
        return _fail(error.format_message(), USAGE)  # type: ignore[attr-defined]
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", INTERRUPTED)
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    """Known errors are one sentence; anything else is a defect of the harness and shows its trace."""
    from checker.history import HistoryError
    from splitbrain.options import UsageError
    from splitbrain.program import PlaceError

    if isinstance(error, (UsageError, HistoryError)):
        return _fail(str(error), USAGE)
    if isinstance(error, PlaceError):
        return _fail(str(error), FAILED)
    import traceback

    traceback.print_exc()
    return _fail(f"the harness failed: {error!r}; please report this with the lines above", FAILED)


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"splitbrain: {sentence}\n")
    return code
