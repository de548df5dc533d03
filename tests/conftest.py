"""Options of the test run."""

import pytest

# Suites that others subclass: without this a failing assertion of theirs shows no values.
pytest.register_assert_rewrite("tests.place_conformance")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite", action="store_true", help="write the golden transcripts anew instead of comparing them"
    )
