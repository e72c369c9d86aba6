"""Pages and routes ask services, which return values: they open no connection and read no answer of another call."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("console", "portal", "pages", "presenters", "routes")


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / "api" / folder).rglob("*.py"))


def uses(path: Path, attribute: str) -> list[int]:
    """The lines on which this attribute of anything is read."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == attribute]


def found(paths: Iterator[Path], attribute: str) -> dict[str, list[int]]:
    """The files that read it, with the lines."""
    return {str(path.relative_to(ROOT)): lines for path in paths if (lines := uses(path, attribute))}


@pytest.mark.parametrize("attribute", ["database", "together"])
def test_only_services_open_a_database_connection(attribute: str) -> None:
    assert found(modules(*FOLDERS), attribute) == {}


def test_pages_read_no_answer_of_another_call() -> None:
    """A service says what its reply holds; `content` is for whoever sends it as it is."""
    found = {
        str(path.relative_to(ROOT)): lines for path in modules("console", "portal") if (lines := uses(path, "content"))
    }
    assert found == {}
