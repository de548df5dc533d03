"""The pages about `splitbrain check`, held to the product.

    docs/checkers.md and docs/checkers/*.md

Every example there is run, every option and every type of anomaly is looked up in the code, every link is
followed.  The pages keep to a few forms so that this is possible:

  an example    a fence `jsonl`, a fence `sh` with the command, and the sentence as a quotation
  options       a table whose first column is called `option`
  types         a table whose first column is called `type`
  Python        a fence `python` whose first line names its file, a fence `pycon` that is run as a doctest
"""

import doctest
import functools
import itertools
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from checker import registry
from checker.formats.detect import Notation, notation_of
from checker.history import History
from checker.isolation import explanation, levels
from checker.linear import models as linear_models
from checker.options import OptionError
from checker.txn import cycles, flags, shapes
from checker.txn import models as lattice
from splitbrain import checking
from splitbrain.report import meanings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
COMMAND = DOCS / "checkers" / "command.md"

NEVER_INVALID = ("availability", "staleness")
"""These measure. Their examples are valid."""


class Fence(NamedTuple):
    """A block of code: what it is said to be, where it begins, and what is in it."""

    language: str
    line: int
    text: str


class Section(NamedTuple):
    """A heading with everything up to the next heading of its level or a higher one."""

    page: Path
    title: str
    text: str


class Example(NamedTuple):
    """A history, the command beside it, and the sentence that the tool is said to print."""

    page: Path
    line: int
    history: str
    command: str
    quote: str

    @property
    def asked(self) -> list[str]:
        """The arguments of `splitbrain check`."""
        return shlex.split(self.command)[2:]

    @property
    def judge(self) -> str:
        """The checker that is asked, or its model."""
        asked = self.asked
        if "--model" in asked:
            return asked[asked.index("--model") + 1]
        return asked[asked.index("--checker") + 1]


# --- reading the pages -----------------------------------------------------------------------------


@functools.cache
def pages() -> tuple[Path, ...]:
    return (DOCS / "checkers.md", *sorted((DOCS / "checkers").glob("*.md")))


@functools.cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@functools.cache
def fences(page: Path) -> tuple[Fence, ...]:
    found: list[Fence] = []
    language, begun, inside = "", 0, list[str]()
    for number, line in enumerate(text_of(page).splitlines(), start=1):
        if not line.startswith("```"):
            inside.append(line)
        elif begun:
            found.append(Fence(language, begun, "\n".join(inside)))
            begun = 0
        else:
            language, begun, inside = line.removeprefix("```"), number, []
    assert not begun, f"{page.name}:{begun}: the fence has no end"
    return tuple(found)


def headings(page: Path) -> Iterator[tuple[int, int, str]]:
    """Place of the line, level and title of each heading."""
    fenced = False
    for at, line in enumerate(text_of(page).splitlines()):
        fenced ^= line.startswith("```")
        if not fenced and (found := re.match(r"(#+) (.+)", line)):
            yield at, len(found[1]), found[2]


@functools.cache
def sections() -> tuple[Section, ...]:
    found = []
    for page in pages():
        lines, heads = text_of(page).splitlines(), list(headings(page))
        for at, level, title in heads:
            end = next((after for after, deep, _ in heads if after > at and deep <= level), len(lines))
            found.append(Section(page, title, "\n".join(lines[at:end])))
    return tuple(found)


def section(title: str, page: str | None = None) -> Section:
    """The one section of that name; of a chapter that is named like its only section, the section."""
    found = [each for each in sections() if each.title == title and page in (None, each.page.stem)]
    assert found, f"no section is called {title}: add `## {title}` to a page in docs/checkers"
    return min(found, key=lambda each: len(each.text))


def home_of(name: str) -> Section:
    """The section of a checker. `set` and `counter` are models, too, with sections of their own."""
    return section(name, "classic" if name in ("set", "counter") else None)


def first_column(text: str, title: str) -> list[str]:
    """The names in the first column of all tables whose first column bears this title."""
    names: list[str] = []
    inside = False
    for line in text.splitlines():
        if not line.startswith("|"):
            inside = False
        elif line.startswith(f"| {title} |"):
            inside = True
        elif inside:
            names += re.findall(r"`([^`]+)`", line.split("|")[1])
    return names


def as_one_line(text: str) -> str:
    return " ".join(text.split())


@functools.cache
def examples() -> tuple[Example, ...]:
    found = []
    for page in pages():
        lines, every = text_of(page).splitlines(), fences(page)
        for history, command in itertools.pairwise(every):
            if history.language != "jsonl":
                continue
            asked = command.text.replace("\\\n", " ").splitlines()[0]
            after = lines[command.line + command.text.count("\n") + 2 :]
            quoted = [line.removeprefix(">") for line in _first_quotation(after)]
            where = f"{page.name}:{history.line}"
            assert command.language == "sh", f"{where}: no command stands beside this history"
            assert asked.startswith("splitbrain check "), f"{where}: the command beside it is {asked!r}"
            assert quoted, f"{where}: no sentence is quoted after the command"
            quote = as_one_line(" ".join(quoted))
            found.append(Example(page, history.line, history.text + "\n", asked, quote))
    return tuple(found)


def _first_quotation(lines: list[str]) -> list[str]:
    """The quotation that follows, if nothing but an empty line is in front of it."""
    started = [line for line in lines[:1] if line] or lines[1:]
    quoted = []
    for line in started:
        if not line.startswith(">"):
            break
        quoted.append(line)
    return quoted


# --- what the product has --------------------------------------------------------------------------


def options_of(name: str) -> set[str]:
    """The options of a checker, as it says itself to somebody who mistyped one."""
    with pytest.raises(OptionError) as refused:
        registry.check(History([]), name, {"no-such-option": 0})
    told = re.search(r"; (?:it knows|it has|there are|it takes) (.+)$", str(refused.value))
    assert told, f"{name} does not say which options it has: {refused.value}"
    return set() if told[1] == "none" else set(told[1].split(", "))


def emitted() -> set[str]:
    """Every type of anomaly that a checker can report: from its tables, and as literals in the code."""
    found = set(meanings.MEANINGS)
    found |= {base + suffix for base, _, _ in cycles.BASES for suffix, _ in cycles.LEVELS}
    found |= {*flags.ANOMALIES.values(), *shapes.SHAPES}
    found |= {level.anomaly for level in levels.LEVELS.values()}
    found |= {name for name, _, _ in explanation.ABSURD.values()}
    found |= {f"not-{name}" for name in explanation.IMPOSSIBLE}
    literal = re.compile(
        r"""(?:\btype=|\bDemand\(|\b_Fault\(|\breport\(\s*|\banomaly\(\s*|\bfound\.add\(\s*)"([A-Za-z][\w-]+)\""""
    )
    for source in sorted((ROOT / "checker").rglob("*.py")):
        found |= set(literal.findall(source.read_text(encoding="utf-8")))
    return found


CHECKERS = (*registry.OWN, *registry.ANY_TOOL)
NAMED = [*((name, None) for name in CHECKERS), *((name, "linearizable") for name in linear_models.MODELS)]


# --- the tests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "page"), NAMED)
def test_everything_that_can_be_asked_has_a_section_with_an_example(name: str, page: str | None) -> None:
    if name == "linearizable":
        return  # Its examples are those of its models.
    told = home_of(name) if page is None else section(name, page)
    lines = text_of(told.page).splitlines()
    begun = lines.index(told.text.splitlines()[0])
    end = begun + told.text.count("\n") + 1
    own = [each for each in examples() if each.page == told.page and begun < each.line <= end]
    assert name in {each.judge for each in own}, f"{told.page.name}: {name} has no example in its section"


@pytest.mark.parametrize("example", examples(), ids=lambda each: f"{each.page.stem}:{each.line}")
def test_the_tool_says_what_is_quoted(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_python(example.page, tmp_path)
    (tmp_path / example.asked[0]).write_text(example.history, encoding="utf-8")
    code = checking.main(example.asked)
    said = capsys.readouterr()
    told = f"{example.page.name}:{example.line}: {example.command}\nsays\n{said.out}{said.err}"
    assert code == (0 if example.judge in NEVER_INVALID else 1), told
    assert example.quote in as_one_line(said.out), f"{told}\nand not\n{example.quote}"


@pytest.mark.parametrize("name", CHECKERS)
def test_options_are_told_in_the_section_of_the_checker(name: str) -> None:
    told = home_of(name)
    listed = first_column(told.text, "option")
    assert set(listed) == options_of(name), f"{told.page.name}, {name}: the table of options is wrong"
    assert len(listed) == len(set(listed)), f"{told.page.name}, {name}: an option is told twice"
    assert listed or "**Options.** None." in told.text, f"{told.page.name}, {name}: say **Options.** None."


def test_commands_use_options_that_exist() -> None:
    every = set().union(*map(options_of, CHECKERS))
    wrong = []
    for page in pages():
        for line in text_of(page).replace("\\\n", " ").splitlines():
            used = set(re.findall(r"--option '?([\w?-]+)=", line)) - {"KEY"}
            asked = re.search(r"--checker ([\w-]+)", line)
            known = options_of(asked[1]) if asked and asked[1] in registry.CHECKERS else every
            wrong += [f"{page.name}: {name} in {line.strip()}" for name in sorted(used - known)]
    assert not wrong, "\n".join(wrong)


def test_every_type_of_anomaly_is_explained() -> None:
    told = {name for page in pages() for name in re.findall(r"`([^`\n]+)`", text_of(page))}
    assert not emitted() - told, "no page tells what these are"


def test_no_type_of_anomaly_is_made_up() -> None:
    listed = {name for page in pages() for name in first_column(text_of(page), "type")}
    assert listed
    assert not listed - emitted(), "a table lists types that no checker reports"


def test_the_lattice_is_that_of_the_product() -> None:
    rows = [
        [re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split("|")]
        for line in section("Consistency models").text.splitlines()
        if line.startswith("| `")
    ]
    assert {row[0][0]: set(row[1]) for row in rows} == {
        model: set(weaker) for model, weaker in lattice.IMPLIES_MODEL.items()
    }
    assert {alias: row[0][0] for row in rows for alias in row[0][1:]} == lattice.ALIASES
    assert {row[0][0]: set(row[2]) for row in rows if row[2]} == {
        model: set(names) for model, (names, _) in lattice.PROSCRIBES.items()
    }


def test_flags_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert checking.main(["--help"]) == 0
    known = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))
    assert set(first_column(text_of(COMMAND), "flag")) == known


def test_fields_of_the_json_object_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = [each for each in examples() if each.judge in ("causal", "register")]
    for example in chosen:
        (tmp_path / example.asked[0]).write_text(example.history, encoding="utf-8")
    (tmp_path / "broken.jsonl").write_text("{}\n{}\n", encoding="utf-8")
    objects = []
    for asked in (
        *([*example.asked, "--html", "page.html"] for example in chosen),
        [chosen[0].asked[0], "broken.jsonl", "--checker", "register"],
        [*chosen[0].asked, "--time-limit", "0"],
    ):
        checking.main([*asked, "--json"])
        objects.append(msgspec.json.decode(capsys.readouterr().out))
    objects += [inner for each in objects for inner in each.get("files", ())]
    told = section("The JSON object").text
    fields = set(first_column(told, "field"))
    top = {name for each in objects for name in each}
    anomaly = {name for each in objects for found in each.get("anomalies", ()) for name in found}
    assert fields == top | anomaly


def test_the_litmus_case_is_agreed_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (case,) = [each.text for each in fences(COMMAND) if each.text.startswith('{"cases"')]
    (tmp_path / "cases.json").write_text(case, encoding="utf-8")
    assert checking.main(["--manifest", str(tmp_path / "cases.json")]) == 0
    assert "agree 1 of 1" in capsys.readouterr().out


def test_notations_are_recognised() -> None:
    (page,) = [page for page in pages() if page.stem == "formats"]
    shown = [each for each in fences(page) if "acquire" in each.text]
    assert [notation_of(each.text.encode()) for each in shown] == [
        Notation.JSON_LINES,
        Notation.JSON_ARRAY,
        Notation.EDN,
        Notation.EDN_WRAPPED,
        Notation.LOG,
    ]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_python_does_what_is_shown(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in write_python(page, tmp_path):
        monkeypatch.delitem(sys.modules, name, raising=False)
    shown = "\n".join(each.text for each in fences(page) if each.language == "pycon")
    told: list[str] = []
    test = doctest.DocTestParser().get_doctest(shown, {}, page.name, str(page), 0)
    doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    assert not told, "".join(told)


def write_python(page: Path, folder: Path) -> list[str]:
    """Write the Python files that a page shows; the names of their modules."""
    names = []
    for each in fences(page):
        if each.language == "python":
            name = each.text.splitlines()[0].removeprefix("# ")
            assert re.fullmatch(r"\w+\.py", name), f"{page.name}:{each.line}: begin with the name of the file"
            (folder / name).write_text(each.text + "\n", encoding="utf-8")
            names.append(name.removesuffix(".py"))
    return names


# --- links -----------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: list[str] = []
    for _, _, title in headings(page):
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        same = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", each) is not None for each in found)
        found.append(f"{slug}-{same}" if same else slug)
    return set(found)


def broken_links(page: Path) -> Iterator[str]:
    plain = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", plain):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{page.relative_to(ROOT)}: {link}: there is no {path}"
        elif anchor and anchor not in anchors(target):
            yield f"{page.relative_to(ROOT)}: {link}: {target.name} has no heading #{anchor}"


def test_links_lead_somewhere() -> None:
    every = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    assert set(pages()) <= set(every)
    broken = [told for page in every for told in broken_links(page)]
    assert not broken, "\n".join(broken)
