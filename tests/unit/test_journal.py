"""The journal: on disk before `write` returns, readable after any crash."""

import os
from pathlib import Path

import pytest

from nemesis.journal import Journal, read_journal


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("cluster", facts={"place": "local", "pids": [1, 2]})
    journal.write("inject", fault={"id": 1, "kind": "kill"})
    assert read_journal(journal.path) == [
        {"event": "cluster", "facts": {"place": "local", "pids": [1, 2]}},
        {"event": "inject", "fault": {"id": 1, "kind": "kill"}},
    ]


def test_every_entry_is_synced_before_write_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.jsonl"
    sizes = []
    real = os.fsync

    def fsync(file: int) -> None:
        sizes.append(path.stat().st_size)
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    journal = Journal(path)
    for _ in range(3):
        journal.write("heal")
    line = len(b'{"event":"heal"}\n')
    assert sizes == [line, 2 * line, 3 * line]
    Journal(path, durable=False).write("heal")
    assert len(sizes) == 3


@pytest.mark.parametrize("torn", [b'{"event":"inj', b"{", b'{"event":"heal","x":"\xff', b"\x00\x00\x00"])
def test_a_torn_line_costs_only_itself(tmp_path: Path, torn: bytes) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("inject", fault={"id": 1})
    with journal.path.open("ab") as file:
        file.write(torn)
    assert read_journal(journal.path) == [{"event": "inject", "fault": {"id": 1}}]
    journal.write("closed")
    assert [entry["event"] for entry in read_journal(journal.path)] == ["inject", "closed"]


def test_lines_that_are_no_entries_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'[1]\n{"fault":1}\n\n{"event":"closed"}\n')
    assert read_journal(path) == [{"event": "closed"}]


def test_a_cut_at_any_byte_leaves_a_prefix(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", durable=False)
    for number in range(3):
        journal.write("injected", id=number)
    whole = journal.path.read_bytes()
    for length in range(len(whole) + 1):
        journal.path.write_bytes(whole[:length])
        ids = [entry["id"] for entry in read_journal(journal.path)]
        assert ids == list(range(len(ids)))
        assert len(ids) >= whole[:length].count(b"\n")


def test_a_missing_journal_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_journal(tmp_path / "journal.jsonl")
