"""The list of conversations that do not yet hold over a sandbox like the live API."""

import ast

from tests.conftest import TESTS
from tests.moods import NOT_YET


def test_every_name_in_the_list_is_that_of_a_marked_test() -> None:
    """Where this fails: remove the name from NOT_YET in tests/moods.py, or correct it."""
    marked = {
        node.name
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.AsyncFunctionDef)
        and any(ast.unparse(one) == "pytest.mark.both_moods" for one in node.decorator_list)
    }
    assert NOT_YET.keys() <= marked
