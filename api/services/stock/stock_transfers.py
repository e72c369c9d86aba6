"""Transfers between warehouses: requested, shipped, received or cancelled. The workflow only reminds."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from api import pagination
from api.dependencies import Services, actor
from api.errors import Problem
from api.replies import Reply
from api.schemas.stock_transfers import CountedUnits, NewTransfer, ReceiveTransfer, ShipTransfer, WantedUnits
from api.services.stock.stock_movements import StockRequest
from domain.errors import Conflict
from domain.stock import transfers as rules
from domain.stock.cases import StockCaseKind
from domain.stock.expected_dates import end_of, expected_date
from domain.stock.transfers import TransferStatus
from infra.db.engine import Connection
from infra.db.stock import cases, movements, transfers
from infra.db.stock.cases import NewCase
from infra.db.stock.transfers import Transfer


class TransferLineFields(TypedDict):
    """Units of a SKU on their way from one warehouse to the other."""

    sku: str
    requested: int
    shipped: int
    received: int
    lost: int
    in_transit: int


# The function form: "from" is a keyword.
TransferFields = TypedDict(
    "TransferFields",
    {
        "transfer_id": str,
        "status": TransferStatus,
        "from": str,
        "to": str,
        "reference": str,
        "expected_at": datetime | None,
        "requested_by": str,
        "requested_at": datetime,
        "shipped_at": datetime | None,
        "closed_at": datetime | None,
        "lines": list[TransferLineFields],
    },
)


class ReceivedTransfer(TransferFields):
    """A transfer that was received, and the cases of what is missing."""

    cases: list[int]


async def request(asked: StockRequest, new: NewTransfer) -> Reply:
    """Raises Problem `same_warehouse`, `sku_or_lines`; NotFound `product_not_found`, RuleBroken `unknown_warehouse`,
    `warehouse_inactive`, `invalid_expected_date`; Conflict `transfer_exists`, `stock_not_available`."""
    if new.source == new.target:
        raise Problem("same_warehouse", "from and to are the same warehouse")
    lines = _lines(new)
    planned = _new(asked, new, lines)

    async def work(conn: Connection) -> TransferFields:
        for sku, quantity in sorted(lines.items()):
            await movements.place_of(conn, sku, new.target, arrives=True)
            await _require_there(conn, sku, await movements.place_of(conn, sku, new.source), quantity)
        await transfers.add(conn, planned)
        return view(await transfers.find(conn, planned.transfer_id))

    return await asked.run(work, 202)


def _new(asked: StockRequest, new: NewTransfer, lines: Mapping[str, int]) -> transfers.NewTransfer:
    transfer_id = f"tr_{asked.unique('transfer')}"
    now = datetime.now(UTC)
    due_at = now + timedelta(seconds=asked.services.settings.transfer_timeout_s)
    if new.expected_on:
        due_at = end_of(expected_date(new.expected_on, now.date()))
    return transfers.NewTransfer(
        transfer_id, new.source, new.target, new.reference, due_at, actor(asked.caller), lines
    )  # fmt: skip


def _lines(new: NewTransfer) -> dict[str, int]:
    if (new.sku is None) == (not new.lines) or (new.sku is None) != (new.quantity is None):
        raise Problem("sku_or_lines")
    single = [WantedUnits(sku=new.sku, quantity=new.quantity)] if new.sku and new.quantity else []
    return summed([*single, *new.lines])


def summed(lines: Iterable[WantedUnits | CountedUnits]) -> dict[str, int]:
    """{sku: units} of lines that may name a SKU more than once."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


async def _require_there(conn: Connection, sku: str, source: str, quantity: int) -> None:
    """Refuse early where there is less; the database decides when it is shipped."""
    level = next((one for one in await movements.levels(conn, sku) if one.warehouse == source), None)
    left = level.on_hand - level.reserved if level else 0
    if quantity > left:
        detail = "of {sku} at {warehouse} {left} are not reserved for orders: take no more"
        raise Conflict("stock_not_available", detail, sku=sku, warehouse=source, left=left)


async def ship(asked: StockRequest, transfer_id: str, sent: ShipTransfer) -> Reply:
    """Raises NotFound `transfer_not_found`; Conflict `transfer_not_possible`, `stock_not_available`; RuleBroken
    `more_than_requested`, `not_in_transfer`, `nothing_to_ship`."""

    async def work(conn: Connection) -> TransferFields:
        transfer = await transfers.find(conn, transfer_id, lock=True)
        rules.require_next(transfer.status, TransferStatus.SHIPPED)
        units = rules.shipping(transfer.lines, summed(sent.lines))
        await transfers.ship(conn, transfer, units, actor(asked.caller), asked.unique("ship"))
        return view(await transfers.find(conn, transfer_id))

    return await asked.run(work, 200)


async def receive(asked: StockRequest, transfer_id: str, got: ReceiveTransfer) -> Reply:
    """Book what arrived. What is missing then is a case of the person who requested the transfer. Raises NotFound
    `transfer_not_found`, Conflict `transfer_not_possible`, RuleBroken `more_than_shipped`, `not_in_transfer`,
    `unknown_location`, `location_closed`."""

    async def work(conn: Connection) -> ReceivedTransfer:
        transfer = await transfers.find(conn, transfer_id, lock=True)
        rules.require_next(transfer.status, TransferStatus.RECEIVED)
        units = rules.receiving(transfer.lines, summed(got.lines))
        await transfers.receive(
            conn, transfer, units, actor(asked.caller), asked.unique("receive"), location=got.location
        )  # fmt: skip
        opened = [] if got.more_expected and _left(transfer, units) else await _close(conn, asked, transfer, units)
        return {**view(await transfers.find(conn, transfer_id)), "cases": opened}

    return await asked.run(work, 200)


def _left(transfer: Transfer, units: Mapping[str, int]) -> dict[str, int]:
    """Units in transit after these arrived."""
    left = {line.sku: line.in_transit - units.get(line.sku, 0) for line in transfer.lines}
    return {sku: quantity for sku, quantity in left.items() if quantity}


async def _close(conn: Connection, asked: StockRequest, transfer: Transfer, units: Mapping[str, int]) -> list[int]:
    who = actor(asked.caller)
    await transfers.close(conn, transfer.transfer_id, TransferStatus.RECEIVED)
    await cases.over(conn, StockCaseKind.TRANSFER_OVERDUE, transfer.transfer_id, transfer.reference, who)
    opened = []
    for sku, quantity in _left(transfer, units).items():
        subject, owner = f"{transfer.transfer_id} {sku}", transfer.requested_by.partition(":")[2]
        new = NewCase(
            StockCaseKind.TRANSFER_DIFFERENCE, subject, who, transfer.target, sku, quantity, transfer.transfer_id
        )
        if (number := await cases.open_case(conn, new)) is not None:
            await cases.set_owner(conn, number, owner)
            opened.append(number)
    return opened


async def cancel(asked: StockRequest, transfer_id: str) -> Reply:
    """Raises NotFound `transfer_not_found`, Conflict `transfer_not_possible` once it is shipped."""

    async def work(conn: Connection) -> TransferFields:
        transfer = await transfers.find(conn, transfer_id, lock=True)
        rules.require_next(transfer.status, TransferStatus.CANCELLED)
        await transfers.close(conn, transfer_id, TransferStatus.CANCELLED)
        await cases.over(
            conn, StockCaseKind.TRANSFER_OVERDUE, transfer_id, transfer.reference, actor(asked.caller)
        )  # fmt: skip
        return view(await transfers.find(conn, transfer_id))

    return await asked.run(work, 200)


async def one(services: Services, transfer_id: str) -> Transfer:
    """Raises NotFound `transfer_not_found`."""
    async with services.database.begin() as conn:
        return await transfers.find(conn, transfer_id)


async def page(
    services: Services, status: TransferStatus | None, warehouse: str | None, limit: int, cursor: str | None
) -> tuple[list[Transfer], str | None]:
    """A page, the newest first, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    moment, last = pagination.decoded(cursor, str, str) if cursor else ("", "")
    after = (pagination.moment(moment), last) if cursor else None
    async with services.database.begin() as conn:
        found = await transfers.page(conn, status, warehouse, after, limit + 1)
    end = found[limit - 1] if len(found) > limit else None
    following = pagination.encoded([end.requested_at.isoformat(), end.transfer_id]) if end else None
    return found[:limit], following


def transfer_of(reply: Reply) -> str:
    """The transfer that `request` made."""
    return str(reply.content["transfer_id"])


def view(transfer: Transfer) -> TransferFields:
    """A transfer as callers see it."""
    return {
        "transfer_id": transfer.transfer_id,
        "status": transfer.status,
        "from": transfer.source,
        "to": transfer.target,
        "reference": transfer.reference,
        "expected_at": transfer.due_at,
        "requested_by": transfer.requested_by,
        "requested_at": transfer.requested_at,
        "shipped_at": transfer.shipped_at,
        "closed_at": transfer.closed_at,
        "lines": [
            {
                "sku": line.sku,
                "requested": line.requested,
                "shipped": line.shipped,
                "received": line.received,
                "lost": line.lost,
                "in_transit": line.in_transit,
            }
            for line in transfer.lines
        ],
    }
