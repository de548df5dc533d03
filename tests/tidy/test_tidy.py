"""House rules as tests: each failure names the place and what to do instead.

The limits are ratchets: they hold for every file, and go down, never up.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("store", "nemesis", "workloads", "checker", "splitbrain")

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
POSITIONAL_PARAMETERS_MAX = 6

MAY_IMPORT = {
    "store": {"store"},
    "checker": {"checker"},
    "workloads": {"workloads", "checker"},
    "nemesis": {"nemesis", "checker"},
    "splitbrain": set(ROOMS),
}

SHELL = {"store/server.py", "store/connections.py", "store/main.py", "store/client.py", "store/engine/log.py"}
"""The files of the store that do input and output. Everything else there is the pure core."""

BANNED_IN_CORE = {
    "asyncio": "return effects; the driver in store/server.py does input and output",
    "socket": "return Send effects",
    "time": "time is the argument `now`, in ns",
    "datetime": "time is the argument `now`, in ns",
    "random": "randomness is the argument `rng`",
    "secrets": "randomness is the argument `rng`",
    "uuid": "randomness is the argument `rng`",
    "threading": "the core is one state machine",
    "os": "return Persist effects",
    "pathlib": "return Persist effects",
    "logging": "count in Status counters; the shell logs",
}

ENTRY_POINTS = {"splitbrain.__main__"}
"""Modules that nobody imports because they are started."""


def sources(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a file imports, except under TYPE_CHECKING."""
    typing_only = {
        id(node)
        for block in ast.walk(tree_of(path))
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree_of(path)):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_they_may(room: str) -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {target}; {room} may import {sorted(MAY_IMPORT[room])}"
        for path in sources(room)
        for line, target in imports(path)
        if target.split(".")[0] in ROOMS and target.split(".")[0] not in MAY_IMPORT[room]
    ]
    assert not wrong, "\n".join(wrong)


def test_nemesis_sees_only_operations_of_the_checker() -> None:
    allowed = ("checker.history", "checker.operation")
    wrong = [
        f"{name_of(path)}:{line} imports {target}; a nemesis sees the cluster through nemesis/steps.py only"
        for path in sources("nemesis")
        for line, target in imports(path)
        if target.split(".")[0] == "checker" and target != "checker" and not target.startswith(allowed)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_core_is_pure() -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {target}: {BANNED_IN_CORE[target.split('.')[0]]}"
        for path in sources("store")
        if name_of(path) not in SHELL
        for line, target in imports(path)
        if target.split(".")[0] in BANNED_IN_CORE
    ]
    assert not wrong, "\n".join(wrong)


def test_files_are_short() -> None:
    wrong = [
        f"{name_of(path)} has {lines} lines, the limit is {FILE_LINES_MAX}: split it by nouns"
        for path in sources(*ROOMS)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    ]
    assert not wrong, "\n".join(wrong)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree_of(path)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))


def test_functions_are_short() -> None:
    wrong = [
        f"{name_of(path)}:{fn.lineno} {fn.name} has {lines} lines, the limit is {FUNCTION_LINES_MAX}"
        for path in sources(*ROOMS)
        for fn in functions(path)
        if (lines := (fn.end_lineno or fn.lineno) - fn.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not wrong, "\n".join(wrong)


def test_functions_have_few_positional_parameters() -> None:
    commands = "splitbrain/cli.py"  # Typer reads the flags of a command from its parameters.
    wrong = [
        f"{name_of(path)}:{fn.lineno} {fn.name} takes {count} positional parameters: pass a frozen struct"
        for path in sources(*ROOMS)
        if name_of(path) != commands
        for fn in functions(path)
        if (count := len([a for a in fn.args.args if a.arg not in ("self", "cls")]))
        > POSITIONAL_PARAMETERS_MAX
    ]
    assert not wrong, "\n".join(wrong)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def loaded_by_name(path: Path) -> Iterator[str]:
    """Modules that a table names as "module:function", to be imported when they are used."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            module, colon, _ = node.value.partition(":")
            if colon and module.split(".")[0] in ROOMS:
                yield module


def test_every_file_is_used() -> None:
    used = {target for path in sources(*ROOMS) for _, target in imports(path)}
    used |= {target for path in sources(*ROOMS) for target in loaded_by_name(path)}
    wrong = [
        f"{name_of(path)} is imported by nobody: delete it"
        for path in sources(*ROOMS)
        if module_name(path) not in used | ENTRY_POINTS
        and path.name != "__init__.py"
        and path.parent.name != "bugs"  # The catalogue finds seeds by listing their folder.
    ]
    assert not wrong, "\n".join(wrong)


def test_the_docker_folder_is_not_a_package() -> None:
    found = [name_of(path) for path in (ROOT / "docker").rglob("*.py")]
    assert not found, f"{found}: Python here would shadow the Docker SDK (`import docker`)"


def test_the_docker_sdk_is_what_is_imported() -> None:
    import docker

    assert hasattr(docker, "from_env"), "`import docker` found the folder: install the package docker"


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name]


def test_nothing_is_left_for_later() -> None:
    pattern = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    wrong = [
        f"{name_of(path)}:{number} says {found.group()}: do it or open an issue"
        for path in tracked()
        if path.suffix in {".py", ".md", ".js", ".toml"} and path.is_file()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := pattern.search(line))
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_generated_is_committed() -> None:
    wrong = [
        name_of(path)
        for path in tracked()
        if {"runs", ".venv", "__pycache__", "dist"} & set(path.relative_to(ROOT).parts)
    ]
    assert not wrong, f"generated files are committed: {wrong}"
