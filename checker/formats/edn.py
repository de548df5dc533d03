"""Extensible data notation, the notation of Jepsen, Knossos and Elle, as plain Python values.

Tokens come from one regular expression and are looked up in a dictionary of atoms already seen, so that
the commonest token (`:type`, `nil`, `3`) costs one search: this is the reader for files of ordinary size;
`compiled` is the one for large ones, and both are held to the same values.

Rules of this file
  1. nil is None; keywords and symbols are strings, a keyword without its colon; vectors, lists and sets are
     lists in the order of the text; maps are dictionaries.  A collection that is the key of a map becomes a
     tuple, because a key must be hashable.
  2. A tag is dropped and its form kept: `#jepsen.history.Op{...}` is a map, `#inst "2014"` a string.
     `#_ form` is left out.
  3. `3N` is an int, `1.5M` a float, `1/3` the nearest float, a character a string of length one.
  4. What is not EDN is an EdnError with the number of the token; `line_of` turns that into a line.

Cost: linear in the text.  Source: the EDN specification (edn-format), and the readers' notes on histories
in Jepsen's documentation; no code of any other reader was used.
"""

import re
from collections.abc import Hashable, Iterator
from operator import length_hint
from typing import Any

TOKEN = re.compile(
    r""" [^\s,()\[\]{}";\\#]+\#?             # numbers, keywords, symbols (which may end with a sharp)
    |    [()\[\]{}]                          # collections
    |    "(?:[^"\\]|\\.)*"                   # strings
    |    ;[^\n]*                             # comments
    |    \#[{_] | \#\#-?\w+                  # sets, discarded forms, symbolic numbers
    |    \#[A-Za-z][^\s,()\[\]{}";\\#]*      # tags
    |    \\(?:u[0-9a-fA-F]{4}|[a-z]+|[^\s])  # characters
    |    [^\s,]                              # nothing of EDN, or a string without its end
    """,
    re.VERBOSE | re.DOTALL,
)

OPENERS = {"[": "]", "(": ")", "{": "}", "#{": "}"}
CLOSERS = frozenset("])}")
CHARACTERS = {"newline": "\n", "space": " ", "tab": "\t", "return": "\r", "formfeed": "\f", "backspace": "\b"}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}
CONSTANTS = {"nil": None, "true": True, "false": False}
SYMBOLIC = {"##Inf": float("inf"), "##-Inf": float("-inf"), "##NaN": float("nan")}

INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d*)N?", re.ASCII)
DECIMAL = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?M?", re.ASCII)
RATIO = re.compile(r"([+-]?\d+)/(\d+)", re.ASCII)
NAME = re.compile(r"[^\s\d:#'^`~@\\][^\s:^`~@\\]*(?::[^\s:^`~@\\]+)*")
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)

ATOMS_KEPT = 100_000
"""Atoms are forgotten when there are this many, so that ten million different numbers fit."""

DEPTH_MAX = 200
"""What is nested deeper is no history, and would overflow the stack of whoever walks it."""

_DISCARD = object()
"""Stands in a collection for `#_` until the collection is closed."""

_UNSEEN = object()


class EdnError(ValueError):
    """The text is not EDN. `line` is the one on which the entry that is wrong begins, counted from one.

    `torn`: the entry is on the last line, which lacks its newline, as when the recorder was killed.
    """

    def __init__(self, told: str, line: int = 1, torn: bool = False) -> None:
        super().__init__(told)
        self.line = line
        self.torn = torn


class Reader:
    """Takes text in pieces and gives back the forms that are complete.

    A `wrapped` reader regards the first bracket as the envelope of the whole file, and gives back the forms
    inside it as they come.  Pieces must be cut where a token ends, at a newline for example; a string may go
    on in the next one.
    """

    def __init__(self, wrapped: bool = False) -> None:
        self._wrapped = wrapped
        self._envelope = ""
        self._stack: list[tuple[str, list[Any]]] = []
        self._base: list[Any] = []
        self._atoms: dict[str, Any] = {}
        self._text = ""
        self._held = ""
        self._lines = 0
        self._depth = 0
        self._wrong = 0
        self._envelope_at = -1

    def feed(self, text: str, last: bool = False) -> list[Any]:
        """The forms completed by this text, oldest first. Raises EdnError; `taken` has those before it."""
        self._lines += self._text.count("\n")
        text = self._held + text
        tokens = TOKEN.findall(text)
        if not last and '"' in tokens:
            self._text, self._held = "", text
            return []
        self._text, self._held, self._depth, self._envelope_at = text, "", len(self._stack), -1
        self._parse(tokens)
        if last:
            self._end(len(tokens))
        return self.taken()

    def taken(self) -> list[Any]:
        """The complete forms that nobody has taken yet, oldest first."""
        try:
            forms = _kept(self._base)
        except EdnError:
            return []  # What is to be discarded is still to come.
        self._base.clear()
        return forms

    def recover(self) -> str:
        """After an error: forget the entry, and give back the text from the line after its first."""
        start, _ = self._entry_at(self._wrong)
        end = self._text.find("\n", start) + 1 or len(self._text)
        rest = self._text[end:]
        self._lines += self._text.count("\n", 0, end)
        self._text, self._stack = "", []
        self._base.clear()
        return rest

    def line_of(self, form: int) -> int:
        """The line on which the form of that number, among those just fed, begins (or goes on)."""
        begun = -1 if self._depth == 0 else 0
        for _, start, token, depth in self._walk():
            begun += depth == 0 and token not in CLOSERS
            if begun == form:
                return self._line_at(start)
        return self._line_at(0)

    def _parse(self, tokens: list[str]) -> None:
        stack, atoms = self._stack, self._atoms
        items = stack[-1][1] if stack else self._base
        rest = iter(tokens)
        try:
            for token in rest:
                value = atoms.get(token, _UNSEEN)
                if value is not _UNSEEN:
                    items.append(value)
                elif token in OPENERS:
                    if self._wrapped and not stack:
                        self._wrapped, self._envelope = False, token
                        self._envelope_at = len(tokens) - 1 - length_hint(rest)
                        continue
                    items = []
                    stack.append((token, items))
                    if len(stack) > DEPTH_MAX:
                        raise EdnError(f"brackets within brackets, more than {DEPTH_MAX} deep")
                elif token in CLOSERS:
                    if stack:
                        closed = _collection(stack[-1][0], token, items)
                        stack.pop()
                        items = stack[-1][1] if stack else self._base
                        items.append(closed)
                    else:
                        self._close(token)
                elif token == "#_":
                    items.append(_DISCARD)
                elif token[0] != ";" and (token[0] != "#" or token[:2] == "##" or token == "#"):
                    items.append(self._remembered(token))
        except EdnError as error:
            raise self._told(str(error), len(tokens) - 1 - len(list(rest))) from None

    def _end(self, tokens: int) -> None:
        if self._stack or self._envelope:
            opener = self._stack[-1][0] if self._stack else self._envelope
            raise self._told(f"the end of the file, though {opener} is still open", tokens)
        try:
            _kept(self._base)
        except EdnError as error:
            raise self._told(str(error), tokens) from None

    def _told(self, told: str, token: int) -> EdnError:
        self._wrong = token
        start, at = self._entry_at(token)
        begun, noticed = self._line_at(start), self._line_at(at)
        whole = told if begun == noticed else f"{told} (noticed on line {noticed})"
        return EdnError(whole, begun, torn=self._text.find("\n", start) < 0)

    def _entry_at(self, token: int) -> tuple[int, int]:
        """Where the entry that contains the token begins in the text, and where the token itself does."""
        begun = 0
        for at, start, _, depth in self._walk():
            begun = start if depth <= 0 else begun
            if at == token:
                return begun, start
        return begun, len(self._text)

    def _walk(self) -> Iterator[tuple[int, int, str, int]]:
        """Once more through the text, where an error must be told: number, place, token, depth before it."""
        depth = self._depth
        for at, match in enumerate(TOKEN.finditer(self._text)):
            token = match[0]
            if token[0] == ";" or at == self._envelope_at:
                continue
            yield at, match.start(), token, depth
            depth += (token in OPENERS) - (token in CLOSERS)

    def _line_at(self, offset: int) -> int:
        return self._lines + self._text.count("\n", 0, offset) + 1

    def _close(self, token: str) -> None:
        if not self._envelope or OPENERS[self._envelope] != token:
            raise EdnError(f"{token} closes nothing")
        self._envelope = ""

    def _remembered(self, token: str) -> Any:
        value = atom(token)
        if len(self._atoms) >= ATOMS_KEPT:
            self._atoms.clear()
        self._atoms[token] = value
        return value


def read(text: str) -> list[Any]:
    """All the forms of a text. Raises EdnError."""
    return Reader().feed(text, last=True)


def read_one(text: str) -> Any:
    """The only form of a text. Raises EdnError where there is none, or more than one."""
    forms = read(text)
    if len(forms) != 1:
        raise EdnError(f"{len(forms)} forms instead of one")
    return forms[0]


def atom(token: str) -> Any:
    """The value of a token that is no bracket, tag or comment. Raises EdnError."""
    if token in CONSTANTS:
        return CONSTANTS[token]
    first = token[0]
    if first == ":":
        if NAME.fullmatch(token, 1) or token[1:].isalnum():
            return token[1:]
    elif first == '"':
        if len(token) > 1:
            return _string(token[1:-1])
    elif first == "\\" and len(token) > 1:
        return _character(token[1:])
    elif token in SYMBOLIC:
        return SYMBOLIC[token]
    else:
        return _number_or_symbol(token)
    raise EdnError(f"{_shown(token)} where a value was expected")


def _number_or_symbol(token: str) -> Any:
    if INTEGER.fullmatch(token):
        return _int(token.removesuffix("N"))
    if DECIMAL.fullmatch(token) and (token[-1] == "M" or not token.lstrip("+-").isdigit()):
        return float(token.removesuffix("M"))
    ratio = RATIO.fullmatch(token)
    if ratio and int(ratio[2]):
        return int(ratio[1]) / int(ratio[2])
    if NAME.fullmatch(token) and not re.match(r"[+-]\d", token):
        return token
    raise EdnError(f"{_shown(token)} where a value was expected")


def _int(digits: str) -> int:
    """Python refuses thousands of digits, which no history holds either."""
    try:
        return int(digits)
    except ValueError:
        raise EdnError(f"a number of {len(digits)} digits") from None


def _collection(opener: str, closer: str, items: list[Any]) -> Any:
    if OPENERS[opener] != closer:
        raise EdnError(f"{closer} where {OPENERS[opener]} was expected")
    if _DISCARD in items:
        items = _kept(items)
    if opener != "{":
        return items
    if len(items) % 2:
        raise EdnError("a map whose last key has no value")
    keys = items[::2]
    try:
        made = dict(zip(keys, items[1::2], strict=True))
    except TypeError:
        made = dict(zip([_hashable(key) for key in keys], items[1::2], strict=True))
    if len(made) != len(keys):
        raise EdnError("a map that has a key twice")
    return made


def _kept(items: list[Any]) -> list[Any]:
    """The items without those that `#_` discards; `#_ #_ a b` discards both. Always a new list."""
    kept: list[Any] = []
    waiting = 0
    for item in items:
        if item is _DISCARD:
            waiting += 1
        elif waiting:
            waiting -= 1
        else:
            kept.append(item)
    if waiting:
        raise EdnError("#_ with nothing to discard")
    return kept


def _hashable(key: Any) -> Hashable:
    if isinstance(key, list):
        return tuple(_hashable(item) for item in key)
    if isinstance(key, dict):
        return tuple((name, _hashable(item)) for name, item in key.items())
    hashable: Hashable = key
    return hashable


def _string(text: str) -> str:
    """Escapes may spell a character outside the first plane as two halves, and must not spell one half."""
    if "\\" not in text:
        return text
    try:
        return ESCAPE.sub(_unescaped, text).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise EdnError("a string with half a character") from None


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) == 5:
        return chr(int(escape[1:], 16))
    if escape not in ESCAPES:
        raise EdnError(f"a string with the escape \\{escape}")
    return ESCAPES[escape]


def _character(name: str) -> str:
    if len(name) == 1:
        return name
    if name in CHARACTERS:
        return CHARACTERS[name]
    if name[0] == "u" and len(name) == 5:
        return chr(int(name[1:], 16))
    raise EdnError(f"\\{name} where a character was expected")


def _shown(token: str) -> str:
    if token[:1] == '"':
        return "a string without its end"
    return token if len(token) <= 40 else f"{token[:40]}…"
