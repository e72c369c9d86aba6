"""Products and stock levels as CSV."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from fastapi.responses import Response, StreamingResponse

from domain.money import written
from infra.spreadsheets import BOM, CSV, Cell, csv_lines

Pages = AsyncIterator[list[Any]]
_LANGUAGES = ("en", "zh")
PRODUCT_COLUMNS = (
    *("sku", "name", "name_en", "name_zh", "price", "currency", "active", "available", "barcode", "weight_g"),
    *("tax_category", "created_at"),
)
STOCK_COLUMNS = (
    *("sku", "name", "warehouse", "on_hand", "reserved", "safety_stock", "available", "incoming", "quarantined"),
    "active",
)


def product_cells(product: Any) -> list[Cell]:
    """One product; the price in major units."""
    values: dict[str, Cell] = {
        **{name: getattr(product, name) for name in PRODUCT_COLUMNS if hasattr(product, name)},
        **{f"name_{lang}": product.names.get(lang) for lang in _LANGUAGES},
        "price": written(product.price_minor, product.currency),
        "active": _yes_or_no(product.active),
        "created_at": product.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return [values[name] for name in PRODUCT_COLUMNS]


def stock_cells(level: Any) -> list[Cell]:
    """The level of a product at a warehouse."""
    values = {name: getattr(level, name) for name in STOCK_COLUMNS} | {"active": _yes_or_no(level.active)}
    return [values[name] for name in STOCK_COLUMNS]


def csv_of(name: str, columns: tuple[str, ...], pages: Pages, cells_of: Callable[[Any], list[Cell]]) -> Response:
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
