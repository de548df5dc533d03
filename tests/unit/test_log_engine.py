"""The log engine on a real file system: what is kept, what is cut off, what is refused."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store.effects import EpochRecord, HintRecord, Image, ObjectRecord, Record
from store.engine.engine import EngineError, replay
from store.engine.log import FORMAT, LogEngine, encode_frame, encode_record
from store.versions import Sibling, Versions


def state(value: bytes, count: int = 1) -> Versions:
    return Versions({"n1:1:1": count}, (Sibling(("n1:1:1", count), value, stamp=count),))


A, B = ObjectRecord(b"a", state(b"1")), ObjectRecord(b"b", state(b"2", 2))


@contextmanager
def opened(folder: Path, reports: list[str] | None = None) -> Iterator[tuple[LogEngine, Image]]:
    engine = LogEngine(folder, (reports if reports is not None else []).append)
    try:
        yield engine, engine.load()
    finally:
        engine.close()


def write(folder: Path, *commits: tuple[Record, ...]) -> None:
    with opened(folder) as (engine, _):
        for records in commits:
            engine.append(records)
            engine.sync()


def test_a_new_log_is_empty(tmp_path: Path) -> None:
    with opened(tmp_path / "deep" / "n1") as (_, image):
        assert image == Image()


def test_what_was_synced_is_there_after_a_restart(tmp_path: Path) -> None:
    write(tmp_path, (EpochRecord(7), A), (B, HintRecord("n2", b"a", state(b"3"))))
    with opened(tmp_path) as (_, image):
        assert image.epoch == 7
        assert image.objects == {b"a": A.state, b"b": B.state}
        assert image.hints == {("n2", b"a"): state(b"3")}


def test_what_was_appended_and_not_synced_is_not(tmp_path: Path) -> None:
    with opened(tmp_path) as (engine, _):
        engine.append((A,))
    with opened(tmp_path) as (_, image):
        assert image.objects == {}


def test_later_records_replace_and_remove() -> None:
    hint = HintRecord("n2", b"a", state(b"3"))
    records = [
        EpochRecord(1),
        A,
        hint,
        ObjectRecord(b"a", B.state),
        HintRecord("n2", b"a", None),
        EpochRecord(2),
    ]
    image = replay(records)
    assert (image.epoch, image.objects, image.hints) == (2, {b"a": B.state}, {})
    assert replay([*records, ObjectRecord(b"a", None)]).objects == {}


def test_a_torn_tail_is_cut_off_and_reported_once(tmp_path: Path) -> None:
    write(tmp_path, (A,), (B,))
    log = tmp_path / "node.log"
    whole = log.read_bytes()
    log.write_bytes(whole[:-1])
    reports: list[str] = []
    with opened(tmp_path, reports) as (engine, image):
        assert image.objects == {b"a": A.state}
        engine.append((B,))
        engine.sync()
    assert len(reports) == 1
    assert str(log) in reports[0]
    assert "torn tail at byte" in reports[0]
    assert log.read_bytes() == whole
    with opened(tmp_path, reports) as (_, image):
        assert image.objects == {b"a": A.state, b"b": B.state}
    assert len(reports) == 1


def test_a_tail_of_zeros_is_torn(tmp_path: Path) -> None:
    """The file grew, the data of the last pages did not arrive."""
    write(tmp_path, (A,))
    log = tmp_path / "node.log"
    log.write_bytes(log.read_bytes() + bytes(5_000))
    with opened(tmp_path) as (_, image):
        assert image.objects == {b"a": A.state}


@pytest.mark.parametrize("byte", range(len(encode_record(A))))
def test_damage_in_the_middle_is_refused_and_left_alone(tmp_path: Path, byte: int) -> None:
    write(tmp_path, (A,), (B,))
    log = tmp_path / "node.log"
    damaged = bytearray(log.read_bytes())
    damaged[len(FORMAT) + byte] ^= 0x10
    log.write_bytes(damaged)
    with pytest.raises(EngineError) as caught, opened(tmp_path):
        pass
    assert f"{log} is damaged at byte {len(FORMAT)}" in str(caught.value)
    assert "restore the file" in str(caught.value)
    assert log.read_bytes() == damaged


def test_a_value_that_looks_like_a_log_does_not_turn_a_torn_tail_into_damage(tmp_path: Path) -> None:
    write(tmp_path, (A,), (ObjectRecord(b"b", state(encode_record(A) * 3)),))
    log = tmp_path / "node.log"
    log.write_bytes(log.read_bytes()[:-5])
    with opened(tmp_path) as (_, image):
        assert image.objects == {b"a": A.state}


def test_an_intact_frame_of_an_unknown_record_is_refused(tmp_path: Path) -> None:
    class NewerRecord(Record, frozen=True):
        field: int

    write(tmp_path, (A,))
    log = tmp_path / "node.log"
    log.write_bytes(log.read_bytes() + encode_frame((NewerRecord(1),)))
    with pytest.raises(EngineError, match="unknown content"), opened(tmp_path):
        pass


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "node.log").write_text("dear diary\n")
    with pytest.raises(EngineError, match="not a log of this version; move it away"), opened(tmp_path):
        pass


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(EngineError, match="in use by another node"), opened(tmp_path):
        pass
    with opened(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(EngineError, match="name a folder that can be written to"),
        opened(tmp_path / "file" / "n1"),
    ):
        pass


def test_a_sync_that_fails_after_the_write_is_not_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reporting success here would acknowledge what a power loss takes away."""

    def fail(file: int) -> None:
        assert os.fstat(file).st_size > len(FORMAT), "the data must be written before it is synced"
        raise OSError(errno.EIO, "Input/output error")

    with opened(tmp_path) as (engine, _):
        monkeypatch.setattr(os, "fdatasync", fail)
        engine.append((A,))
        with pytest.raises(OSError, match="Input/output error"):
            engine.sync()


def test_the_name_of_a_new_log_is_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose folder was never synced may be gone after a power loss, with everything in it."""
    synced: list[tuple[bool, int]] = []
    real = os.fsync

    def note(file: int) -> None:
        status = os.fstat(file)
        synced.append((stat.S_ISDIR(status.st_mode), status.st_ino))
        real(file)

    monkeypatch.setattr(os, "fsync", note)
    with opened(tmp_path / "n1"):
        pass
    log, folder, parent = (
        path.stat().st_ino for path in (tmp_path / "n1/node.log", tmp_path / "n1", tmp_path)
    )
    assert synced == [(False, log), (True, folder), (True, parent)]
