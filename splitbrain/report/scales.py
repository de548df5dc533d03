"""Numbers on a scale, as SVG and small tables: a counter and its bounds, balances and their total."""

from typing import Any

from markupsafe import Markup

from checker.classic.element import shown

WIDTH, LEFT, RIGHT = 560, 10, 10
MOST = 16
"""Accounts, or kinds of operations, that are shown."""

Bounds = list[Any]
"""Lowest possible value, value that was read, highest possible value."""


def bounds(read: Bounds) -> tuple[Markup, str]:
    """Where a read of a counter lies beside what it could have been."""
    low, value, high = read
    at = _scale([low, value, high])
    band = max(at(high) - at(low), 4)
    picture = Markup(
        '<svg class="scale" viewBox="0 0 {w} 96" width="{w}" height="96" role="img" aria-label="{told}">'
        '<line class="rail" x1="{a}" x2="{b}" y1="52" y2="52"/>'
        '<rect class="band" x="{x:.1f}" y="44" width="{bw:.1f}" height="16" rx="3"/>'
        '<text class="{la}" x="{lx:.1f}" y="80">{low}</text>{top}'
        '<path class="read" d="M{v:.1f} 43l8 9l-8 9l-8 -9z"/>'
        '<text class="{va} read" x="{v:.1f}" y="30">read {value}</text></svg>'
    ).format(
        w=WIDTH, a=LEFT, b=WIDTH - RIGHT, x=at(low), bw=band, v=at(value), value=shown(value),
        told=f"The read returned {shown(value)}; possible were {shown(low)} to {shown(high)}.",
        low=shown(low) if low == high else f"at least {shown(low)}", lx=at(low), la=_anchor(at(low), "low"),
        va=_anchor(at(value)),
        top="" if low == high else Markup('<text class="{a}" x="{x:.1f}" y="80">at most {t}</text>').format(
            a=_anchor(at(high), "high"), x=at(high), t=shown(high)
        ),
    )  # fmt: skip
    caption = (
        "The bar is what the counter could have been: everything acknowledged before the read counts, and "
        "what was under way during it may count. The diamond is what the read returned."
    )
    return picture, caption


def _scale(values: list[Any]) -> Any:
    low, high = min(values), max(values)
    span = (high - low) or 1
    return lambda value: LEFT + 40 + (value - low) / span * (WIDTH - LEFT - RIGHT - 80)


def _anchor(x: float, side: str = "") -> str:
    """Text runs away from the edges, and the two ends of a bar run away from each other."""
    if side:
        return "before" if side == "low" and x > 130 else "after" if x < WIDTH - 130 else "before"
    return "after" if x < 60 else "before" if x > WIDTH - 60 else "middle"


def balances(value: Any, total: Any) -> tuple[Markup, str] | None:
    """The balances that a read showed, end to end, above the total that they must add up to."""
    held = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
    if not held or not all(_number(balance) for balance in held.values()) or not _number(total):
        return None
    found: float = sum(held.values())
    reach: float = max(sum(b for b in held.values() if b > 0), total, 1)
    depth = min(sum(b for b in held.values() if b < 0), 0)
    unit = (WIDTH - LEFT - RIGHT - 60) / (reach - depth)
    zero = LEFT + 40 - depth * unit
    up, down, parts = zero, zero, []
    for account, balance in list(held.items())[:MOST]:
        wide = abs(balance) * unit
        x = up if balance >= 0 else down - wide
        up, down = (up + wide, down) if balance >= 0 else (up, down - wide)
        parts.append(_segment(f"{account}: {shown(balance)}", x, wide, balance < 0))
    picture = Markup(
        '<svg class="scale" viewBox="0 0 {w} 104" width="{w}" height="104" role="img" aria-label="{told}">'
        '{parts}<rect class="wanted" x="{z:.1f}" y="66" width="{t:.1f}" height="22" rx="3"/>'
        '<text x="{tx:.1f}" y="82">must be {total}</text><text class="read" x="{z:.1f}" y="18">the read: '
        "{sum}</text></svg>"
    ).format(
        w=WIDTH, parts=Markup("").join(parts), z=zero, t=max(total * unit, 2), total=shown(total),
        tx=zero + 8, sum=f"{' + '.join(shown(b) for b in list(held.values())[:MOST])} = {shown(found)}",
        told=f"The read shows {', '.join(f'{shown(b)} on {a}' for a, b in list(held.items())[:MOST])}, "
        f"together {shown(found)}; the total is {shown(total)}.",
    )  # fmt: skip
    return (
        picture,
        "Every transfer takes from one account what it gives to another, so the total never changes.",
    )


def _segment(text: str, x: float, wide: float, negative: bool) -> Markup:
    label = text if wide > 8 * len(text) else ""
    return Markup(
        '<g><title>{t}</title><rect class="part{n}" x="{x:.1f}" y="28" width="{w:.1f}" height="26"/>'
        '<text class="middle in" x="{m:.1f}" y="45">{l}</text></g>'
    ).format(t=text, n=" negative" if negative else "", x=x, w=max(wide, 1.5), m=x + wide / 2, l=label)


def accounts(value: Any, expected: list[str]) -> tuple[Markup, str]:
    """The accounts of a read: those that it shows, lacks, or should not show. `expected` may be empty."""
    held = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
    names: dict[str, Any] = {str(account): balance for account, balance in held.items()}
    parts = []
    for name in [*names, *(each for each in expected if each not in names)][:MOST]:
        wrong = _account_fault(name, names, expected)
        parts.append(
            Markup('<span class="chip{only}"><b>{n}</b> {b}{w}</span>').format(
                only=" only" if wrong else "",
                n=name,
                b=shown(names[name]) if name in names else "",
                w=f" ({wrong})" if wrong else "",
            )
        )
    picture = Markup('<p class="accounts">{p}</p>').format(p=Markup(" ").join(parts))
    return picture, "The accounts as this read shows them. Outlined: what is wrong."


def _account_fault(name: str, held: dict[str, Any], expected: list[str]) -> str:
    """What is wrong with one account, in a few words; empty if nothing is."""
    if name not in held:
        return "not shown"
    if expected and name not in expected:
        return "no such account"
    if not _number(held[name]):
        return "no balance"
    return "negative" if held[name] < 0 else ""


def outcomes(by_f: dict[str, Any]) -> tuple[Markup, str]:
    """How each kind of operation ended."""
    rows = []
    for f, counts in list(by_f.items())[:MOST]:
        ok, fail = counts.get("ok-count", 0), counts.get("fail-count", 0)
        unknown = counts.get("info-count", 0) + counts.get("open-count", 0)
        note = "" if ok else "never succeeded"
        rows.append(
            Markup(
                '<tr><th scope="row">{f}</th><td class="num">{ok}</td><td class="num">{fail}</td>'
                '<td class="num">{unknown}</td><td class="note">{note}</td></tr>'
            ).format(f=f, ok=ok, fail=fail, unknown=unknown, note=note)
        )
    heads = ("operation", "succeeded", "failed", "outcome unknown", "")
    head = Markup("").join(
        Markup('<th scope="col"{c}>{t}</th>').format(c=Markup(' class="num"') if 0 < at < 4 else "", t=title)
        for at, title in enumerate(heads)
    )
    table = Markup('<table class="sides"><thead><tr>{h}</tr></thead><tbody>{b}</tbody></table>').format(
        h=head, b=Markup("").join(rows)
    )
    return table, "What never succeeded was not tested, whatever else the verdict says."


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
