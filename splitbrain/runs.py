"""Where a run leaves its results: `runs/<test>/<UTC time>-<seed>/`, and `runs/latest`.

The folder exists, with `test.json` in it, before anything is started: whatever happens later, one can see
what was tried and repeat it.  A run whose cluster could not be started leaves a folder only if there are
logs of nodes to read.
"""

import contextlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from splitbrain.options import RunOptions, UsageError


def create(root: Path, options: RunOptions) -> Path:
    """Make the folder of a new run. Raises UsageError when that is not possible."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    folder = root / options.test_name / f"{stamp}-{options.seed}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UsageError(
            f"cannot write to {root}: {error.strerror}; choose another folder with --runs"
        ) from None
    return folder


def discard(root: Path, folder: Path) -> None:
    """Remove the folder of a run that never began, and what was made for it."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in (folder.parent, root):
        with contextlib.suppress(OSError):
            parent.rmdir()  # Only where it is empty.


def point_latest(root: Path, folder: Path) -> None:
    """Make `latest` name this run.

    The link is replaced atomically; where links are not allowed (some file systems) there is none.
    """
    link, fresh = root / "latest", root / f".latest-{os.getpid()}"
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(folder.relative_to(root), target_is_directory=True)
        os.replace(fresh, link)
    except OSError:
        fresh.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write whole or not at all: to a temporary file first, then rename."""
    fresh = path.with_suffix(path.suffix + ".part")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    os.replace(fresh, path)


def read_json(path: Path) -> dict[str, Any]:
    """Raises UsageError when the file is missing or is not a JSON object."""
    try:
        value = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; is this the folder of a run?") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path} cannot be read as JSON: {error}") from None
    return value
