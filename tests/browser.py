"""A real browser for tests of pages: headless Chromium with a probe at the end of the page.

The probe works the page and leaves what it saw, as JSON, in `data-saw` of the root element.  At 390 px the
page sits in a frame, because headless windows have a minimum width.
"""

import html
import json
import re
import subprocess
import zlib
from pathlib import Path
from typing import Any

from tests.requirements import chromium

WIDTHS = (1280, 390)
"""Of a desk and of a telephone, in px."""

FIRST = """<script>
window.failures = [];
window.addEventListener("error", (event) => failures.push(event.message));
window.addEventListener("securitypolicyviolation", (event) => failures.push(event.violatedDirective));
window.requestAnimationFrame = (draw) => draw(performance.now() + 1e6);
</script>"""
"""Put before the first script of a page: nothing that fails is missed, and nothing waits for a frame."""

FRAME = """<!doctype html><body style="margin:0">
<iframe style="width:390px;height:2000px;border:0" srcdoc="{}"></iframe>
<script>document.querySelector("iframe").onload = (event) => {{
  document.documentElement.dataset.saw = event.target.contentDocument.documentElement.dataset.saw;
}};</script>"""


def run_browser(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it headless, with a profile of its own, until it ends by itself."""
    browser = chromium()
    assert browser is not None, "ask for it first: requirements.need"
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--hide-scrollbars", "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}", *arguments,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def visit(folder: Path, source: str, probe: str, width: int) -> dict[str, Any]:
    """Load the page with the probe, and return what the probe saw."""
    head, body = source.replace("<script type", f"{FIRST}<script type", 1).rsplit("</body>", 1)
    probed = f"{head}{probe}</body>{body}"
    file = folder / "page.html"
    file.write_text(probed if width > 500 else FRAME.format(html.escape(probed)), encoding="utf-8")
    size = f"--window-size={max(width, 500)},2000"
    done = run_browser(folder, size, "--virtual-time-budget=3000", "--dump-dom", file.as_uri())
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
