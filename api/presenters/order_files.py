"""Orders as files: one row for each order, without names and addresses for who may not read personal data."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import IO

from fastapi.responses import Response, StreamingResponse

from api.errors import Problem
from api.presenters.orders import listed
from api.services.orders.order_export import xlsx_room
from api.services.orders.order_types import OrderRow
from domain.access import Principal
from domain.money import written
from domain.times import rfc3339
from infra.spreadsheets import BOM, CSV, XLSX, Cell, XlsxFile, chunks, csv_lines

MAX_XLSX_ROWS = 50_000
Pages = AsyncIterator[list[OrderRow]]
# The words for a value of a group (`code` of the pages), and for a column. Programs get codes.
Say = Callable[[str, str], str]
PERSONAL = ("customer_name", "email", "phone", "city")
COLUMNS = (
    *("order_no", "placed_at", "status", "payment_status", "fulfilment_status", "customer_id", "customer_name"),
    *("email", "phone", "item_count", "items", "country", "province", "city", "channel", "external_ref"),
    *("warehouse", "total", "currency", "priority", "hold", "situation"),
)
_CODES = {"status": "status", "priority": "priority", "hold": "hold"}
_CODES |= {"payment_status": "payment_state", "fulfilment_status": "fulfilment_state"}


def as_codes(group: str, value: str) -> str:
    """What programs read: the code itself."""
    return value


def columns_for(caller: Principal) -> tuple[str, ...]:
    """The columns of a file for this caller."""
    return COLUMNS if caller.reads_personal_data else tuple(name for name in COLUMNS if name not in PERSONAL)


def cells(row: OrderRow, caller: Principal, say: Say, sentence: Callable[[OrderRow], str]) -> list[Cell]:
    """One order; `row` as a list has it, with its `details`."""
    view = listed(row, caller)
    customer = row["details"].customer
    values: dict[str, Cell] = {
        **{name: view[name] for name in COLUMNS if name in view},
        "placed_at": rfc3339(row["created_at"].astimezone(UTC)),
        "email": customer.email,
        "phone": customer.phone,
        "items": ", ".join(view["item_names"]),
        **view["destination"],
        "warehouse": ", ".join(view["warehouses"]),
        # A number in both formats, so that amounts can be summed; its digits are those of the currency.
        "total": float(written(row["total_minor"], row["currency"])),
        "situation": sentence(row),
    }
    values |= {name: say(group, str(values[name])) for name, group in _CODES.items() if values[name] is not None}
    return [values[name] for name in columns_for(caller)]


def english(row: OrderRow, caller: Principal) -> str:
    """The sentence that the API gives."""
    return str(listed(row, caller)["situation"]["sentence"])


async def csv_file(pages: Pages, header: list[str], cells_of: Callable[[OrderRow], list[Cell]]) -> Response:
    """A response that sends each page as it is read."""

    async def body() -> AsyncIterator[bytes]:
        yield BOM + csv_lines([header])
        async with aclosing(pages):  # type: ignore[type-var]
            async for rows in pages:
                yield csv_lines(map(cells_of, rows))

    return StreamingResponse(body(), 200, _headers("csv"), CSV)


async def xlsx_file(pages: Pages, header: list[str], cells_of: Callable[[OrderRow], list[Cell]]) -> Response:
    """Written to the disk page by page, then sent. Raises Problem `too_many_rows`, `exports_busy`."""
    with xlsx_room():
        done = await _written(pages, header, cells_of)
    return StreamingResponse(chunks(done), 200, _headers("xlsx"), XLSX)


async def _written(pages: Pages, header: list[str], cells_of: Callable[[OrderRow], list[Cell]]) -> IO[bytes]:
    file = XlsxFile("Orders")
    try:
        file.add([header])
        async for rows in pages:
            if file.rows + len(rows) - 1 > MAX_XLSX_ROWS:
                raise Problem("too_many_rows", f"an XLSX file holds at most {MAX_XLSX_ROWS:,} orders; export CSV")
            await asyncio.to_thread(file.add, [cells_of(row) for row in rows])
        return await asyncio.to_thread(file.finish)
    except BaseException:
        file.discard()
        raise


def _headers(kind: str) -> dict[str, str]:
    name = f"orders-{datetime.now(UTC):%Y-%m-%d-%H%M}.{kind}"
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
