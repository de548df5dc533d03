"""Text of a history made fit for a page: nothing invisible, nothing that turns a line round, no endless word.

Escaping is not the matter of this file; the template and `Markup.format` do that.  But a key may hold a null
byte, a mark that makes the rest of the paragraph run from right to left, half of a surrogate pair, or a
megabyte without a space.  Readers shall see that it does, and the page around it shall stay as it is.
"""

import re
from typing import Any

WORD = 160
"""Characters without a space that are shown in full."""

HEAD, TAIL = 60, 30
"""Characters that are left of longer words."""

TEXT = 1500
"""Characters of one sentence."""

_TURNING = [0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)]

VISIBLE: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"},
    **{code: f"⟨U+{code:04X}⟩" for code in (*range(0x7F, 0xA0), *_TURNING)},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
"""Character -> what is shown in its place."""

_APART = re.compile(r"(<(style|script)\b.*?</\2>)", re.DOTALL)
_LETTER = r"(?:&(?:#\d+|\w+);|[^\s<>&\"])"
_WORD = re.compile(rf"(\S{{{HEAD}}})\S{{{WORD - HEAD - TAIL + 1},}}(\S{{{TAIL}}})")
_LONG = re.compile(rf"({_LETTER}{{{HEAD}}}){_LETTER}{{{WORD - HEAD - TAIL + 1},}}({_LETTER}{{{TAIL}}})")


def visible(text: str) -> str:
    """The text with what cannot be seen made visible."""
    return text.translate(VISIBLE)


def page(source: str) -> str:
    """A page with all its text made visible and its words of a bearable length."""
    parts = _APART.split(visible(source))
    # The parts are text, a whole style or script, its name, text, and so on.
    return "".join(
        _LONG.sub(r"\1…\2", part) if at % 3 == 0 else part for at, part in enumerate(parts) if at % 3 != 2
    )


def short(text: str, most: int = TEXT) -> str:
    """The text, cut in the middle when it is long."""
    return text if len(text) <= most else f"{text[: most * 2 // 3]}…{text[-most // 3 :]}"


def data(value: Any) -> Any:
    """Data for a script of a page: its strings as a page would show them."""
    match value:
        case str():
            return _WORD.sub(r"\1…\2", visible(short(value)))
        case list():
            return [data(each) for each in value]
        case dict():
            return {name: data(each) for name, each in value.items()}
    return value
