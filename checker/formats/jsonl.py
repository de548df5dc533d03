"""Histories in JSON: lines, which is the native notation, and one array.

Entries go straight into Operation, a few hundred nanoseconds each.  Only what does not fit (fields of other
tools, errors that are not text) goes through a dictionary, and only what is no entry there either is an
error."""

from collections.abc import Iterator
from typing import Any

import msgspec

from checker.formats.entries import EntryError, operation_of
from checker.formats.source import Source
from checker.history import EXPECTED
from checker.operation import Operation

WRONG = (msgspec.DecodeError, UnicodeDecodeError, EntryError, RecursionError)
MARK = b"\xef\xbb\xbf"

_operation = msgspec.json.Decoder(Operation)
_array = msgspec.json.Decoder(list[Operation])
_anything = msgspec.json.Decoder()


def lines(source: Source) -> Iterator[Operation]:
    """The operations of a file of JSON lines."""
    for piece, last in source.pieces():
        data = piece.removeprefix(MARK)
        try:
            yield from _operation.decode_lines(data)
        except WRONG:
            yield from _one_by_one(source, data, last)


def array(source: Source) -> Iterator[Operation]:
    """The operations of a file that is one JSON array."""
    data = source.whole().removeprefix(MARK)
    try:
        yield from _array.decode(data)
        return
    except WRONG as error:
        first = error
    try:
        entries = _anything.decode(data)
    except WRONG as error:
        source.wrong("the array", str(error), f"a JSON array of operations, or {EXPECTED}")
        return
    for at, entry in enumerate(entries if isinstance(entries, list) else []):
        try:
            yield operation_of(entry)
        except EntryError as error:
            told = str(first) if f"$[{at}]" in str(first) else f"{error} - at `$[{at}]`"
            source.wrong(f"entry {at}", told, f"a JSON array of operations, or {EXPECTED}")


def _one_by_one(source: Source, data: bytes, last: bool) -> Iterator[Operation]:
    ends = data.split(b"\n")
    for number, line in enumerate(ends, start=1):
        if not line.strip():
            continue
        try:
            yield decoded(line)
        except WRONG as error:
            # Only a line that lacks its newline can be torn; the writer ends every line with one.
            if last and number == len(ends):
                source.torn(source.line + number)
            else:
                source.wrong(f"line {source.line + number}", str(error), EXPECTED)


def decoded(line: bytes) -> Operation:
    """The operation on a line, whoever wrote it. Raises one of WRONG."""
    try:
        return _operation.decode(line)
    except msgspec.ValidationError as error:
        entry: Any = _anything.decode(line)
        try:
            return operation_of(entry)
        except EntryError as closer:
            # The shorter way to say it: msgspec names the field and the type that it wanted.
            raise EntryError(str(error) if "unknown field" not in str(error) else str(closer)) from None
