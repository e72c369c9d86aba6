"""Transfers between warehouses. Their lines count the movements; the database refuses more received than shipped."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.stock.cases import StockCaseKind
from domain.stock.movements import MovementKind
from domain.stock.transfers import TransferLine, TransferStatus
from infra.db.stock import cases, movements
from infra.db.stock.cases import NewCase
from infra.db.stock.movements import Move

_ADD = text(
    """
    INSERT INTO stock_transfers (transfer_id, source, target, reference, due_at, requested_by)
    VALUES (:transfer_id, :source, :target, :reference, :due_at, :requested_by)
    ON CONFLICT (reference) DO NOTHING RETURNING transfer_id
    """
)
_ADD_LINE = text(
    "INSERT INTO stock_transfer_lines (transfer_id, sku, requested) VALUES (:transfer_id, :sku, :requested)"
)
_COLUMNS = """
    SELECT t.transfer_id, t.source, t.target, t.reference, t.status, t.due_at, t.requested_by, t.requested_at,
           t.shipped_at, t.closed_at, t.reminded_at FROM stock_transfers t
    """
_ONE = text(_COLUMNS + "WHERE t.transfer_id = :transfer_id")
_LOCKED = text(_COLUMNS + "WHERE t.transfer_id = :transfer_id FOR UPDATE")
_PAGE = text(
    _COLUMNS
    + """
     WHERE (CAST(:status AS text) IS NULL OR t.status = :status)
       AND (CAST(:warehouse AS text) IS NULL OR :warehouse IN (t.source, t.target))
       AND (CAST(:moment AS timestamptz) IS NULL OR (t.requested_at, t.transfer_id) < (:moment, :last))
     ORDER BY t.requested_at DESC, t.transfer_id DESC LIMIT :limit
    """
)
_LINES = text(
    """SELECT transfer_id, sku, requested, shipped, received, lost FROM stock_transfer_lines
        WHERE transfer_id = ANY(CAST(:ids AS text[])) ORDER BY sku"""
)
_LINK = text("INSERT INTO stock_transfer_movements (movement_id, transfer_id) VALUES (:movement_id, :transfer_id)")
_SHIPPED = text("UPDATE stock_transfers SET status = 'shipped', shipped_at = now() WHERE transfer_id = :transfer_id")
_CLOSED = text("UPDATE stock_transfers SET status = :status, closed_at = now() WHERE transfer_id = :transfer_id")
_REMINDED = text(
    """UPDATE stock_transfers SET reminded_at = now() WHERE transfer_id = :transfer_id AND due_at <= now()
       RETURNING transfer_id"""
)
_OPEN = text("SELECT transfer_id FROM stock_transfers WHERE status IN ('requested', 'shipped') ORDER BY transfer_id")
_LOST = text("UPDATE stock_transfer_lines SET lost = lost + :quantity WHERE transfer_id = :transfer_id AND sku = :sku")


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """A transfer to request; `lines` is {sku: units}."""

    transfer_id: str
    source: str
    target: str
    reference: str
    due_at: datetime
    requested_by: str
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer with its lines by SKU."""

    transfer_id: str
    source: str
    target: str
    reference: str
    status: TransferStatus
    due_at: datetime | None
    requested_by: str
    requested_at: datetime
    shipped_at: datetime | None
    closed_at: datetime | None
    reminded_at: datetime | None
    lines: list[TransferLine]


async def add(conn: AsyncConnection, new: NewTransfer) -> None:
    """Raises Conflict `transfer_exists` where the reference is used."""
    row = {name: getattr(new, name) for name in NewTransfer.__dataclass_fields__ if name != "lines"}
    if (await conn.execute(_ADD, row)).scalar_one_or_none() is None:
        raise Conflict("transfer_exists")
    lines = [{"transfer_id": new.transfer_id, "sku": sku, "requested": n} for sku, n in sorted(new.lines.items())]
    await conn.execute(_ADD_LINE, lines)


async def find(conn: AsyncConnection, transfer_id: str, *, lock: bool = False) -> Transfer:
    """Raises NotFound `transfer_not_found`."""
    row = (await conn.execute(_LOCKED if lock else _ONE, {"transfer_id": transfer_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("transfer_not_found")
    return (await _with_lines(conn, [row]))[0]


async def page(
    conn: AsyncConnection, status: str | None, warehouse: str | None, after: tuple[datetime, str] | None, limit: int
) -> list[Transfer]:
    """At most `limit`, the newest first."""
    moment, last = after or (None, "")
    question = {"status": status, "warehouse": warehouse, "moment": moment, "last": last, "limit": limit}
    return await _with_lines(conn, list((await conn.execute(_PAGE, question)).mappings()))


async def _with_lines(conn: AsyncConnection, rows: list[RowMapping]) -> list[Transfer]:
    found = (await conn.execute(_LINES, {"ids": [row["transfer_id"] for row in rows]})).mappings()
    lines: dict[str, list[TransferLine]] = {}
    for line in found:
        values = dict(line)
        lines.setdefault(values.pop("transfer_id"), []).append(TransferLine(**values))
    return [
        Transfer(**dict(row) | {"status": TransferStatus(row["status"])}, lines=lines.get(row["transfer_id"], []))
        for row in rows
    ]


async def ship(conn: AsyncConnection, transfer: Transfer, units: Mapping[str, int], actor: str, key: str) -> None:
    """Take the units from the source. The caller has locked the transfer. Raises Conflict `stock_not_available`."""
    await _move(conn, transfer, MovementKind.TRANSFER_OUT, transfer.source, units, actor, key)
    await conn.execute(_SHIPPED, {"transfer_id": transfer.transfer_id})


async def receive(
    conn: AsyncConnection, transfer: Transfer, units: Mapping[str, int], actor: str, key: str, *, at: str | None = None,
    location: str | None = None,
) -> None:  # fmt: skip
    """Put the units that arrived on the level of the target, or of the warehouse `at`, and at a location of it."""
    await _move(conn, transfer, MovementKind.TRANSFER_IN, at or transfer.target, units, actor, key, location)


async def _move(
    conn: AsyncConnection, transfer: Transfer, kind: MovementKind, at: str, units: Mapping[str, int], actor: str,
    key: str, location: str | None = None,
) -> None:  # fmt: skip
    moves = [
        Move(f"{kind}:{key}:{sku}", kind, sku, at, quantity, transfer.reference, actor, location=location)
        for sku, quantity in sorted(units.items())
    ]
    for moved in await movements.move_all(conn, moves):
        await conn.execute(_LINK, {"movement_id": moved.movement_id, "transfer_id": transfer.transfer_id})


async def close(conn: AsyncConnection, transfer_id: str, status: TransferStatus) -> None:
    """It is received or cancelled."""
    await conn.execute(_CLOSED, {"transfer_id": transfer_id, "status": status.value})


async def remind(conn: AsyncConnection, transfer: Transfer) -> None:
    """Open a case of the person who requested it, if its day is over. The caller has locked it."""
    if (await conn.execute(_REMINDED, {"transfer_id": transfer.transfer_id})).scalar_one_or_none() is None:
        return
    new = NewCase(
        StockCaseKind.TRANSFER_OVERDUE, transfer.transfer_id, "system", transfer.target,
        transfer_id=transfer.transfer_id,
    )  # fmt: skip
    if (number := await cases.open_case(conn, new)) is not None:
        await cases.set_owner(conn, number, transfer.requested_by.partition(":")[2])


async def open_ones(conn: AsyncConnection) -> list[str]:
    """The ids of those that are neither received nor cancelled."""
    return [row.transfer_id for row in await conn.execute(_OPEN)]


async def write_off(conn: AsyncConnection, transfer_id: str, sku: str, quantity: int) -> None:
    """Pieces in transit are lost."""
    await conn.execute(_LOST, {"transfer_id": transfer_id, "sku": sku, "quantity": quantity})
