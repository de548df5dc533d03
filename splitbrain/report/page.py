"""The report as one HTML file: no network, no library, nothing beside it.

Style, script and data are inside the file, and a content security policy forbids everything else.  Data
that came from a run is text wherever it appears: the template escapes it, and the embedded JSON cannot
end its own script element.
"""

from importlib import resources
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from checker.history import History
from splitbrain import __version__
from splitbrain.report import model, plain

SCRIPTS = ("story.js", "layers.js", "axis.js", "report.js")
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render(history: History, results: dict[str, Any], test: dict[str, Any]) -> str:
    """The page of one run. `results` and `test` are the objects of `results.json` and `test.json`."""
    report = model.build(history, results, test)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["percent"] = percent
    template = environment.from_string(_asset("template.html.j2"))
    rendered = template.render(
        facts=report.facts,
        told=model.TOLD,
        open=model.OPEN,
        version=__version__,
        style=Markup(_asset("report.css")),
        script=Markup(script()),
        data=embed(report.data),
    )
    return plain.visible(rendered)


def script() -> str:
    """All scripts of a report. `report.js` starts the others and comes last."""
    return joined(SCRIPTS)


def joined(names: tuple[str, ...]) -> str:
    """Scripts of this package as one, in a scope of their own."""
    parts = "\n".join(_asset(name) for name in names)
    return f'(() => {{\n"use strict";\n{parts}}})();'


def embed(data: object) -> Markup:
    """JSON that is safe inside a script element, whatever strings it holds."""
    text = msgspec.json.encode(data).decode()
    for character, escape in _UNSAFE.items():
        text = text.replace(character, escape)
    return Markup(text)


def percent(rate: float) -> str:
    """A rate for a table; only a true 1 is written as 100 %."""
    shown = f"{rate * 100:.1f}"
    return f"{'99.9' if shown == '100.0' and rate < 1 else shown.removesuffix('.0')} %"


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
