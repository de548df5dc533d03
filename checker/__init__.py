"""Histories in, verdicts out.  Knows nothing of the other rooms (docs/ARCHITECTURE.md).

    import checker

    verdict = checker.check("history.edn", "list-append", consistency_models=["serializable"])
    verdict.validity      # Validity.VALID, .UNKNOWN or .INVALID
    verdict.reason        # one sentence
    verdict.anomalies     # what went wrong, each with the entries that prove it

`checker.registry.CHECKERS` names all checkers; docs/checkers.md says what each one proves.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from checker.history import History
    from checker.operation import Operation
    from checker.verdict import Verdict

__all__ = ["check"]


def check(
    history: "History | Iterable[Operation] | Path | str", checker: str, /, **options: Any
) -> "Verdict":
    """Judge a history, or the file of one in any format that can be read, with the checker of this name.

    Options are those of the checker.  Python has no dashes in names, so `total_amount=100` is
    `total-amount`, and a flag such as `linearizable-keys?` may be given as `linearizable_keys=True`; a name
    with dashes can be passed as it is by `**{"total-amount": 100}`.

    Raises UnknownChecker, OptionError, and HistoryError when the file cannot be read.  A checker that
    crashes does not raise: its verdict is unknown.
    """
    # Imported here, so that `import checker.something` does not load what it does not need.
    from pathlib import Path

    from checker import registry
    from checker.history import History

    if isinstance(history, (str, Path)):
        from checker.formats.load import load

        read = load(Path(history))
    else:
        read = history if isinstance(history, History) else History(history)
    return registry.check(read, checker, {_option(name): value for name, value in options.items()})


def _option(name: str) -> str:
    """The name of an option as checkers know it."""
    from checker import registry

    dashed = name.replace("_", "-")
    return f"{dashed}?" if f"{dashed}?" in registry.FLAGS else dashed
