"""The report in a real browser: it draws, it answers to keys and clicks, it fits, and nothing fails.

The page is loaded by headless Chromium with a probe at its end that works the figure and leaves what it
saw in the title.  At 390 px the page sits in a frame, because headless windows have a minimum width.
"""

import html
import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from splitbrain.report import page
from tests import sample_run

pytestmark = pytest.mark.process

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTHS = (1280, 390)

FIRST = """<script>
window.failures = [];
window.addEventListener("error", (event) => failures.push(event.message));
window.addEventListener("securitypolicyviolation", (event) => failures.push(event.violatedDirective));
window.requestAnimationFrame = (draw) => draw(performance.now() + 1e6);
</script>"""

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

FRAME = """<!doctype html><body style="margin:0">
<iframe style="width:390px;height:2000px;border:0" srcdoc="{}"></iframe>
<script>document.querySelector("iframe").onload = (event) => {{
  document.documentElement.dataset.saw = event.target.contentDocument.documentElement.dataset.saw;
}};</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: install one of {', '.join(NAMES)} to look at the report")
    return found


def run_browser(browser: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it headless, with a profile of its own, until it ends by itself."""
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--hide-scrollbars", "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}", *arguments,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def visit(browser: str, folder: Path, source: str, width: int) -> dict[str, Any]:
    """Load the page with the probe, and return what the probe saw."""
    head, body = source.replace("<script type", f"{FIRST}<script type", 1).rsplit("</body>", 1)
    probed = f"{head}{PROBE}</body>{body}"
    file = folder / "page.html"
    file.write_text(probed if width > 500 else FRAME.format(html.escape(probed)), encoding="utf-8")
    size = f"--window-size={max(width, 500)},2000"
    done = run_browser(browser, folder, size, "--virtual-time-budget=3000", "--dump-dom", file.as_uri())
    found = re.search(r'data-saw="([^"]*)"', done.stdout)
    assert found, f"the probe did not run: {done.stderr[-2000:]}"
    saw: dict[str, Any] = json.loads(html.unescape(found[1]))
    assert "CONSOLE" not in done.stderr, done.stderr[-2000:]
    return saw


def ink(png: bytes) -> float:
    """The share of bytes of an image that differ from their neighbours: 0 for a blank page."""
    data, at = b"", 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    raw = zlib.decompress(data)
    return 1 - raw.count(0) / len(raw)


@pytest.mark.parametrize("width", WIDTHS)
def test_an_invalid_run_draws_and_answers(browser: str, tmp_path: Path, width: int) -> None:
    saw = visit(browser, tmp_path, page.render(*sample_run.make(600, lossy=True)), width)
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
def test_a_valid_run_draws_without_anomalies(browser: str, tmp_path: Path, width: int) -> None:
    saw = visit(browser, tmp_path, page.render(*sample_run.make(600)), width)
    assert saw["failures"] == []
    assert saw["colours"] > 20
    assert saw["wide"] <= 0
    assert saw["stories"] == 0


def test_screenshot_is_not_blank(browser: str, tmp_path: Path) -> None:
    file, blank = tmp_path / "page.html", tmp_path / "blank.html"
    file.write_text(page.render(*sample_run.make(600)), encoding="utf-8")
    blank.write_text("<!doctype html><title>blank</title>")
    shares = []
    for source in (file, blank):
        picture = source.with_suffix(".png")
        run_browser(browser, tmp_path, "--window-size=1280,2000", f"--screenshot={picture}", source.as_uri())
        shares.append(ink(picture.read_bytes()))
    assert shares[0] > 0.01 > shares[1]


def test_a_broken_script_would_be_noticed(browser: str, tmp_path: Path) -> None:
    source = page.render(*sample_run.make(100)).replace("startCopy();", "startCopy(); noSuchThing();")
    with pytest.raises(AssertionError):
        visit(browser, tmp_path, source, 1280)
