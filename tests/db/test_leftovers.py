"""What the database keeps for processes of the previous version: docs/deploy.md lists it, and nothing else uses it."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "infra" / "db" / "schema"
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
LIST = PAGE[PAGE.index("| what goes | unused since |") :].split("\n\n")[0]
NAMES = sorted(name for row in LIST.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1]))
TABLES = sorted(name for row in LIST.splitlines()[2:] for name in re.findall(r"table (\w+)", row.split("|")[1]))
SQL = "".join(file.read_text(encoding="utf-8") for file in SCHEMA.glob("*.sql"))
CODE = {
    file: file.read_text(encoding="utf-8")
    for layer in ("domain", "workflows", "activities", "api", "workers", "infra")
    for file in (ROOT / layer).rglob("*.py")
    if "versions" not in file.parts
}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_listed_is_there_and_unused(name: str) -> None:
    assert re.search(rf"CREATE (CONSTRAINT )?(FUNCTION|TRIGGER) {name}\b", SQL)
    assert [file for file, text in CODE.items() if re.search(rf"(?<!_)\b{name}\(:", text)] == []


@pytest.mark.parametrize("table", TABLES)
def test_no_code_reads_or_writes_a_table_that_goes(table: str) -> None:
    assert [file for file, text in CODE.items() if re.search(rf"\b(FROM|JOIN|INTO|UPDATE) {table}\b", text)] == []


def test_what_is_for_the_previous_version_is_listed() -> None:
    notes = [tomllib.loads(file.read_text(encoding="utf-8")) for file in SCHEMA.joinpath("notes").glob("*.toml")]
    found = {
        name
        for note in notes
        if not note["title"].startswith("Names of the previous version")
        for name, words in note.get("functions", {}).items()
        if "previous version" in words
    }
    assert sorted(found - set(NAMES)) == []
    assert "previous_names.sql" in LIST
