"""Files damaged in random places: the compiled reader says what the plain ones say, or leaves it to them.

SPLITBRAIN_EXAMPLES scales the number of files (1 by default, which is about a thousand).
"""

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from checker.formats import load as loading
from checker.formats.convert import json_line
from checker.formats.detect import Notation
from checker.formats.load import load, read, recognised
from checker.formats.write import edn_line, edn_text
from checker.history import HistoryError
from checker.operation import Operation

columns = pytest.importorskip("checker.formats.columns", exc_type=ImportError)

SCALE = int(os.environ.get("SPLITBRAIN_EXAMPLES", "1"))
FILES = 800 * SCALE

TEXTS = [
    "",
    "a",
    "x-1",
    "seven77",
    "eight888",
    "a longer text",
    'q"b\\',
    "é",
    "n\nl",
    "\x1b[0m",
    "😀",
    ":a",
    "/",
]
NUMBERS = [0, 1, -1, 12345678, 123456789, 10**17, -(10**17), 10**18, 10**19, 2**63, 2**64]
PROCESSES: list[int | str] = [0, 3, 12345, "nemesis", "a long name", -4]
ATOMS = [None, True, False, 1.0, -0.5, 1e300, 1e-7, *TEXTS, *NUMBERS]
BITS = [
    *'{}[]():,"\\ \n\t\r\f;#', '"value":', ":value ", '"extra":1,', '"index":1.0,', "01", "-", "-0", "1.",
    "1e5", "1e999", "nul", "nil", "null", "true", "\\u0061", "\\ud83d", "\\ud83d\\ude00", "\\/", "\\x",
    "\x00", "é", "\udcff", "#_", "#{", "#inst ", "{:a 1 :a 2}", '{:a 1 "a" 2}', "{1 2, 1 3}", "{1 2, :b 3}",
    "{:a {:b 1 :b 2}}", "[[[[[[[[[", "]]", "1/2", "\\a", "+1", "1N", "1.5M", ":a/b", ":é", ":1", "; note\n",
    "\ufeff", '"final":true,', '"final":null,', '"reads":["a","b"],', '"reads":[1],', '"reads":[],',
    '"f":":get"', ':reads [:a "b"] ', ":final true ", ":node nil ", '"key":3,', ":key 3 ", '"process":"n"',
    ':f ":get"', '"ti\\u006de":3,', "Infinity",
]  # fmt: skip

MORE = [
    "[]", "{}", ":b", ":a", '"a"', '"\\u0061"', '"\\/"', "[1 2]", "[[1],2]", "1 1", '"\\ud83d"', '"\\ude00"',
    '"\\ud83d\\ude00"', '"\\u00e9"', '"\\x"', '"\udcff"', '"\t"', '"a\\', '"\\"',
]  # fmt: skip
"""Whole values: escapes, bytes and ends that strings may have, or must not have, among them."""

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,\[\]{}():"]+|[\[\]{}(),:\n]')

JSON_PLACES = [
    '"value":?', '"value":[1,?]', '"value":[?]', '"value":{"a":?}', '"value":{"a":1,?:2}', '"value":[3,?]',
    '"key":?', '"error":?', '"node":?', '"reads":?', '"reads":["a",?]', '"final":?', '"index":?', '"time":?',
    '"value":1?', '?"value":1', '"value":1,?', '"value":"x"?',
]  # fmt: skip
EDN_PLACES = [
    ":value ?", ":value [1 ?]", ":value (?)", ":value #{?}", ":value {:a ?}", ":value {:a 1 ? 2}",
    ":value {? 1}", ":value {1 2 ? 3}", ":value [{:a 1 ? 2}]", ":key ?", ":error ?", ":node ?", ":reads ?",
    ':reads ["a" ?]', ":final ?", ":index ?", ":time ?", ":value 1?", "? :value 1", ":value 1 ?",
    ':value "x"?',
]  # fmt: skip
HEADS = [
    ("{", "}", '"process":0,"type":"ok","f":"get"', JSON_PLACES, ","),
    ("{", "}", ":process 0 :type :ok :f :get", EDN_PLACES, " "),
]


def value(rng: random.Random, depth: int = 0) -> Any:
    """Anything that a history may hold."""
    kind = rng.random()
    if kind < 0.5 or depth > 3:
        return rng.choice(ATOMS)
    if kind < 0.65:
        return [[rng.choice(["append", "r", "w"]), rng.randrange(9), rng.choice([None, 3, [1, 2]])]]
    if kind < 0.75:
        return [rng.choice(["k", "a longer key", 3, -7, None, "é", 1.5, [1], 10**19]), value(rng, depth + 1)]
    if kind < 0.87:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(TEXTS): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def operation(rng: random.Random) -> Operation:
    """An entry as our own harness or another tool may have recorded it."""
    text: Callable[[], Any] = lambda: rng.choice([None, None, *TEXTS])  # noqa: E731
    dynamo = rng.random() < 0.3
    return Operation(
        index=rng.choice([-1, 0, 7, 10**9]),
        time=rng.choice([-1, 0, 10**15]),
        process=rng.choice(PROCESSES),
        type=rng.choice(["invoke", "ok", "fail", "info"]),
        f=rng.choice(["read", "cas", "txn", "compare-and-set", "é"]),
        value=value(rng),
        error=text(),
        key=text(),
        node=text() if dynamo else None,
        write=text() if dynamo else None,
        context=text() if dynamo else None,
        reads=rng.choice([None, (), ("a",), ("a", "a longer text", "é")]) if dynamo else None,
        final=dynamo and rng.random() < 0.5,
        extra={"link": value(rng)} if rng.random() < 0.1 else None,
    )


def file_of(rng: random.Random) -> str:
    """A whole file in a notation of large files."""
    made = [operation(rng) for _ in range(rng.randrange(1, 5))]
    match rng.randrange(6):
        case 0 | 1:
            return "".join(json_line(each) + "\n" for each in made)
        case 2:
            return "[" + rng.choice([",", ",\n", " , "]).join(map(json_line, made)) + "]\n"
        case 3:
            return "[" + " ".join(map(edn_line, made)) + "]"
        case _:
            return "".join(rng.choice(["", "#op"]) + edn_line(each) + "\n" for each in made)


def damaged(rng: random.Random, text: str) -> str:
    """The file with something left out, put in, exchanged, doubled, or cut off; mostly whole tokens."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        if rng.random() < 0.7:
            start, end = rng.choice([match.span() for match in TOKEN.finditer(text)] or [(0, 0)])
        else:
            start = rng.randrange(len(text) + 1)
            end = start + rng.choice([0, 0, 1, 1, 2, 8])
        match rng.randrange(10):
            case 0 | 1:
                text = text[:start] + text[end:]
            case 2 | 3 | 4:
                text = text[:start] + rng.choice(BITS) + text[end:]
            case 5 | 6:
                text = text[:start] + rng.choice(BITS) + text[start:]
            case 7 | 8:
                text = text[:end] + text[max(0, end - rng.randrange(40)) :]
            case _:
                text = text[:start]
    return text


def agree(path: Path) -> bool:
    """Was the file taken? Then both readers give the same."""
    told: list[str] = []
    table = columns.read_table(path, recognised(path), None, told)
    if table is None:
        return False
    assert (list(table), told) == read(path, lenient=False, progress=None)
    return True


@pytest.fixture(params=[1 << 22, 61])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "PIECE_BYTES", request.param)


@pytest.mark.usefixtures("pieces")
def test_what_is_written_is_taken_by_the_compiled_reader(tmp_path: Path) -> None:
    rng = random.Random(1)
    path = tmp_path / "history"
    for number in range(FILES // 3):
        path.write_text(file_of(rng), encoding="utf-8")
        assert agree(path), f"file {number} was declined: {path.read_text()!r}"


@pytest.mark.usefixtures("pieces")
def test_a_damaged_file_is_read_alike_or_declined(tmp_path: Path) -> None:
    rng = random.Random(2)
    path = tmp_path / "history"
    taken = 0
    for _ in range(FILES):
        path.write_bytes(damaged(rng, file_of(rng)).encode("utf-8", "surrogateescape"))
        taken += agree(path)
    assert taken > FILES / 10  # Many blanks more, torn lines, other values: by far not all is declined.


@pytest.mark.parametrize("notation", [0, 1])
def test_anything_in_any_place_is_read_alike_or_declined(tmp_path: Path, notation: int) -> None:
    """Every piece of damage, and every value, in every place where a value, key or entry may stand."""
    opened, closed, head, places, comma = HEADS[notation]
    good = opened + head + closed
    written = [json.dumps(each, ensure_ascii=False) if notation == 0 else edn_text(each) for each in ATOMS]
    texts = []
    for bit in [*BITS, *MORE, *written]:
        texts += [opened + head + comma + place.replace("?", bit) + closed + "\n" for place in places]
        texts += [
            good + bit + good + "\n",
            bit + good + "\n",
            good + "\n" + bit,
            good + "\n" + bit + "\n" + good,
        ]
        texts += [bit.join([opened, head, closed]), "[" + good + bit + good + "]", "[" + good + "]" + bit]
        texts += [
            (opened + head + closed).replace(name, bit) for name in ('"ok"', '"get"', ":ok", ":get", "0")
        ]
    path = tmp_path / "history"
    taken = 0
    for text in texts:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        taken += agree(path)
    assert taken > len(texts) / 4


@pytest.mark.parametrize("lenient", [False, True])
def test_loading_tells_the_same_with_and_without_the_compiled_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lenient: bool
) -> None:
    rng = random.Random(3)
    path = tmp_path / "history"
    in_columns = 0
    for _ in range(FILES // 3):
        path.write_bytes(damaged(rng, file_of(rng)).encode("utf-8", "surrogateescape"))
        told: list[object] = []
        independent = rng.random() < 0.5
        for smallest in (1 << 40, 0):
            monkeypatch.setattr(loading, "LARGE_BYTES", dict.fromkeys(Notation, smallest))
            try:
                history = load(path, lenient=lenient, independent=independent)
                in_columns += history.table is not None and len(history) > 0
                told.append((list(history), history.notes, history.problems))
            except HistoryError as error:
                told.append(str(error))
        assert told[0] == told[1]
    assert lenient or in_columns > FILES / 200


def test_pairs_are_taken_apart_in_columns(tmp_path: Path) -> None:
    """Independent histories of every kind of key and value that columns can hold."""
    rng = random.Random(5)
    path = tmp_path / "history"
    for _ in range(FILES // 10):
        made = [operation(rng) for _ in range(5)]
        keyed = [
            msgspec.structs.replace(each, value=[rng.choice(["k", 3, -7, "a longer key", "é"]), each.value])
            for each in made
            if each.value not in TEXTS or each.value in ("a", "é")
        ]
        keyed += [
            msgspec.structs.replace(made[0], value=rng.choice([[], [1], ["k", 1, 2], [1, [2], 3], "k", 5]))
        ]
        path.write_text("".join(json_line(each) + "\n" for each in keyed), encoding="utf-8")
        notes: list[str] = []
        table = columns.read_table(path, Notation.JSON_LINES, None, notes, True)
        assert table is not None
        plain, said = read(path, lenient=False, progress=None, independent=True)
        assert (list(table), notes) == (plain, said)
