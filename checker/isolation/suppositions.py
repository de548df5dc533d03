"""Supposing which of two writes came first, until all are in order or nothing is left to suppose.

Depth first.  A frame has what is to be tried when the present way turns out wrong; going back takes back what
followed (`closure.py`).  Two writes between which nothing is open are never asked about.

Kernels (`engine.py`).  Cost of a supposition: for what it makes known, a row for each node that learns of it
and for each rule about that node; never all rows.
"""

from typing import NamedTuple

from checker.isolation.closure import MARK, NEVER, USED, Closure, add, go_back, has_room
from checker.isolation.columns import Ints
from checker.isolation.members import KEY, NEXT, NODE, Members

SOLVED, REFUTED, EXHAUSTED, CROWDED = 0, 1, 2, 3
"""How a search ends. CROWDED: it goes on as soon as there is more room."""

GIVEN, TAKEN, DEPTH, WRITE, SECOND = 0, 1, 2, 3, 4
"""How much of what is supposed is still to be put in?  How many steps were taken?  How many frames are there?
Which two writes are asked about: the number of the first one in `Members.writer`, and the second writer?"""

FIRST_WRITE, FIRST_SECOND = 5, 6
"""The question at which it began."""

REGISTERS = 7

FRAME = 3
"""Integers of a frame: WRITE, SECOND, and how much of the trail was used."""


class Search(NamedTuple):
    """`at` [GIVEN ...].  `supposed`: pairs of transactions, of which the first wrote a key before the second;
    there is room for one.  `frames` [FRAME * depth ...].  `line` [i]: the writers of each key in the order
    that was found.  `cost`: steps that a supposition counts for; up to `limit` may be taken."""

    at: Ints
    supposed: Ints
    frames: Ints
    line: Ints
    cost: int
    limit: int


def search(members: Members, closure: Closure, path: Search) -> int:
    """Look for an order. Whatever is `GIVEN` in the beginning is supposed for good."""
    at = path.at
    while True:
        if suppose(closure, path, members.width) and settle(members, closure):
            if not ask(members, closure, at):
                line_up(members, closure, path.line)
                return SOLVED
            if not has_room(closure) or FRAME * (at[DEPTH] + 1) > len(path.frames):
                return CROWDED
            go_on(members, closure, path)
        else:
            if at[DEPTH] == 0:
                return REFUTED
            turn_back(members, closure, path)
        at[TAKEN] += path.cost
        if at[TAKEN] > path.limit:
            return EXHAUSTED


def suppose(closure: Closure, path: Search, width: int) -> bool:
    """Put in what is supposed. False if that closes a circle."""
    given, path.at[GIVEN] = path.at[GIVEN], 0
    for i in range(0, given, 2):
        first, second = path.supposed[i], path.supposed[i + 1]
        if not add(closure, first * width + width - 1, second * width):
            return False
    return True


def settle(members: Members, closure: Closure) -> bool:
    """Let everything follow from what is new. False if that closes a circle."""
    words, news, number = closure.words, closure.news, closure.number
    at = quiet = 0
    while quiet < len(news):
        if news[at] == 0:
            at, quiet = (at + 1) % len(news), quiet + 1
            continue
        quiet = 0
        low = news[at] & -news[at]
        news[at] ^= low
        side = at // words
        begin = (at - side * words) * closure.bits + number[low % len(number)]
        if not apply_rules(members, closure, side, begin):
            return False
    return True


def apply_rules(members: Members, closure: Closure, side: int, begin: int) -> bool:
    """More has come to be on one side of a beginning: let follow from it what does. False if that closes a
    circle. `side`: 0 after, 1 before, 2 for the row of all."""
    words, bits, width = closure.words, closure.bits, members.width
    rows, rules, number = closure.rows, members.rules, closure.number
    row, across = (side * closure.nodes + begin) * words, side % 2 * closure.nodes
    end = begin + width - 1 if side < 2 else -1
    rule = members.rule_head[side * len(members.transaction) + begin // width]
    while rule >= 0:
        node, ends = rules[rule + NODE], rules[rule + KEY] * words
        other = node // width * width + width - 1
        for w in range(words):
            found = rows[row + w] & members.ends[ends + w]
            if found == 0:
                continue
            if w == end // bits:
                found &= ~(1 << end % bits)
            if w == other // bits:
                found &= ~(1 << other % bits)
            if other == end:
                found >>= width - 1
            found &= ~rows[(across + node) * words + w]
            while found:
                low = found & -found
                found ^= low
                source, target = node, w * bits + number[low % len(number)]
                if side == 1:
                    source, target = target, source
                if not add(closure, source, target):
                    return False
        rule = rules[rule + NEXT]
    return True


def ask(members: Members, closure: Closure, at: Ints) -> bool:
    """Find two writes of one key of which nobody knows yet which was first. False if there are none."""
    words, bits, width = closure.words, closure.bits, members.width
    rows, number = closure.rows, closure.number
    for i in range(at[WRITE], len(members.writer)):
        begin, key = members.writer[i] * width, members.key[i]
        end = begin + width - 1
        for w in range(end // bits, words):
            left = members.ends[key * words + w] & ~rows[begin * words + w]
            if w == end // bits:
                left &= -(2 << end % bits)
            if left:
                left &= ~(rows[(closure.nodes + end) * words + w] << (width - 1))
            if left:
                low = left & -left
                at[WRITE], at[SECOND] = i, (w * bits + number[low % len(number)]) // width
                return True
    return False


def go_on(members: Members, closure: Closure, path: Search) -> None:
    """Suppose the first answer, and remember the question."""
    at, used, frame = path.at, closure.at[USED], FRAME * path.at[DEPTH]
    path.frames[frame], path.frames[frame + 1], path.frames[frame + 2] = at[WRITE], at[SECOND], used
    if at[TAKEN] == 0:
        at[FIRST_WRITE], at[FIRST_SECOND] = at[WRITE], at[SECOND]
    closure.at[MARK] = used
    at[DEPTH] += 1
    path.supposed[0], path.supposed[1], at[GIVEN] = members.writer[at[WRITE]], at[SECOND], 2


def turn_back(members: Members, closure: Closure, path: Search) -> None:
    """Go back to the last question, and suppose the second answer."""
    at, frame = path.at, FRAME * (path.at[DEPTH] - 1)
    at[WRITE], at[SECOND] = path.frames[frame], path.frames[frame + 1]
    go_back(closure, path.frames[frame + 2])
    closure.at[MARK] = path.frames[frame - 1] if frame > 0 else NEVER
    at[DEPTH] -= 1
    path.supposed[0], path.supposed[1], at[GIVEN] = at[SECOND], members.writer[at[WRITE]], 2


def line_up(members: Members, closure: Closure, line: Ints) -> None:
    """Fill `line`. Of the writers of a key, the one with most of them after it is the first."""
    words, width = closure.words, members.width
    for i in range(len(line)):
        at, key = members.writer[i], members.key[i]
        later = 0
        for w in range(words):
            left = closure.rows[at * width * words + w] & members.ends[key * words + w]
            while left:
                left &= left - 1
                later += 1
        # With two nodes, its own end is after its beginning.
        line[members.writer_start[key + 1] - later + width - 2] = at
