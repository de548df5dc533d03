"""The gallery: every type of anomaly of every checker has a sentence, a meaning and a picture.

With SPLITBRAIN_GALLERY=FOLDER the pages are written there, with an index, to be looked at.
"""

import ast
import functools
import html
import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from checker import registry
from checker.isolation import levels
from checker.isolation.explanation import ABSURD
from checker.txn import cycles, flags
from checker.verdict import Anomaly, Validity, Verdict
from splitbrain.report import meanings, tree, verdict_page
from tests import gallery
from tests.gallery import Case

CHECKER = Path(__file__).resolve().parents[2] / "checker"

CASES = gallery.cases()

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(-[a-z0-9]+)*")

STRONG = ("snapshot-isolation", "serializable")
"""Levels whose violations are named after them."""

DATA = {
    "checker/txn/report.py": {
        *flags.ANOMALIES.values(),
        *(base + suffix for base, *_ in cycles.BASES for suffix, _ in cycles.LEVELS),
    },
    "checker/isolation/explanation.py": {
        "causality-cycle",
        *(level.anomaly for level in levels.LEVELS.values() if level.name not in STRONG),
        *(told[0] for told in ABSURD.values()),
        *(f"not-{name}" for name in STRONG),
    },
}  # fmt: skip
"""Files in which the type of an anomaly comes out of a table, and what the table holds."""

MAKERS = {"anomaly", "_anomaly", "report", "_Fault"}
"""Functions that are given the type of an anomaly first."""


class Page(HTMLParser):
    """What a reader meets: the articles' text, pictures with their alternatives, and what is loaded."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.tables = 0
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if given.get("role") == "img":
            self.pictures.append(given.get("aria-label") or "")
        self.tables += tag == "table" or given.get("class") == "accounts"
        for name in ("src", "href"):
            if name in given and not str(given[name]).startswith(("data:", "#")):
                self.loaded.append(str(given[name]))


def render(case: Case) -> tuple[Any, str]:
    verdict = registry.check(case.history, case.checker, dict(case.options))
    return verdict, verdict_page.render(Path(f"{case.name}.jsonl"), case.history, {case.checker: verdict})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_anomaly_is_told_and_drawn(case: Case) -> None:
    verdict, page = render(case)
    assert verdict.validity is Validity.INVALID, verdict.reason
    (anomaly, *_) = [found for found in verdict.anomalies if found.type == case.type]
    articles = re.findall(r"<article.*?</article>", page, re.DOTALL)
    (article, *_) = [each for each in articles if f'<span class="kind">{case.type}</span>' in each]
    assert html.escape(meanings.of(case.type), quote=False) in article.replace("&#39;", "'")
    assert re.search(r"\b(client|process|transactions?|T\d|n\d|read never)\b", anomaly.sentence), (
        anomaly.sentence
    )
    if anomaly.key is not None:
        assert f"on key {anomaly.key}" in article
    told = Page(article)
    assert told.pictures or told.tables, "no picture"
    assert all(len(words) > 20 for words in told.pictures), "a picture without words"
    assert not Page(page).loaded
    if (folder := os.environ.get("SPLITBRAIN_GALLERY")) is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{case.name}.html").write_text(page, encoding="utf-8")
        rows = "".join(f'<li><a href="{each.name}.html">{each.name}</a>' for each in CASES)
        (Path(folder) / "index.html").write_text(f"<!doctype html><title>gallery</title><ul>{rows}</ul>")


def test_the_gallery_is_complete() -> None:
    shown = {case.type for case in CASES}
    assert shown == types_in_the_code(), "a type of anomaly has no picture in tests/gallery.py"
    assert {case.checker for case in CASES} >= {*registry.OWN, *registry.ANY_TOOL} - {
        "availability",
        "staleness",
    }


def test_every_type_has_a_meaning_of_its_own_words() -> None:
    for kind in sorted(types_in_the_code()):
        assert len(meanings.of(kind)) > 30, f"splitbrain/report/meanings.py does not explain {kind}"
    assert meanings.of("no-such-anomaly") == ""
    assert "clock" in meanings.of("G0-realtime")


@functools.cache
def types_in_the_code() -> frozenset[str]:
    """Every type that an anomaly can have, from the source of the checkers."""
    return frozenset(_types(CHECKER))


def _types(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder.parent).as_posix()
        yield from DATA.get(name, ())
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = _names(tree)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            yield from _types_of(call, names)


def _strings(value: ast.expr) -> set[str]:
    """The strings that an expression may be, as far as it says so itself."""
    if isinstance(value, ast.IfExp):
        return _strings(value.body) | _strings(value.orelse)
    plain = isinstance(value, ast.Constant) and isinstance(value.value, str)
    return {value.value} if plain and NAME.fullmatch(value.value) else set()  # type: ignore[attr-defined]


def _names(tree: ast.Module) -> dict[str, set[str]]:
    """Names that stand for strings in a file, and for which."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        pairs = zip(target.elts, value.elts, strict=False) if several else [(target, value)]  # type: ignore[attr-defined]
        for name, given in pairs:
            if isinstance(name, ast.Name):
                found.setdefault(name.id, set()).update(_strings(given))
    return found


def _types_of(call: ast.Call, names: dict[str, set[str]]) -> Iterator[str]:
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = [call.args[0]] if function in MAKERS and call.args else []
    given += [each.value for each in call.keywords if function == "Anomaly" and each.arg == "type"]
    for value in given:
        yield from _strings(value)
        # A type may have a name, or be a property whose answers are names (`tombstones.py`).
        yield from names.get(value.id, ()) if isinstance(value, ast.Name) else ()
        if isinstance(value, ast.Attribute) and value.attr == "kind":
            yield from names.get("DELETED", set()) | names.get("REPLACED", set())


def test_a_type_that_nobody_drew_would_be_noticed() -> None:
    tree = ast.parse(
        'KIND = "new-kind"\nAnomaly(type=KIND, sentence="")\nreport("other-kind" if x else "third-kind", [])'
    )
    found = {
        kind
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for kind in _types_of(node, _names(tree))
    }
    assert found == {"new-kind", "other-kind", "third-kind"}


def test_a_new_anomaly_in_any_file_would_be_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "checker"
    shutil.copytree(CHECKER, folder, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    assert {*_types(folder)} == types_in_the_code()
    (folder / "classic" / "fresh.py").write_text('found = Anomaly(type="never-drawn", sentence="")')
    assert {*_types(folder)} - {case.type for case in CASES} == {"never-drawn"}


GIVEN = {"checker/classic/findings.py", "checker/freshness.py", "checker/monotonicity.py"}
"""Files in which a function makes anomalies of the type that it is given; MAKERS has its name."""


def test_every_anomaly_has_a_type_that_can_be_read_off_the_source() -> None:
    unknown = set()
    for path in CHECKER.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            made = isinstance(call.func, ast.Name) and call.func.id == "Anomaly"
            if made and not set(_types_of(call, _names(tree))):
                unknown.add(path.relative_to(CHECKER.parent).as_posix())
    assert unknown == GIVEN | DATA.keys(), "types_in_the_code does not see what these files find"


SAID = {
    "causal-lost-write": "w2 (update, client 2, missing, had seen w1)",
    "causal-false-sibling": "w1 (put, client 0, should be gone)",
    "causal-phantom-version": "w1 (put, client 0, failed, yet shown)",
    "causal-duplicate-sibling": "w1 (put, client 0, 2 times)",
    "causal-resurrected-delete": "w1 (put, client 0, should be gone)",
    "causal-causal-cycle": "A circle of 2 operations: w1 to w2 (seen), w2 to w1 (seen)",
    "lost-writes-lost-write-cart": "w2 (add eggs, client 2, missing, had seen w1)",
    "siblings-sibling-explosion": "w5 (update, client 1, had been replaced",
    "monotonicity-unread-write": "It showed nothing.",
    "convergence-divergent-replicas": '<td class="note">lacks w2, w3</td>',
    "convergence-divergent-replicas-missing": '<span class="none">nothing</span>',
    "convergence-divergent-replicas-clocks": "clock 2",
    "convergence-hints-left": "<b>for n3</b> k: w9",
    "convergence-repair-never-stops": "2 more",
    "counter-impossible-value": "The read returned 9; possible were 5 to 5.",
    "bank-wrong-total": "The read shows 2 on a, 5 on b, together 7; the total is 10.",
    "bank-unexpected-key": "<b>c</b> 1 (no such account)",
    "bank-missing-key": "<b>b</b>  (not shown)",
    "bank-nil-balance": "<b>b</b> null (no balance)",
    "bank-negative-value": "<b>a</b> -2 (negative)",
    "stats-never-succeeded": '<td class="note">never succeeded</td>',
    "set-lost": "5 (missing)",
    "set-unexpected": "7 (nobody put it in)",
    "set-full-duplicated": "6 (2 times)",
    "set-full-stale": '<span class="chip">6</span> <span class="chip only">5 (missing)</span>',
    "rw-register-lost-update": "<dt>T2</dt><dd>read x = nothing, write x = 2</dd>",
    "serializable-not-serializable": "T1: read x = nothing, write y = 1, entries 0 to 1",
    "total-queue-lost": "client 1, drain: no 1, entries 4 to 5",
    "queue-unexpected": "client 0, enqueue 1, entries 0 to 1",
    "long-fork-long-fork": "client 1, T2: write y = 1, entries 1 to 5; client 2, T1: read x = 1, read y",
    "causal-reverse-causal-reverse": "T1 to T2 (realtime), T2 to T3 (wr), T3 to T1 (rw)",
    "list-append-incompatible-order": '<span class="chip only">2</span> <span class="chip">1</span>',
    "list-append-G1a": "client 0, append x 1, entries 0 to 1, failed; client 1, read x [1]",
    "list-append-G0": "A circle of 2 operations: T1 to T2 (ww), T2 to T1 (ww)",
}
"""Page -> what its picture must say."""


@pytest.mark.parametrize("name", SAID)
def test_a_picture_says_what_matters(name: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    assert SAID[name] in html.unescape(render(case)[1])


def test_a_picture_marks_only_what_its_sentence_is_about() -> None:
    (case,) = [case for case in CASES if case.type == "repair-never-stops"]
    first, second = re.findall(r"<article.*?</article>", render(case)[1], re.DOTALL)
    assert "1 more" in first
    assert "2 more" not in first
    assert "2 more" in second
    (case,) = [case for case in CASES if case.name == "list-append-lost-update"]
    article = re.findall(r"<article.*?</article>", render(case)[1], re.DOTALL)[0]
    assert article.count("marked") == 2, "both of them are to blame"


def test_no_picture_cuts_a_word_where_there_is_room() -> None:
    for case in CASES:
        texts = re.findall(r'<text class="op"[^>]*>([^<]*)</text>', render(case)[1])
        assert case.type == "sibling-explosion" or not [text for text in texts if "…" in text], case.name


def test_every_supposition_that_leads_nowhere_is_drawn() -> None:
    """Where one of two orders must hold and both end in a circle, both are told, in their own words."""
    history = gallery.entries(*gallery.txn(0, ["w", "x", 1]), *gallery.txn(1, ["w", "x", 2]))
    cast = {
        "T1": {"entries": [0, 1], "text": "write x = 1"},
        "T2": {"entries": [2, 3], "text": "write x = 2"},
    }

    def step(source: str, target: str) -> dict[str, Any]:
        return {"from": source, "to": target, "edge": "ww", "sentence": f"{source} wrote before {target}"}

    circle = {"type": "not-serializable", "transactions": cast, "steps": [step("T1", "T2"), step("T2", "T1")]}
    first = circle | {"suppose": "T1 came first", "reasons": [{"sentence": "T2 saw nothing of <T1>"}]}
    stats = {"cycles": [first, circle | {"suppose": "T2 came first"}, circle]}
    sentences = ("nothing explains it. T1 and T2. why", "another one. T1 and T2. why")
    anomalies = tuple(
        Anomaly(type="not-serializable", sentence=sentence, operations=(0, 1, 2, 3)) for sentence in sentences
    )
    verdict = Verdict(validity=Validity.INVALID, anomalies=anomalies, stats=stats)
    page = verdict_page.render(Path("h.jsonl"), history, {"serializable": verdict})
    one, other = re.findall(r"<article.*?</article>", page, re.DOTALL)
    assert one.count('<svg class="circle"') == 2
    assert other.count('<svg class="circle"') == 1
    assert "Suppose that T1 came first:" in one
    assert "Suppose that T2 came first:" in one
    assert "Suppose" not in other
    assert "T2 saw nothing of &lt;T1&gt;" in one


def test_versions_in_a_circle_stand_beside_each_other() -> None:
    nodes = [tree.Node("w1", "", "", ""), tree.Node("w2", "", "", "")]
    drawn = tree.draw(nodes, {"w1": {"w2"}, "w2": {"w1"}})
    boxes = re.findall(r'<rect x="(\d+)" y="(\d+)"', drawn)
    assert boxes == [("2", "2"), (str(2 + tree.BOX + tree.GAP), "2")]
    assert f'height="{2 + tree.HEIGHT + 4 + tree.BELOW}"' in drawn, "the arrow back has room below"
    assert drawn.count("<path") == 2


def test_arrows_that_follow_from_others_are_left_out() -> None:
    seen = {"w1": set[str](), "w2": {"w1"}, "w3": {"w1", "w2"}, "w4": {"w1"}}
    assert tree.reduced(seen) == {"w1": set(), "w2": {"w1"}, "w3": {"w2"}, "w4": {"w1"}}
    assert tree.reduced({"a": {"b"}, "b": {"a"}}) == {"a": {"b"}, "b": {"a"}}, "a circle stays a circle"
    assert tree.chosen(["w3"], seen) == (["w3", "w1", "w2"], 0)
    many = {f"w{n}": {f"w{n - 1}"} for n in range(1, 40)}
    names, more = tree.chosen([f"w{n}" for n in range(40)], many)
    assert (len(names), more) == (tree.MOST, 40 - tree.MOST)


# --- colours ---------------------------------------------------------------------------------------

TEXTS = [
    *((ink, paper) for ink in ("ink", "muted", "bad", "fail", "ok") for paper in ("paper", "panel")),
    ("on-dark", "ok"),
    ("paper", "bad"),
    ("paper", "good"),
]
"""What is written upon what."""


def colours() -> Iterator[dict[str, str]]:
    """The colours of the light page, of the dark one, and of paper."""
    style = resources.files("splitbrain.report").joinpath("report.css").read_text(encoding="utf-8")
    for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL):
        yield dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_texts_can_be_read(text: str, ground: str) -> None:
    light, dark, *_ = colours()
    for palette in (light, dark):
        bright, dim = sorted((luminance(palette[text]), luminance(palette[ground])), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.4, (
            f"{text} on {ground}: {palette[text]} on {palette[ground]}"
        )
