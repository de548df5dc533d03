"""Starting a node: light, from any folder, from a checkout and from the layout of a wheel."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from splitbrain.launcher import child_environment, node_command

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "typer",
    "click",
    "rich",
    "networkx",
    "docker",
    "starlette",
    "jinja2",
    "requests",
    "checker",
    "nemesis",
)

LOADED = f"""
import sys
from splitbrain import launcher
code = launcher.launch(["node", "--listen", "nonsense", "--engine", "memory"])
print(code, sorted(set(sys.modules) & set({HEAVY!r})), sys.modules["store"].__file__)
"""


def run(command: list[str], folder: Path, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=30
    )


def test_a_node_does_not_pay_for_the_harness(tmp_path: Path) -> None:
    result = run([sys.executable, "-P", "-c", LOADED], tmp_path, child_environment())
    assert result.stdout == f"4 [] {ROOT / 'store' / '__init__.py'}\n", result.stderr


def test_a_child_finds_this_package_whatever_lies_in_the_current_folder(tmp_path: Path) -> None:
    for name in ("splitbrain", "store"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    result = run([*node_command(), "--listen", "nonsense"], tmp_path, child_environment())
    assert (result.returncode, result.stderr.count("'nonsense' is not an address")) == (4, 1)


def test_the_layout_of_a_wheel(tmp_path: Path) -> None:
    """Only `splitbrain` is on the path; the store inside it wins over a stranger of that name."""
    site = tmp_path / "site"
    bundle = site / "splitbrain" / "_bundle"
    shutil.copytree(ROOT / "store", bundle / "store", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "__main__.py", "launcher.py"):
        shutil.copy(ROOT / "splitbrain" / name, site / "splitbrain" / name)
    (site / "store.py").write_text("raise SystemExit('the wrong one')")
    result = run([sys.executable, "-P", "-c", LOADED], tmp_path, {**os.environ, "PYTHONPATH": str(site)})
    assert result.stdout == f"4 [] {bundle / 'store' / '__init__.py'}\n", result.stderr
