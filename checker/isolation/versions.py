"""What was read from whom, by version.

Kernels (`engine.py`).
"""

from typing import NamedTuple

from checker.isolation.columns import Ints
from checker.isolation.engine import Engine
from checker.isolation.facts import Facts
from checker.isolation.search import lower_bound


class Versions(NamedTuple):
    """What was read from whom, by version. A version is the slot of a write (`Facts.write_key`), or, for the
    state before all writes, the number of slots plus the key.

    `version_of` [r]: what a read saw.
    `read_start` [version + 1], `reader`: who read it, by version.
    """

    version_of: Ints
    read_start: Ints
    reader: Ints
    slots: int


def versions_of(facts: Facts, engine: Engine) -> Versions:
    """Group the reads by what they saw."""
    slots = int(facts.write_start[facts.transactions])
    new = engine.vector
    versions = Versions(
        version_of=new(len(facts.read_from)),
        read_start=new(slots + facts.keys + 1),
        reader=new(len(facts.read_from)),
        slots=slots,
    )
    engine.run(find_versions, facts, versions)
    return versions


# --- kernels ---------------------------------------------------------------------------------------


def find_versions(facts: Facts, versions: Versions) -> None:
    """Fill everything."""
    for r in range(len(facts.read_from)):
        t, key = facts.read_from[r], facts.read_key[r]
        if t == facts.transactions:
            version = versions.slots + key
        else:
            version = lower_bound(facts.write_key, facts.write_start[t], facts.write_start[t + 1], key)
        versions.version_of[r] = version
        versions.read_start[version] += 1
    total = 0
    for version in range(len(versions.read_start)):
        total += versions.read_start[version]
        versions.read_start[version] = total
    for r in range(len(facts.read_from) - 1, -1, -1):
        version = versions.version_of[r]
        versions.read_start[version] -= 1
        versions.reader[versions.read_start[version]] = facts.reader[r]
