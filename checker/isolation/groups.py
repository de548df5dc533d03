"""For each key the transactions that write it, grouped by session: what most levels look up.

Kernels (`engine.py`).
"""

from checker.isolation.cells import Cells, cells_of
from checker.isolation.columns import Ints
from checker.isolation.engine import Engine
from checker.isolation.facts import ABOUT, POSITION, PRIOR, PRIOR_POSITION, WRITER, Facts


def with_groups(facts: Facts, engine: Engine) -> Facts:
    """The facts with the vectors of groups filled."""
    writes = int(facts.write_start[facts.transactions])
    facts = facts._replace(
        group_start=engine.vector(facts.keys + 1),
        group_session=engine.vector(writes),
        group_begin=engine.vector(writes + 1),
        writer_at=engine.vector(writes),
        group_of=engine.vector(writes),
        write=engine.vector(ABOUT * writes),
    )
    cells = cells_of(facts, engine)
    cursor = engine.vector(cells.size + 1)
    owner = engine.vector(0 if cells.along == 1 else writes)
    engine.run(count_out, facts, cells, cursor, owner)
    engine.run(mark_groups, facts, cells, cursor, owner)
    # There are mostly far fewer groups than writes, and whoever keeps something per group goes by the length.
    groups = int(facts.group_start[facts.keys])
    engine.run(find_groups, facts, cells, cursor, engine.vector(2 * groups, -1))
    return facts._replace(
        group_session=engine.part(facts.group_session, 0, groups),
        group_begin=engine.part(facts.group_begin, 0, groups + 1),
    )


# --- kernels ---------------------------------------------------------------------------------------


def count_out(facts: Facts, cells: Cells, cursor: Ints, owner: Ints) -> None:
    """Sort the positions of writers by cell; what is walked in order is still so within a cell.

    `cursor` [cell]: where it ends. `owner` [w]: the session, where cells are not by session.
    """
    for t in range(facts.transactions):
        session = facts.session_of[t] * cells.along
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            cursor[facts.write_key[w] * cells.across + session + 1] += 1
    for cell in range(cells.size):
        cursor[cell + 1] += cursor[cell]
    for i in range(len(cells.order)):
        t = cells.order[i]
        session = facts.session_of[t] * cells.along
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            cell = facts.write_key[w] * cells.across + session
            facts.writer_at[cursor[cell]] = facts.position[t]
            if cells.along == 0:
                owner[cursor[cell]] = facts.session_of[t]
            cursor[cell] += 1


def mark_groups(facts: Facts, cells: Cells, cursor: Ints, owner: Ints) -> None:
    """Say where each group begins, and put into `cursor` [cell] the first one of a cell."""
    groups = w = 0
    for key in range(facts.keys):
        facts.group_start[key] = groups
        for cell in range(key * cells.across, (key + 1) * cells.across):
            end, cursor[cell] = cursor[cell], groups
            while w < end:
                facts.group_begin[groups] = w
                if cells.along == 1:
                    facts.group_session[groups] = cell - key * cells.across
                    w = end
                else:
                    facts.group_session[groups] = owner[w]
                    w += 1
                    while w < end and owner[w] == owner[w - 1]:
                        w += 1
                groups += 1
    facts.group_start[facts.keys] = groups
    facts.group_begin[groups] = w


def find_groups(facts: Facts, cells: Cells, cursor: Ints, last: Ints) -> None:
    """Fill `group_of` and `write`. `last` [2 * group]: the write that was met
    last, and its position."""
    for i in range(len(cells.order)):
        t = cells.order[i]
        session = facts.session_of[t]
        for w in range(facts.write_start[t], facts.write_start[t + 1]):
            cell = facts.write_key[w] * cells.across + session * cells.along
            while facts.group_session[cursor[cell]] != session:
                cursor[cell] += 1
            group = cursor[cell]
            facts.group_of[w], at = group, ABOUT * w
            facts.write[at + WRITER], facts.write[at + POSITION] = t, facts.position[t]
            facts.write[at + PRIOR], last[2 * group] = last[2 * group], w
            facts.write[at + PRIOR_POSITION], last[2 * group + 1] = last[2 * group + 1], facts.position[t]
