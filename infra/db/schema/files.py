"""The files: each has tables with their indexes and triggers, functions, what earlier files left, rows and rights."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.db.schema import functions, grants, tables, views
from infra.db.schema.catalogue import Catalogue
from infra.db.schema.expressions import commented
from infra.db.schema.notes import FOLDER, Notes, require_complete

_HEAD = "Written by `python -m infra.db.schema write`, not edited: docs/schema.md. {place}"


def texts(catalogue: Catalogue, notes: list[Notes]) -> dict[str, str]:
    """{file name: its text}. Raises IncompleteNotes."""
    require_complete(notes, catalogue)
    writer = _Writer(catalogue, notes)
    return {f"{one.name}.sql": writer.file(one) for one in notes}


def stored(folder: Path = FOLDER) -> dict[str, str]:
    """The files as they are in the repository."""
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")}


def save(now: Mapping[str, str], folder: Path) -> list[str]:
    """Writes each file that has changed, removes those that are gone, and returns the names of both."""
    before = stored(folder)
    changed = sorted(name for name in {*now, *before} if now.get(name) != before.get(name))
    for name in changed:
        if name in now:
            (folder / name).write_text(now[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


class _Writer:
    """Goes through the files in order and remembers what exists already, and what waits for a later file."""

    def __init__(self, catalogue: Catalogue, notes: list[Notes]) -> None:
        self._catalogue = catalogue
        self._home = {name: one.name for one in notes for name in (*one.tables, *one.functions)}
        self._done: dict[str, None] = {}
        self._waiting = defaultdict[str, list[str]](list)
        self._before = ""

    def file(self, notes: Notes) -> str:
        place = f"It runs after {self._before}.sql." if self._before else "It runs first."
        self._before = notes.name
        body = [part for name in notes.tables for part in self._table(notes, name)]
        body += [part for name in notes.functions for part in self._function(notes, name)]
        sections = [
            commented(notes.title) + "\n" + commented(_HEAD.format(place=place)),
            "\n\n".join(body),
            _section("Of tables in earlier files", "\n".join(self._waiting.pop(notes.name, []))),
            _section("Rows", "\n".join(self._rows(notes))),
            _section("Rights", "\n".join(grants.statements(self._catalogue, {*notes.tables, *notes.functions}))),
        ]
        return "\n\n".join(section for section in sections if section) + "\n"

    def _table(self, notes: Notes, name: str) -> Iterator[str]:
        if name in self._done:
            return
        yield from self._needed(notes, name)
        self._done[name] = None
        if view := self._catalogue.views.get(name):
            yield commented(notes.tables[name]) + "\n" + views.create(view)
            return
        table = self._catalogue.tables[name]
        for target, key in tables.later_keys(table, self._done.__contains__):
            self._waiting[self._home[target]].append(key)
        lines = [commented(notes.tables[name]), tables.create(table, notes.columns, self._done.__contains__)]
        lines += [*tables.sequences(table), *tables.not_validated(table), *tables.indexes(table)]
        later = [row for row in table.triggers if not self._is_known(notes, row["function"])]
        for row in later:
            self._waiting[self._home[row["function"]]].append(tables.trigger(row))
        lines += [commented(f"More triggers in {text}.") for text in _places(self._home, later)]
        yield "\n".join(lines)
        for row in (row for row in table.triggers if row not in later):
            yield from self._function(notes, row["function"])
            yield tables.trigger(row)

    def _function(self, notes: Notes, name: str) -> Iterator[str]:
        if name in self._done:
            return
        self._done[name] = None
        yield from self._needed(notes, name)
        yield commented(notes.functions[name]) + "\n" + functions.create(self._catalogue.functions[name])

    def _needed(self, notes: Notes, name: str) -> Iterator[str]:
        for needed in sorted(self._catalogue.needs.get(name, ())):
            if needed in notes.functions:
                yield from self._function(notes, needed)
            elif needed in notes.tables and needed != name:
                yield from self._table(notes, needed)

    def _is_known(self, notes: Notes, function: str) -> bool:
        return function in self._done or function in notes.functions

    def _rows(self, notes: Notes) -> Iterator[str]:
        found = [self._catalogue.tables[name] for name in notes.tables if name in self._catalogue.tables]
        return (tables.rows(table) for table in found if table.rows)


def _places(home: dict[str, str], later: list[tables.Row]) -> Iterator[str]:
    by_file = defaultdict[str, list[str]](list)
    for row in later:
        by_file[home[row["function"]]].append(row["name"])
    for file, names in by_file.items():
        yield f"{file}.sql: {', '.join(names)}"


def _section(title: str, text: str) -> str:
    return f"-- {title}\n\n{text}" if text else ""
