"""Memory by address: words, numbers of half a word, bytes; and which byte of a word is the first of a kind.

Bytes of a word are little-endian: the first one is the lowest.  A *mask* has the highest bit of a byte set
where the byte is of the kind asked for; above the first such byte it may be wrong, for a borrow runs upwards.
"""

import sys
from collections.abc import Callable
from typing import Any, cast

from numba.core import types
from numba.extending import intrinsic

WORD_BYTES = 8


def repeated(value: int) -> int:
    """A word of that byte eight times."""
    return packed(bytes([value]) * WORD_BYTES)


def packed(text: bytes) -> int:
    """The word that begins with these bytes, and goes on with zeros."""
    return int.from_bytes(text.ljust(WORD_BYTES, b"\0"), "little", signed=True)


ONES, HIGHS, QUOTES, BACKSLASHES = repeated(1), repeated(128), repeated(34), repeated(92)
BLANKS, ZEROS, BEYOND_NINE = repeated(32), repeated(48), repeated(128 - 10)

HAS_WORDS = sys.byteorder == "little" and sys.maxsize > 1 << 32
"""Is a word here what this package takes it for? The caller asks before anything runs."""


def _load(bits: Any) -> Any:
    """What makes the code that loads so many bits, and fills the word with zeros."""

    def typed(_typing: Any, _at: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            place = builder.inttoptr(args[0], context.get_value_type(bits).as_pointer())
            loaded = builder.load(place, align=1)
            word = context.get_value_type(types.int64)
            return loaded if bits is types.int64 else builder.zext(loaded, word)

        return types.int64(types.int64), generate

    return typed


def _store(bits: Any) -> Any:
    """What makes the code that stores the lowest bits of a word."""

    def typed(_typing: Any, _at: Any, _value: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            size = context.get_value_type(bits)
            value = args[1] if bits is types.int64 else builder.trunc(args[1], size)
            builder.store(value, builder.inttoptr(args[0], size.as_pointer()), align=1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    return typed


def _first(_typing: Any, _mask: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        bits = builder.cttz(args[0], context.get_constant(types.boolean, True))
        return builder.lshr(bits, context.get_constant(types.int64, 3))

    return types.int64(types.int64), generate


Load = Callable[[int], int]
Store = Callable[[int, int], None]

word = cast(Load, intrinsic(_load(types.int64)))
"""The eight bytes at a place."""
byte = cast(Load, intrinsic(_load(types.uint8)))
"""The byte at a place."""
put_word = cast(Store, intrinsic(_store(types.int64)))
put_half = cast(Store, intrinsic(_store(types.int32)))
put_byte = cast(Store, intrinsic(_store(types.uint8)))
first = cast(Load, intrinsic(_first))
"""The number of the first byte of a mask, which is not zero."""
