"""The reference of conditions has each reason that the code gives for one."""

import ast
import re
from collections.abc import Iterator

from tests.cluster.cache import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "conditions.md"
CODE = [
    *(REPOSITORY / "operator" / "catdog_operator" / "plan").glob("*.py"),
    *(REPOSITORY / "trainer_image" / "catdog_trainer").rglob("*.py"),
]
# Which argument is the reason.
REASON_OF = {"yes": 0, "no": 0, "Finding": 1, "Judgement": 1, "DataError": 0}


def test_each_reason_is_told() -> None:
    reasons = {reason for file in CODE for reason in reasons_in(file.read_text())}
    assert len(reasons) > 30, "they are found"
    told = set(re.findall("`([A-Z][A-Za-z]+)`", PAGE.read_text()))
    assert reasons - told == set()


def test_a_reason_is_found_where_it_is_given_in_place_or_by_a_choice() -> None:
    text = (
        'no("One", "it is one")\nFinding("False", "Two" if here else "Three", message)\nno(reason, message)'
    )
    assert set(reasons_in(text)) == {"One", "Two", "Three"}


def reasons_in(text: str) -> Iterator[str]:
    """Yield the reasons that a module gives by name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REASON_OF:
            for given in node.args[REASON_OF[node.func.id] : REASON_OF[node.func.id] + 1]:
                yield from _words(given)


def _words(given: ast.expr) -> Iterator[str]:
    if isinstance(given, ast.IfExp):
        yield from _words(given.body)
        yield from _words(given.orelse)
    elif isinstance(given, ast.Constant) and isinstance(given.value, str):
        yield given.value
