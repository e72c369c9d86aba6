"""What people add to the catalogue: in which file an object stands, in which order, and one sentence about it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.db.schema.catalogue import Catalogue

FOLDER = Path(__file__).parent
WRITE = "run `make schema` (python -m infra.db.schema write) and commit what it writes"
# The files in the order in which they can be run. A part that needs a later file stands in that one.
FILES = (
    "audit", "audit_entries", "system", "staff", "customers", "files", "catalogue", "idempotency", "checks",
    "orders", "approvals", "orders_holds", "orders_changes", "stock", "sourcing", "payments", "payments_disputes",
    "payments_changes", "payments_refunds", "payments_store_credit", "shipping", "picking", "codes",
    "payments_captures", "payments_terms",
    "freight", "backorders", "after_sales", "after_sales_exchanges", "messaging", "support", "documents",
    "documents_further", "notifications", "alerts", "webhooks", "stock_locations", "stock_transfers",
    "replenishment", "portal", "feedback", "collaboration", "orders_table", "channels", "previous_names",
)  # fmt: skip


class IncompleteNotes(Exception):
    """The notes do not match the database; says what to add or to remove."""


@dataclass(frozen=True)
class Notes:
    """notes/NAME.toml: the tables, views and functions of NAME.sql with their comments, and comments of columns."""

    name: str
    title: str
    tables: Mapping[str, str]
    functions: Mapping[str, str]
    columns: Mapping[str, str]


def read() -> list[Notes]:
    """The notes of every file, in order."""
    return [_read(name) for name in FILES]


def require_complete(notes: list[Notes], catalogue: Catalogue) -> None:
    """Each table, view and function is in exactly one file, and only what exists is. Raises IncompleteNotes."""
    noted = [name for one in notes for name in (*one.tables, *one.functions, *one.columns)]
    columns = {f"{table.name}.{row['name']}" for table in catalogue.tables.values() for row in table.columns}
    objects = {*catalogue.tables, *catalogue.views, *catalogue.functions}
    found = [f"{name} is noted more than once" for name in sorted({name for name in noted if noted.count(name) > 1})]
    found += [f"{name} does not exist: remove it" for name in sorted(set(noted) - objects - columns)]
    found += [f"{name} is in no file: add it, with a sentence" for name in sorted(objects - set(noted))]
    if found:
        raise IncompleteNotes(f"infra/db/schema/notes/*.toml: {'; '.join(found)}; then {WRITE}")


def _read(name: str) -> Notes:
    known = tomllib.loads((FOLDER / "notes" / f"{name}.toml").read_text(encoding="utf-8"))
    return Notes(name, known["title"], known["tables"], known["functions"], known.get("columns", {}))
