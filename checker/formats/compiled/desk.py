"""What the compiled reader works on: one array of integers, with places by name.

Some of it is addresses, of the arrays that grow; the rest is counts, the cells of the entry at hand, the
names seen of late, and the stack of open collections.
"""

LINES, EDN, ARRAY = 0, 1, 2
"""The notation of a text: one JSON map per line, EDN, or the maps of one JSON array."""

NIL, INT, POOLED = 0, 1, 2
ABSENT = -1
"""The kind of a cell; ABSENT is that of a field which the entry at hand has not shown yet."""

WIDE = ("index", "time", "process", "value")
SMALL = ("type", "f", "key", "error", "node", "write", "reads", "context")
FIELD_NAMES = (*WIDE, *SMALL, "final")
FIELDS = len(FIELD_NAMES)
INDEX, TIME, PROCESS, VALUE, TYPE, F, KEY, ERROR, NODE, WRITE, READS, CONTEXT, FINAL, KIND = range(FIELDS + 1)
"""The fields of an entry, and the kind of its value. A column has 8 bytes a row (WIDE), 4 (SMALL), or 1."""

AT, END, NOTATION = range(3)
"""The text: the place to go on from, its end, and its notation."""
POOL, OFFSETS, SLOTS, ODD = range(3, 7)
"""Addresses: of the texts, of where each one ends, of the hash table, and of what is known of odd entries."""
MASK, ROOM, ROWS_ROOM = range(7, 10)
"""Slots less one, and for how many different texts and rows there is room."""
USED, UNIQUE, ROWS, ODDS, WANTED = range(10, 15)
"""Bytes and texts in the pool, rows filled, odd ones among them, the field that has no column yet."""
COLUMNS = 15
"""From here on the addresses of the columns, in the order of the fields; 0 where no entry has filled it."""
CELLS = COLUMNS + FIELDS + 1
KINDS = CELLS + FIELDS
"""The entry at hand: what its fields hold, and of which kind that is."""
MEMO = KINDS + FIELDS
MEMO_SLOTS = 256
"""So many short names are remembered with their places in the pool, each in the slot that its bytes give."""
STACK = MEMO + 2 * MEMO_SLOTS
LEVEL = 5
LEVELS_MAX = 100
"""An open collection of EDN takes LEVEL numbers (`edn_value`); what is nested deeper is odd."""
SIZE = STACK + LEVEL * LEVELS_MAX

ODD_ROW, ODD_START, ODD_END = range(3)
"""What is known of an odd entry: its row, and where its text begins and ends."""

DONE, DECLINED, FULL = 0, 1, 2
"""How a scan ends: nothing complete is left, what comes is none, or the tables must grow."""

SLACK = 64
MARK_JSON, MARK_NUMBERED = ord("J"), ord("M")
