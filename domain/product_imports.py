"""Importing products from a file: what a row of it would do, and what it did."""

from enum import StrEnum

MAX_ROWS = 20_000
MAX_COLUMNS = 60


class ImportState(StrEnum):
    """A preview changes nothing; an import that is applied goes on until its last row."""

    PREVIEW = "preview"
    APPLYING = "applying"
    DONE = "done"


class RowOutcome(StrEnum):
    """`create` and `change` wait to be applied; `failed` could not be, because the catalogue changed after the
    preview."""

    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    CREATED = "created"
    CHANGED = "changed"
    FAILED = "failed"


DUE = (RowOutcome.CREATE, RowOutcome.CHANGE)
