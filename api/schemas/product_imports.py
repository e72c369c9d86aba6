"""Imports of products in answers."""

from pydantic import BaseModel, Field

from api.schemas.answers import NextCursor, Time
from domain.product_imports import ImportState, RowOutcome


class ProductImport(BaseModel):
    """An import of products from a CSV file."""

    import_id: str
    file_name: str
    encoding: str = Field(description="In which the file was read: utf-8-sig, utf-16 or gb18030.")
    ignored: list[str] = Field(description="Columns that say nothing here.")
    total: int = Field(description="Rows of the file, without its header.")
    state: ImportState = Field(description="A `preview` changes nothing and is kept for a day.")
    created_by: str
    created_at: Time
    applied_by: str | None
    applied_at: Time | None
    finished_at: Time | None
    counts: dict[RowOutcome, int] = Field(description="Rows by outcome.")


class ImportRowError(BaseModel):
    """What is wrong with a column of a row."""

    field: str
    code: str
    line: str | None = Field(default=None, description="With `sku_twice`: where the SKU stood first.")


class ProductImportRow(BaseModel):
    """A row of the file: what it would do, or did."""

    line: int = Field(description="In the file, on which the row ends.")
    sku: str
    outcome: RowOutcome
    changes: dict[str, list[str]] = Field(description="By column: what it was, and what it becomes.")
    errors: list[ImportRowError]


class ProductImportRows(BaseModel):
    """Rows by line."""

    items: list[ProductImportRow]
    next_cursor: NextCursor
