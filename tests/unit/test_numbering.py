"""Different values get different numbers, in order of appearance, whether they are looked up or hashed."""

import random
from collections.abc import Hashable, Sequence

import pytest

pytest.importorskip("numba", reason="numbers are given by compiled code, and numba is not installed")

import numpy as np

from checker.linear.kernel_values import FALSE, NOTHING, OTHER, STRINGS, TRUE
from checker.linear.numbering import numbered, numbered_by_key

CODES = {
    "close together": [*range(-700, 700), NOTHING, FALSE, TRUE],
    "strings": [*range(STRINGS + 5, STRINGS + 900), NOTHING],
    "far apart": [*range(-(10**18), 10**18, 10**15), NOTHING, FALSE, TRUE, OTHER],
    "both": [*range(1000), *range(STRINGS, STRINGS + 1000)],
    "none": [],
}


def expected(values: Sequence[Hashable], *before: Hashable) -> tuple[list[int], int]:
    """The same with a dictionary."""
    places = {value: at for at, value in enumerate(before)}
    return [places.setdefault(value, len(places)) for value in values], len(places)


@pytest.mark.parametrize("first", [None, NOTHING, OTHER, -3, 10**18 + 1, STRINGS - 1, STRINGS + 7])
@pytest.mark.parametrize("kind", CODES)
def test_codes_are_numbered_as_a_dictionary_would(kind: str, first: int | None) -> None:
    codes = random.Random(kind).choices(CODES[kind], k=5000) if CODES[kind] else []
    numbers, count = numbered(np.array(codes, np.int64), first)
    assert (numbers.tolist(), count) == expected(codes, *([] if first is None else [first]))


@pytest.mark.parametrize("keys", [1, 3, 2000])
def test_keys_have_values_of_their_own(keys: int) -> None:
    rng = random.Random(keys)
    pairs = [(rng.randrange(keys), rng.choice(CODES["both"])) for _ in range(5000)]
    key, code = np.array(pairs, np.int64).T
    numbers, count = numbered_by_key(key, code)
    assert (numbers.tolist(), count) == expected(pairs)
