"""The page of a checked history in a real browser: a failure of linearizability can be explored by hand."""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checker import registry
from checker.history import History
from splitbrain.report import verdict_page
from tests import gallery
from tests.browser import WIDTHS, visit
from tests.requirements import need

pytestmark = pytest.mark.process

PROBE = """<script>
(() => {
  const root = document.querySelector("[data-explorer]");
  const stage = root.querySelector(".scroller");
  const press = (key) => stage.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
  const text = (selector) => [...root.querySelectorAll(selector)].map((found) => found.textContent);
  const shown = () => ({
    points: text(".point text"),
    states: text(".state-part title"),
    progress: text("output")[1],
    order: text("output")[0],
    said: text(".said")[0],
    end: root.querySelector(".dead-end").hidden ? "" : text(".dead-end")[0],
    crosses: root.querySelectorAll(".cross").length,
    current: text('[aria-current="true"]'),
  });
  const saw = { first: shown(), steps: text(".chips.order button"), lanes: text(".names-of-lanes span") };
  saw.bars = root.querySelectorAll(".call").length;
  saw.stuck = text(".call.stuck .op");
  saw.prefix = text("text.prefix");
  saw.plain = getComputedStyle(root.querySelector(".plain")).display;
  saw.height = stage.clientHeight;
  saw.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  press("Home");
  saw.begun = shown();
  press("ArrowRight");
  press("ArrowRight");
  saw.second = shown();
  press("ArrowDown");
  saw.other = shown();
  press("End");
  const width = () => Number(root.querySelector(".scroller svg").getAttribute("width"));
  const before = width();
  press("+");
  press("+");
  saw.zoomed = width() / before;
  press("0");
  saw.fits = root.querySelector(".scroller svg").clientWidth <= stage.clientWidth + 2;
  root.querySelector(".call.stuck rect").dispatchEvent(new MouseEvent("click", { bubbles: true }));
  saw.clicked = shown().said;
  press(".");
  saw.next = shown().said;
  press("f");
  saw.misfit = shown().said;
  saw.unnamed = [...root.querySelectorAll("button")].filter((each) => !each.textContent.trim()).length;
  const keys = root.querySelector("select");
  if (keys) {
    keys.value = "1";
    keys.dispatchEvent(new Event("change"));
    saw.second_key = text(".sentence").pop();
    saw.keys = [...keys.options].map((option) => option.text);
  }
  saw.failures = failures;
  document.documentElement.dataset.saw = JSON.stringify(saw);
})();
</script>"""


@pytest.fixture(autouse=True)
def browser() -> None:
    need("chromium")


def explore(folder: Path, history: History, options: dict[str, Any], width: int) -> dict[str, Any]:
    verdict = registry.check(history, "linearizable", options)
    source = verdict_page.render(Path("h.jsonl"), history, {"linearizable": verdict})
    return visit(folder, source, PROBE, width)


def case(note: str) -> Iterator[Any]:
    return (each for each in gallery.linear() if each.note == note)


@pytest.mark.parametrize("width", WIDTHS)
def test_an_order_can_be_followed_to_its_dead_end(tmp_path: Path, width: int) -> None:
    (found,) = case("cas")
    saw = explore(tmp_path, found.history, dict(found.options), width)
    assert saw["failures"] == []
    assert saw["wide"] <= 0, "the page must not scroll sideways"
    assert saw["plain"] == "none", "the picture takes the place of the plain one"
    assert saw["lanes"] == ["state", "client 0", "client 1", "client 2", "client 3"]
    assert saw["bars"] == 7
    assert saw["stuck"] == ["read → 1"]
    assert saw["prefix"] == ["11"]
    assert saw["steps"] == [
        "1. write 1client 0, state 1",
        "2. cas [1,3]client 2, state 3",
        "3. read → 3client 3",
        "4. write 2client 1, state 2",
        "5. read → 2client 3",
    ]
    first = saw["first"]
    assert (first["progress"], first["crosses"], first["points"]) == ("5 of 5", 1, list("12345"))
    assert first["states"] == ["state: 1", "state: 3", "state: 2"]
    assert "Next must come read → 1 (client 2)" in first["end"]
    assert "it returned 1, and the state is 2" in first["end"]


def test_keys_and_clicks_work_the_picture(tmp_path: Path) -> None:
    (found,) = case("cas")
    saw = explore(tmp_path, found.history, dict(found.options), 1280)
    assert (saw["begun"]["progress"], saw["begun"]["points"], saw["begun"]["end"]) == ("0 of 5", [], "")
    second = saw["second"]
    assert (second["progress"], second["points"], second["crosses"]) == ("2 of 5", ["1", "2"], 0)
    assert second["said"] == "2. cas [1,3] (client 2) changes the state from 1 to 3."
    assert second["current"] == ["2. cas [1,3]client 2, state 3"]
    assert saw["zoomed"] > 1.5
    assert saw["fits"]
    assert "cannot be placed in any order" in saw["clicked"]
    assert "client 2" in saw["clicked"]
    assert saw["next"] != saw["clicked"]
    assert saw["misfit"] == saw["clicked"]
    assert saw["unnamed"] == 0


def test_other_orders_and_other_keys_can_be_chosen(tmp_path: Path) -> None:
    crowd = [
        *gallery.did(0, "write", 0),
        *((client, "invoke", "write", client) for client in (1, 2)),
        *gallery.did(3, "read", None, 9),
        *((client, "ok", "write", client) for client in (1, 2)),
    ]
    saw = explore(tmp_path, gallery.entries(*crowd), {"model": "register"}, 1280)
    assert saw["first"]["order"].startswith("order 1 of ")
    assert saw["other"]["order"].startswith("order 2 of ")
    assert saw["other"]["points"] != saw["first"]["points"]
    assert "could come first, but whatever does, it still does not fit" in saw["first"]["end"]
    (keyed,) = case("keys")
    saw = explore(tmp_path, keyed.history, dict(keyed.options), 1280)
    assert saw["keys"] == ["cat", "dog"]
    assert "register dog" in saw["second_key"]


MEASURE = """<script>
window.addEventListener("load", () => {
  const saw = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const root = frame.contentDocument.documentElement;
    const pictures = [...root.querySelectorAll("[role=img]")].filter((each) => !each.closest(".live .plain"));
    const blank = pictures.filter((each) => !each.clientHeight);
    const foreign = root.querySelectorAll("img, iframe, [onerror]").length;
    const wide = Math.max(root.scrollWidth - root.clientWidth, 0);
    saw[frame.title] = [wide, blank.length, foreign + ("pwned" in frame.contentWindow)];
  }
  document.documentElement.dataset.saw = JSON.stringify(saw);
});
</script>"""


def measured(folder: Path, cases: list[gallery.Case]) -> dict[str, Any]:
    """What MEASURE tells of the page of each case, on a telephone."""
    frames = []
    for each in cases:
        verdict = registry.check(each.history, each.checker, dict(each.options))
        page = verdict_page.render(Path(f"{each.name}.jsonl"), each.history, {each.checker: verdict})
        frames.append(
            f'<iframe title="{each.name}" style="width:390px;height:800px" '
            f'srcdoc="{html.escape(page)}"></iframe>'
        )
    return visit(folder, f"<!doctype html><body>{''.join(frames)}</body>", MEASURE, 1280)


def test_every_page_of_the_gallery_fits_a_telephone(tmp_path: Path) -> None:
    cases = [case for case in gallery.cases() if case.checker != "linearizable"]
    expected = {each.name: [0, 0, 0] for each in cases}
    assert measured(tmp_path, cases) == expected, "[px too wide, pictures not drawn, foreign elements]"


def test_hostile_text_does_not_break_a_page(tmp_path: Path) -> None:
    cases = list(gallery.hostile())
    expected = {each.name: [0, 0, 0] for each in cases}
    assert measured(tmp_path, cases) == expected, "[px too wide, pictures not drawn, foreign elements]"


def test_a_hostile_history_can_be_explored(tmp_path: Path) -> None:
    found = next(gallery.hostile())
    saw = explore(tmp_path, found.history, dict(found.options), 390)
    assert saw["failures"] == []
    assert saw["wide"] <= 0, "the page must not scroll sideways"
    assert "(client 1) changes the state from" in saw["first"]["said"]
    assert all(len(key) <= 200 for key in saw["keys"])


def test_thousands_of_open_operations_can_be_explored(tmp_path: Path) -> None:
    lines = [(client, "invoke", "write", client) for client in range(400)]
    history = gallery.entries(*lines, *gallery.did(999, "read", None, -5))
    saw = explore(tmp_path, history, {"model": "register"}, 1280)
    assert saw["failures"] == []
    assert len(saw["lanes"]) < 50
    assert "and 370 more could come first" in saw["first"]["end"]
    assert saw["begun"]["said"] == "In this order nothing takes effect before the dead end."
    assert saw["height"] < 3000


FOCUS = """<script>
(() => {
  const saw = { reached: [] };
  const press = (target, key) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const wanted = document.querySelectorAll("button, select, [tabindex], summary");
  for (const each of wanted) {
    if (!each.checkVisibility()) continue;
    each.focus();
    saw.reached.push(document.activeElement === each);
    const label = each.getAttribute("aria-label") || each.labels?.[0]?.textContent || each.textContent;
    if (!label.trim()) saw.unnamed = each.outerHTML;
  }
  const [order] = document.querySelectorAll(".chips.order button");
  order.click();
  saw.progress = document.querySelectorAll("output")[1].textContent;
  const keys = document.querySelector("select");
  keys.value = "1";
  keys.dispatchEvent(new Event("change"));
  saw.title = document.querySelector(".of-key").textContent;
  saw.failures = failures;
  document.documentElement.dataset.saw = JSON.stringify(saw);
})();
</script>"""


def test_everything_is_reached_from_the_keyboard(tmp_path: Path) -> None:
    (found,) = case("keys")
    verdict = registry.check(found.history, "linearizable", dict(found.options))
    source = verdict_page.render(Path("h.jsonl"), found.history, {"linearizable": verdict})
    saw = visit(tmp_path, source, FOCUS, 1280)
    assert saw["failures"] == []
    assert len(saw["reached"]) > 12
    assert all(saw["reached"])
    assert "unnamed" not in saw
    assert saw["progress"] == "1 of 2", "a click on an operation of the order goes to it"
    assert saw["title"] == "on key dog", "the heading follows the choice"


def test_a_broken_script_would_be_noticed(tmp_path: Path) -> None:
    (found,) = case("cas")
    verdict = registry.check(found.history, "linearizable", dict(found.options))
    source = verdict_page.render(Path("h.jsonl"), found.history, {"linearizable": verdict})
    with pytest.raises(AssertionError):
        visit(tmp_path, source.replace("this.goToFailure();", "this.noSuchThing();"), PROBE, 1280)
