"""The report in a real browser: it draws, it answers to keys and clicks, it fits, and nothing fails.

The page is loaded by headless Chromium with a probe at its end that works the figure and leaves what it
saw in the title.  At 390 px the page sits in a frame, because headless windows have a minimum width.
"""

from pathlib import Path

import pytest

from splitbrain.report import page
from tests import sample_run
from tests.browser import WIDTHS, ink, run_browser, visit
from tests.requirements import need

pytestmark = pytest.mark.process

PROBE = """<script>
(() => {
  const figure = document.getElementById("axis");
  const canvas = figure.querySelector("canvas");
  const press = (key) => figure.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
  const ticks = () => [...figure.querySelectorAll(".tick")].map((tick) => tick.textContent).join();
  const colours = () => {
    const seen = new Set();
    const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const words = new Uint32Array(image.data.buffer);
    for (let i = 0; i < words.length; i += 7) seen.add(words[i]);
    return seen.size;
  };
  const saw = { colours: colours(), whole: ticks() };
  saw.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  press("+");
  saw.zoomed = ticks();
  press("0");
  saw.reset = ticks();
  press(".");
  saw.picked = document.getElementById("selected").textContent;
  press("n");
  saw.selected = document.getElementById("selected").textContent;
  saw.pressed = figure.querySelectorAll('.anomaly[aria-pressed="true"]').length;
  const box = canvas.getBoundingClientRect();
  const dot = (x, y) => figure.dispatchEvent(
    new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true, pointerId: 1 }));
  press("0");
  const tip = document.getElementById("tip");
  const hovered = new Set();
  for (let y = box.top + 40; y < box.bottom; y += 5) {
    for (let x = box.left + 110; x < box.right; x += 37) {
      dot(x, y);
      if (!tip.hidden) hovered.add(tip.textContent);
    }
  }
  saw.hovered = hovered.size;
  saw.stories = document.querySelectorAll(".story .row").length;
  saw.failures = failures;
  document.documentElement.dataset.saw = JSON.stringify(saw);
})();
</script>"""


@pytest.fixture(autouse=True)
def browser() -> None:
    need("chromium")


@pytest.mark.parametrize("width", WIDTHS)
def test_an_invalid_run_draws_and_answers(tmp_path: Path, width: int) -> None:
    saw = visit(tmp_path, page.render(*sample_run.make(600, lossy=True)), PROBE, width)
    assert saw["failures"] == []
    assert saw["colours"] > 20
    assert saw["wide"] <= 0, "the page must not scroll sideways"
    assert saw["zoomed"] != saw["whole"]
    assert saw["reset"] == saw["whole"]
    assert "client" in saw["picked"]
    assert saw["selected"].startswith("lost write: ")
    assert saw["pressed"] == 1
    assert saw["hovered"] > 20
    assert saw["stories"] >= 3


@pytest.mark.parametrize("width", WIDTHS)
def test_a_valid_run_draws_without_anomalies(tmp_path: Path, width: int) -> None:
    saw = visit(tmp_path, page.render(*sample_run.make(600)), PROBE, width)
    assert saw["failures"] == []
    assert saw["colours"] > 20
    assert saw["wide"] <= 0
    assert saw["stories"] == 0


def test_screenshot_is_not_blank(tmp_path: Path) -> None:
    file, blank = tmp_path / "page.html", tmp_path / "blank.html"
    file.write_text(page.render(*sample_run.make(600)), encoding="utf-8")
    blank.write_text("<!doctype html><title>blank</title>")
    shares = []
    for source in (file, blank):
        picture = source.with_suffix(".png")
        run_browser(tmp_path, "--window-size=1280,2000", f"--screenshot={picture}", source.as_uri())
        shares.append(ink(picture.read_bytes()))
    assert shares[0] > 0.01 > shares[1]


def test_a_broken_script_would_be_noticed(tmp_path: Path) -> None:
    source = page.render(*sample_run.make(100)).replace("startCopy();", "startCopy(); noSuchThing();")
    with pytest.raises(AssertionError):
        visit(tmp_path, source, PROBE, 1280)
