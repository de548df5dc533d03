"""Which notation a file is in, told from its content.

The name of a file says nothing: Porcupine's `c01-ok.txt` is EDN, Elle's `paper-example.json` an array.  Two
characters decide, after blanks and comments: JSON's maps begin with a string, EDN's with anything else.  What
begins with no bracket is Jepsen's log if a line of it has the columns of one.
"""

import enum
import re

from checker.formats.jepsen_log import LINE

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANKS = re.compile(rb"(?:[\s,]|;[^\n]*(?:\n|\Z))*")
HEAD_BYTES = 1 << 16


class Notation(enum.StrEnum):
    """How a history is written down."""

    JSON_LINES = "json-lines"
    JSON_ARRAY = "json-array"
    EDN = "edn"
    EDN_WRAPPED = "edn-vector"
    LOG = "jepsen-log"


def holds_log_line(text: bytes) -> bool:
    """Does a line of it have the columns of Jepsen's log?"""
    return LINE.search(text.decode("utf-8", "replace")) is not None


def notation_of(head: bytes) -> Notation:
    """The notation of a file that begins like this."""
    text = head.removeprefix(BYTE_ORDER_MARK)
    start = _after_blanks(text, 0)
    commented = b";" in text[:start]
    match text[start : start + 1]:
        case b"{":
            return Notation.EDN if commented or _is_edn_map(text, start) else Notation.JSON_LINES
        case b"[":
            return _vector(text, start, commented)
        case b"(":
            return Notation.EDN_WRAPPED
        case b"#":
            return Notation.EDN
    if holds_log_line(head):
        return Notation.LOG
    return Notation.EDN if commented else Notation.JSON_LINES


def _vector(text: bytes, start: int, commented: bool) -> Notation:
    inside = _after_blanks(text, start + 1)
    first = text[inside : inside + 1]
    if first in (b"{", b"") and not commented:
        return Notation.EDN_WRAPPED if _is_edn_map(text, inside) else Notation.JSON_ARRAY
    if first in (b"{", b"[", b"(", b"#"):
        return Notation.EDN_WRAPPED
    if first == b"]":
        return Notation.JSON_ARRAY
    return Notation.EDN if first == b":" or first.isdigit() else Notation.JSON_ARRAY


def _is_edn_map(text: bytes, brace: int) -> bool:
    """Is this opened map one of EDN? An empty or broken one is left to JSON, which is the native notation."""
    after = _after_blanks(text, brace + 1)
    return text[after : after + 1] in (b":", b"#")


def _after_blanks(text: bytes, start: int) -> int:
    blanks = BLANKS.match(text, start)
    return blanks.end() if blanks else start
