"""The compiled reader: bytes of EDN or JSON to columns, in one pass over the text.

Values are transcribed to JSON on the way and interned: each different one is kept once, as text, and decoded
by whoever asks.  An entry that has fields without a column, or anything that this pass does not know
(characters, ratios, discarded forms), is marked odd and its text goes to the readers for ordinary files;
where not even the end of an entry is clear, the whole file does.  There is one meaning of a text, and this
package may only decline.

Rules of this package
  1. Import it only where a large file is about to be read: numba costs a third of a second.
  2. A place (`at`, `begin`, `stop`, `end`) is an address.  A call that passes on an array copies seven words,
     and one that passes on ten of them takes longer than most that is done here.  So all state is on one
     *desk*, an array of integers that holds the addresses of the others (`desk.py`); its owner keeps them
     alive, and nothing checks a place.
  3. Behind the end of a text there are SLACK bytes of zero.  Words of eight bytes may be read there, and a
     zero is part of no value, so that loops end without a look at their place.
  4. A cell is a kind and a number: nil (0, 0), an int (1, itself), anything else (2, its place in the pool).
  5. Texts of the pool begin with a mark: `J` for JSON, `M` for JSON of a map whose keys were integers.  They
     are valid JSON without blanks, but for bytes that are no UTF-8, for which the caller looks.

Cost: linear in the text, and in memory for the different values only.
"""
