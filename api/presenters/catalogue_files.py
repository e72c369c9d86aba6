"""Products and stock levels as CSV."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TypeVar

from fastapi.responses import Response, StreamingResponse

from api.services.catalogue.product_entries import ListedProduct
from api.services.catalogue.product_imports import ImportRow
from api.services.stock.stock_queries import ListedLevel
from domain.money import written
from infra.spreadsheets import BOM, CSV, Cell, csv_lines

Row = TypeVar("Row")
_LANGUAGES = ("en", "zh")
_PLAIN = ("sku", "name", "currency", "available", "barcode", "weight_g", "category")
IMPORT_COLUMNS = ("line", "sku", "outcome", "changes", "errors")
STOCK_COLUMNS = (
    *("sku", "name", "warehouse", "on_hand", "reserved", "safety_stock", "available", "incoming", "quarantined"),
    "active",
)


def product_columns(languages: Iterable[str]) -> tuple[str, ...]:
    """The columns of a file with product names in these languages: those that an import takes, and two for reading."""
    names = [f"name_{lang}" for lang in sorted({*_LANGUAGES, *languages})]
    return (
        *("sku", "name", *names, "price", "currency", "active", "available", "barcode", "weight_g"),
        *("tax_category", "category", "created_at"),
    )


def product_cells(columns: tuple[str, ...]) -> Callable[[ListedProduct], list[Cell]]:
    """How a product fills these columns; the price in major units."""
    plain = [name for name in columns if name in _PLAIN]

    def cells(product: ListedProduct) -> list[Cell]:
        values: dict[str, Cell] = {
            **{f"name_{lang}": name for lang, name in product.names.items()},
            **{name: getattr(product, name) for name in plain},
            "tax_category": str(product.tax_category),
            "price": written(product.price_minor, product.currency),
            "active": _yes_or_no(product.active),
            "created_at": product.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return [values.get(name) for name in columns]

    return cells


def import_cells(row: ImportRow) -> list[Cell]:
    """What a row of an import would do, or did."""
    said = [f"{error['field']}: {error['code']}" for error in row.errors]
    changed = [f"{name}: {before} > {after}" for name, (before, after) in row.changes.items()]
    return [row.line, row.sku, row.outcome.value, "; ".join(changed), "; ".join(said)]


def stock_cells(level: ListedLevel) -> list[Cell]:
    """The level of a product at a warehouse."""
    values = {name: getattr(level, name) for name in STOCK_COLUMNS} | {"active": _yes_or_no(level.active)}
    return [values[name] for name in STOCK_COLUMNS]


def csv_of(
    name: str, columns: tuple[str, ...], pages: AsyncIterator[list[Row]], cells_of: Callable[[Row], list[Cell]]
) -> Response:
    """A response that sends each page as it is read."""

    async def body() -> AsyncIterator[bytes]:
        yield BOM + csv_lines([list(columns)])
        async with aclosing(pages):  # type: ignore[type-var]
            async for rows in pages:
                yield csv_lines(map(cells_of, rows))

    headers = {
        "Content-Disposition": f'attachment; filename="{name}-{datetime.now(UTC):%Y-%m-%d-%H%M}.csv"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(body(), 200, headers, CSV)


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
