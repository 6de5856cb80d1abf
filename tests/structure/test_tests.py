"""The tests themselves: names that are sentences, and no test that cannot fail."""
import ast

import pytest
from tree import REPO, name

FLOW = sorted((REPO / "tests/flow").glob("test_*.py"))


def cases(path):
    return [node for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


@pytest.mark.parametrize("path", FLOW, ids=name)
def test_a_tests_name_is_a_sentence(path):
    for test in cases(path):
        assert test.name.count("_") >= 2, test.name


@pytest.mark.parametrize("path", FLOW, ids=name)
def test_no_name_stands_twice(path):
    names = [test.name for test in cases(path)]
    assert len(names) == len(set(names)), {word for word in names if names.count(word) > 1}


@pytest.mark.parametrize("path", FLOW, ids=name)
def test_a_test_can_fail(path):
    """It asserts, or calls something of ours that does."""
    for test in cases(path):
        calls = {node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                 for node in ast.walk(test) if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute))}
        asserts = any(isinstance(node, ast.Assert) for node in ast.walk(test))
        assert asserts or calls & {"check_problem", "refused", "check", "good", "until", "follow", "walk"}, test.name
