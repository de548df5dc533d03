"""The line that tells how far reading has come: on terminals only, not at once, and wiped in the end."""

import io

from splitbrain.progress import WIPE, ReadingLine, wipe


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def read(stream: io.StringIO, seconds: list[float]) -> str:
    """What a stream shows when reading takes so many seconds for each MB."""
    now = 0.0
    with ReadingLine(stream, "big.jsonl", lambda: now) as line:
        for done, taken in enumerate(seconds, start=1):
            now += taken
            line(done * 1_000_000, 10_000_000)
    return stream.getvalue()


def test_a_quick_file_shows_nothing() -> None:
    assert read(Terminal(), [0.2] * 4) == ""


def test_a_slow_file_shows_bytes_and_speed_and_is_wiped() -> None:
    shown = read(Terminal(), [0.2] * 10)
    assert "reading big.jsonl: 6 of 10 MB, 5 MB/s" in shown
    assert shown.count(WIPE) == 7
    assert shown.endswith(WIPE)


def test_the_compiler_does_not_count_as_reading() -> None:
    assert "2 of 10 MB, 2 MB/s" in read(Terminal(), [20.0, 0.5])


def test_a_pipe_gets_nothing() -> None:
    assert read(io.StringIO(), [3.0] * 5) == ""
    pipe = io.StringIO()
    wipe(pipe)
    assert pipe.getvalue() == ""
