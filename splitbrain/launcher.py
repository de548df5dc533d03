"""Starts what a command line asks for, and says how to start it again in a child process.

A wheel installs the single name `splitbrain` and carries the other rooms in `splitbrain/_bundle`
(docs/decisions/0001); `prepare_path` makes them importable, in this process only.  In a checkout the
rooms lie next to `splitbrain`, and there is nothing to do.

`node` and `admin` go straight to the store: a harness starts many nodes, and none of them should pay for
the command line of the harness.  So does `check` to its own command line: it is used on many small files.
"""

import os
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def prepare_path() -> None:
    """Put the bundled rooms first on the path, when installed from a wheel. Safe to repeat."""
    bundle = str(_PACKAGE / "_bundle")
    if os.path.isdir(bundle) and bundle not in sys.path:
        sys.path.insert(0, bundle)


def launch(argv: list[str]) -> int:
    """Carry out a command line (without the program's name); returns the exit code."""
    prepare_path()
    if argv[:1] in (["node"], ["admin"]):
        from store.main import main as store_main

        return store_main(argv)
    if argv[:1] == ["check"]:
        from splitbrain.checking import main as check_main

        return check_main(argv[1:])
    from splitbrain.cli import main as cli_main

    return cli_main(argv)


def node_command() -> list[str]:
    """The beginning of a command that runs a node; use it with `child_environment`.

    `-P` keeps the current folder off the path: a `splitbrain` or `store` there is somebody else's.
    """
    return [sys.executable, "-P", "-m", "splitbrain", "node"]


def child_environment() -> dict[str, str]:
    """This process's environment, in which a child finds this very package."""
    environment = dict(os.environ)
    path = [str(_PACKAGE.parent)]
    if inherited := environment.get("PYTHONPATH"):
        path.append(inherited)
    environment["PYTHONPATH"] = os.pathsep.join(path)
    return environment
