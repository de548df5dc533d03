"""A Dynamo run that is right, the damages done to it, and what each of the Dynamo checkers makes of them.

The other half of the table of `test_mutations.py`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from checker.history import History
from checker.verdict import Validity
from tests.unit.script import Script

KINDS = ("drop", "swap", "stale", "duplicate", "lost tail")

Steps = list[tuple[str, tuple[Any, ...], dict[str, Any]]]
"""What to call on a `Script`: its method, what goes in, and what else is said of it."""

STRICT = {"mode": "strict"}
CART = {"key": "cart"}


def same(held: list[str], repairs: int = 4) -> dict[str, Any]:
    return {"k": held, "repairs": repairs}


STEPS: Steps = [
    ("phase", ("main",), {}),
    ("put", ("gone",), {"process": 0, "key": "other"}),
    ("put", ("w1",), {"process": 0}),
    ("get", ("w1",), {"process": 1}),
    ("put", ("w2", "w1"), {"process": 0}),
    ("get", ("w2",), {"process": 1}),
    ("delete", ("d1", "gone"), {"process": 0, "key": "other"}),
    ("get", (), {"process": 1, "key": "other"}),
    ("put", ("w3", "w2"), {"process": 2}),
    ("cart", ("add", "eggs", "c1"), {"process": 3} | CART),
    ("phase", ("settle",), {}),
    ("look", (), {"n1": same(["w3"]), "n2": same(["w3"]), "n3": same(["w2"])}),
    ("look", (), {"n1": same(["w3"]), "n2": same(["w3"]), "n3": same(["w3"]), "final": True}),
    ("final", ("w3",), {"process": 1}),
    ("final", (), {"process": 1, "key": "other"}),
    ("final_cart", (["eggs"], "c1"), {"process": 1} | CART),
    ("phase", ("end",), {}),
]
GET_1, GET_2, LOOK_1, LOOK_2, FINAL, FINAL_OTHER, FINAL_CART = 3, 5, 11, 12, 13, 14, 15
"""The places of reads and looks in STEPS."""

StepDamage = Callable[[Steps], Steps]


def told(at: int, *arguments: Any, **more: Any) -> StepDamage:
    """A read showed this instead, or a look found something else."""

    def damage(steps_: Steps) -> Steps:
        name, before, fields = steps_[at]
        return [*steps_[:at], (name, before if more else arguments, fields | more), *steps_[at + 1 :]]

    return damage


def exchanged(one: int, other: int) -> StepDamage:
    """Two reads showed, or two looks found, what the other did."""

    def damage(steps_: Steps) -> Steps:
        made = list(steps_)
        (name, shown, found), (name_, shown_, found_) = steps_[one], steps_[other]
        final = {"final": True} if found_.pop("final", False) else {}
        made[one], made[other] = (name, shown_, found_), (name_, shown, found | final)
        return made

    return damage


def unseen(*places: int) -> StepDamage:
    """Steps that are not in the history."""
    return lambda steps_: [each for at, each in enumerate(steps_) if at not in places]


class DynamoRow(NamedTuple):
    """A checker of Dynamo histories with its options, and per damage the verdict; if not invalid, why not."""

    name: str
    options: dict[str, Any]
    damages: dict[str, tuple[StepDamage, Validity, str]]


def all_finals(steps_: Steps) -> Steps:
    return told(FINAL_CART, [])(told(FINAL)(steps_))


ALL_GONE, EXCHANGED, OLD, TWO, TAIL_GONE = (
    all_finals,
    exchanged(GET_1, GET_2),
    told(GET_2, "w1"),
    told(GET_2, "w2", "w2"),
    told(FINAL, "w2"),
)


def found(damage: StepDamage) -> tuple[StepDamage, Validity, str]:
    return damage, Validity.INVALID, ""


def hidden(
    damage: StepDamage, why: str, verdict: Validity = Validity.VALID
) -> tuple[StepDamage, Validity, str]:
    return damage, verdict, why


FINAL_ONLY = "only final reads are judged"
NEVER = "it measures, and never condemns"
UNNOTICED = "its client had seen nothing newer; `freshness` finds it"

DYNAMO = [
    DynamoRow(
        "causal",
        {},
        {
            "drop": found(ALL_GONE),
            "swap": found(EXCHANGED),
            "stale": hidden(OLD, "before the end sloppy quorums may be behind: counted"),
            "duplicate": found(TWO),
            "lost tail": found(TAIL_GONE),
        },
    ),
    DynamoRow(
        "lost-writes",
        {},
        {
            "drop": found(ALL_GONE),
            "swap": hidden(EXCHANGED, FINAL_ONLY),
            "stale": hidden(OLD, FINAL_ONLY),
            "duplicate": hidden(TWO, FINAL_ONLY),
            "lost tail": found(TAIL_GONE),
        },
    ),
    DynamoRow(
        "siblings",
        {},
        {
            "drop": hidden(ALL_GONE, "there can be too many siblings, not too few"),
            "swap": hidden(EXCHANGED, "one version at a time is never too many"),
            "stale": hidden(OLD, "one version at a time is never too many"),
            "duplicate": found(TWO),
            "lost tail": hidden(TAIL_GONE, "one version at a time is never too many"),
        },
    ),
    DynamoRow(
        "convergence",
        {},
        {
            "drop": found(told(LOOK_2, n3={"repairs": 4})),
            "swap": found(exchanged(LOOK_1, LOOK_2)),
            "stale": found(told(LOOK_2, n3=same(["w2"]))),
            "duplicate": found(told(LOOK_2, n3=same(["w3"], repairs=9))),
            "lost tail": hidden(unseen(LOOK_2), "nobody looked after healing", Validity.UNKNOWN),
        },
    ),
    DynamoRow(
        "freshness",
        STRICT,
        {
            "drop": found(ALL_GONE),
            "swap": found(EXCHANGED),
            "stale": found(OLD),
            "duplicate": hidden(TWO, "what is shown twice is shown; `siblings` counts"),
            "lost tail": found(TAIL_GONE),
        },
    ),
    DynamoRow(
        "monotonicity",
        STRICT,
        {
            "drop": found(ALL_GONE),
            "swap": found(EXCHANGED),
            "stale": found(told(FINAL, "w1")),
            "duplicate": hidden(TWO, "what is shown twice is shown; `siblings` counts"),
            "lost tail": hidden(TAIL_GONE, UNNOTICED),
        },
    ),
    DynamoRow(
        "tombstones",
        STRICT,
        {
            "drop": hidden(ALL_GONE, "what is gone did not come back"),
            "swap": found(EXCHANGED),
            "stale": found(told(FINAL_OTHER, "gone")),
            "duplicate": hidden(TWO, "what is shown twice is shown; `siblings` counts"),
            "lost tail": hidden(TAIL_GONE, "nobody had seen its end; `lost-writes` finds it"),
        },
    ),
    *(
        DynamoRow(
            name,
            {},
            {
                kind: hidden(damage, NEVER)
                for kind, damage in zip(KINDS, (ALL_GONE, EXCHANGED, OLD, TWO, TAIL_GONE), strict=True)
            },
        )
        for name in ("availability", "staleness")
    ),
]


def scripted(steps_: Steps) -> History:
    script = Script()
    for name, arguments, more in steps_:
        getattr(script, name)(*arguments, **more)
    return script.history()
