"""Text that is made to break a page, and the row of facts: what is shown stays text, and stays readable."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from checker import registry
from checker.verdict import Validity
from splitbrain.report import facts, plain, verdict_page
from tests import gallery
from tests.gallery import Case

CASES = list(gallery.hostile())


class Outline(HTMLParser):
    """Which elements there are, the attributes that run or load something, and the words between them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] not in (["script"], ["style"]):
            self.words += data.split()


def render(case: Case) -> str:
    verdict = registry.check(case.history, case.checker, dict(case.options))
    assert verdict.validity is Validity.INVALID
    assert case.type in {anomaly.type for anomaly in verdict.anomalies}
    return verdict_page.render(Path(f"{gallery.HOSTILE[9:]}.jsonl"), case.history, {case.checker: verdict})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.checker)
def test_hostile_text_stays_text(case: Case) -> None:
    page = render(case)
    page.encode()
    outline = Outline(page)
    assert "img" not in outline.tags
    assert outline.tags.count("script") == (2 if case.checker == "linearizable" else 0)
    assert not {name for name in outline.attributes if name.startswith("on")}
    assert not [character for character in page if ord(character) in plain.VISIBLE]
    assert "⟨U+202E⟩" in page
    assert max(map(len, outline.words)) <= plain.WORD + len(gallery.HOSTILE)
    assert len(page) < 90_000


def test_what_cannot_be_seen_is_shown() -> None:
    assert plain.visible("a\0b\x7f\u2028\ud800\n\té") == "a␀b⟨U+007F⟩⟨U+2028⟩\ufffd\n\té"


def test_only_endless_words_of_the_text_are_cut() -> None:
    long, word = "x" * 200, "y" * plain.WORD
    kept = f"<style>{long}</style><p>{word} {word}</p><script>{long}</script>"
    assert plain.page(kept) == kept
    assert plain.page(f"<b>{long}</b>") == f"<b>{'x' * plain.HEAD}…{'x' * plain.TAIL}</b>"
    cut = plain.page("&lt;" * 200)
    assert cut == "&lt;" * plain.HEAD + "…" + "&lt;" * plain.TAIL, "no reference is cut in two"


def test_data_for_scripts_is_made_readable_too() -> None:
    told = plain.data({"key": "a\0", "calls": [{"text": "z" * 5000, "from": 3, "to": None}]})
    assert told["key"] == "a␀"
    assert re.fullmatch("z{60}…z{30}", told["calls"][0]["text"])
    assert (told["calls"][0]["from"], told["calls"][0]["to"]) == (3, None)


def test_facts_say_nothing_twice_and_nothing_misleading() -> None:
    stats = {
        "valid": True,
        "operations": 6,
        "lost-count": 2,
        "lost": [5, 6],
        "anomaly_types": ["G0"],
        "not": ["serializable"],
        "also_not": ["strict-serializable"],
        "stale_read_rate": 0.5,
        "by-f": {"read": 1},
        "series": [[1, 2]],
        "range": [],
    }
    assert facts.of(stats) == {
        "reads and writes": "6",
        "lost count": "2",
        "nor, therefore": "strict-serializable",
        "stale read rate": "0.5",
    }
