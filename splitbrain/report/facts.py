"""The row of facts below a verdict: what a checker counted, as plain numbers and short lists."""

import re
from typing import Any

MOST = 40
"""Characters of one fact."""

HIDDEN = re.compile(r"(^|_)series$|_at$|^(cycles|findings|failures|anomaly_types|not|valid)$")
"""Stats that are for plotting or for pictures, or that the line above says already."""

NAMES = {
    # Of transactions; what a client asked for is an operation on this page.
    "operations": "reads and writes",
    "also_not": "nor, therefore",
}
"""Stats that are called otherwise here."""


def of(stats: dict[str, Any]) -> dict[str, str]:
    """Name -> figure. Elements that are counted as well are left to the anomalies."""
    facts = {}
    for name, value in stats.items():
        if HIDDEN.search(name) or f"{name}-count" in stats:
            continue
        items = value if isinstance(value, list) else [value]
        plain = all(isinstance(item, (int, float, str)) and not isinstance(item, bool) for item in items)
        told = ", ".join(map(str, items))
        if plain and 0 < len(told) <= MOST:
            facts[NAMES.get(name, name.replace("-", " ").replace("_", " "))] = told
    return facts
