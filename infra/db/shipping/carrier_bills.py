"""Bills of carriers: their lines as they were read, and how they are compared with what was booked."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.shipping.freight import RECORDED, BillState, DifferenceKind
from infra.db.autocommit import driver_of
from infra.db.literals import literals

AT_ONCE = 20_000
_ADD = text(
    """INSERT INTO carrier_bills (bill_id, carrier, bill_no, currency, file_name, file_digest, encoding, created_by)
       VALUES (:bill_id, :carrier, :bill_no, :currency, :file_name, :file_digest, :encoding, :created_by)
       ON CONFLICT DO NOTHING RETURNING bill_id"""
)
_COPY = "COPY carrier_bill_lines (bill_id, line, tracking_no, amount_minor, currency) FROM STDIN"
_COUNTED = text("UPDATE carrier_bills SET total = :total, last_line = :last_line WHERE bill_id = :bill_id")
_COLUMNS = """
    SELECT b.bill_id, b.carrier, b.bill_no, b.currency, b.file_name, b.encoding, b.state, b.total, b.compared,
           b.created_by, b.created_at, b.finished_at
    """
_ONE = text(_COLUMNS + "FROM carrier_bills b WHERE b.bill_id = :bill_id")
_PAGE = text(
    _COLUMNS
    + """FROM carrier_bills b
        WHERE CAST(:at AS timestamptz) IS NULL OR (b.created_at, b.bill_id) < (CAST(:at AS timestamptz), :before)
        ORDER BY b.created_at DESC, b.bill_id DESC LIMIT :limit"""
)
_KINDS = text(
    """SELECT kind, state, count(*) AS number, CAST(coalesce(sum(billed_minor - CASE WHEN kind = 'amount'
              THEN booked_minor ELSE 0 END), 0) AS bigint) AS difference_minor
         FROM freight_differences WHERE bill_id = :bill_id GROUP BY kind, state ORDER BY kind, state"""
)
_TOTAL = text(
    "SELECT coalesce(sum(amount_minor), 0) FROM carrier_bill_lines WHERE bill_id = :bill_id AND currency = :currency"
)
# One process at a time: of two bills that name one parcel, the second finds what the first recorded.
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('carrier_bills', 0))")
_NEXT = text(
    """SELECT bill_id, carrier, currency, compared_to, last_line FROM carrier_bills
        WHERE state = 'comparing' AND total > 0 ORDER BY created_at LIMIT 1 FOR NO KEY UPDATE"""
)
# Each row is found by an index (LATERAL), also while the statistics of the ledger are older than the rows of the bill.
# One statement: lines are joined with parcels, become entries of the ledger, and differences. A parcel is billed once,
# by its first line.
_COMPARE = text(
    f"""
    WITH part AS MATERIALIZED (
      SELECT line, tracking_no, amount_minor, currency FROM carrier_bill_lines
       WHERE bill_id = :bill_id AND line > :after AND line <= :last
    ), judged AS MATERIALIZED (
      SELECT p.*, s.shipment_id, s.order_no, s.fulfilment_no, s.cost_minor, s.cost_currency,
             CASE WHEN p.amount_minor IS NULL THEN 'unreadable'
                  WHEN p.amount_minor < 0 THEN 'negative_amount'
                  WHEN s.shipment_id IS NULL THEN 'unknown_parcel'
                  WHEN p.currency <> coalesce(s.cost_currency, :currency) THEN 'other_currency'
                  WHEN e.bill_id = :bill_id THEN 'billed_twice'
                  WHEN e.bill_id IS NOT NULL THEN 'billed_before'
                  WHEN s.status = 'cancelled' THEN 'cancelled_parcel'
                  WHEN s.cost_minor IS NULL THEN 'not_booked'
                  WHEN s.cost_minor <> p.amount_minor THEN 'amount' END AS kind
        FROM part p
        LEFT JOIN LATERAL (
          SELECT * FROM shipments t WHERE t.tracking_no = p.tracking_no AND t.carrier = :carrier
           ORDER BY t.status = 'cancelled', t.created_at DESC LIMIT 1) s ON true
        LEFT JOIN LATERAL (
          SELECT b.bill_id FROM freight_entries b
           WHERE b.shipment_id = s.shipment_id AND b.kind = 'billed' AND b.difference_id IS NULL LIMIT 1) e ON true
    ), ranked AS MATERIALIZED (
      SELECT j.*, j.owed AND row_number() OVER (PARTITION BY j.owed, j.shipment_id ORDER BY j.line) > 1 AS again
        FROM (SELECT n.*, n.kind IS NULL OR n.kind IN ({literals(RECORDED)}) AS owed FROM judged n) j
    ), billed AS (
      INSERT INTO freight_entries (kind, order_no, fulfilment_no, shipment_id, amount_minor, currency, bill_id,
                                   bill_line)
      SELECT 'billed', order_no, fulfilment_no, shipment_id, amount_minor, currency, :bill_id, line FROM ranked
       WHERE owed AND NOT again
    ), differing AS (
      INSERT INTO freight_differences (bill_id, line, kind, tracking_no, order_no, fulfilment_no, shipment_id,
                                       booked_minor, booked_currency, billed_minor, currency)
      SELECT :bill_id, line, CASE WHEN again THEN 'billed_twice' ELSE kind END, tracking_no, order_no, fulfilment_no,
             shipment_id, cost_minor, cost_currency, amount_minor, currency
        FROM ranked WHERE again OR kind IS NOT NULL ORDER BY line
    )
    SELECT count(*) FROM part
    """  # noqa: S608
)
_PROGRESS = text(
    """UPDATE carrier_bills SET compared = compared + :number, compared_to = :last,
              state = CASE WHEN :done THEN 'compared' ELSE state END,
              finished_at = CASE WHEN :done THEN now() END
        WHERE bill_id = :bill_id"""
)


@dataclass(frozen=True, slots=True)
class NewBill:
    """What was uploaded."""

    bill_id: str
    carrier: str
    bill_no: str
    currency: str
    file_name: str
    file_digest: bytes
    encoding: str
    created_by: str


@dataclass(frozen=True, slots=True)
class CarrierBill:
    """A bill; `total` are its rows, `compared` those that were compared so far."""

    bill_id: str
    carrier: str
    bill_no: str
    currency: str
    file_name: str
    encoding: str
    state: BillState
    total: int
    compared: int
    created_by: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class KindCount:
    """So many differences of a kind in a state; `difference_minor` is what was billed more than was booked."""

    kind: DifferenceKind
    state: str
    number: int
    difference_minor: int


@dataclass(frozen=True, slots=True)
class Block:
    """Lines as COPY takes them, how many, and the number of the last one in the file."""

    content: bytes
    rows: int
    last_line: int


async def add(conn: AsyncConnection, new: NewBill) -> None:
    """Raises Conflict `carrier_bill_exists` where the carrier's bill, or the same file of theirs, is there."""
    if (await conn.execute(_ADD, asdict(new))).first() is None:
        raise Conflict("carrier_bill_exists")


async def copy_lines(conn: AsyncConnection, bill_id: str, blocks: AsyncIterator[Block]) -> int:
    """Copy the lines into the database, block by block; how many there are."""
    total, last_line, driver = 0, 0, driver_of(conn)
    async for block in blocks:
        async with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            await copy.write(block.content)
        total, last_line = total + block.rows, block.last_line
    await conn.execute(_COUNTED, {"bill_id": bill_id, "total": total, "last_line": last_line})
    return total


async def compare_some(conn: AsyncConnection, at_once: int = AT_ONCE) -> bool:
    """Compare the next lines of the bill that waits longest; False where none waits. Lines, what is recorded of them
    and the progress are one transaction: after an interruption the rest is compared."""
    if not (await conn.execute(_ALONE)).scalar_one():
        return False
    bill = (await conn.execute(_NEXT)).one_or_none()
    if bill is None:
        return False
    last = min(bill.compared_to + at_once, bill.last_line)
    question = {"bill_id": bill.bill_id, "after": bill.compared_to, "last": last}
    of_bill = {"carrier": bill.carrier, "currency": bill.currency}
    number = (await conn.execute(_COMPARE, question | of_bill)).scalar_one()
    progress = {"bill_id": bill.bill_id, "number": number, "last": last}
    await conn.execute(_PROGRESS, progress | {"done": last == bill.last_line})
    return True


async def found(conn: AsyncConnection, bill_id: str) -> CarrierBill | None:
    """The bill with this id."""
    row = (await conn.execute(_ONE, {"bill_id": bill_id})).mappings().one_or_none()
    return CarrierBill(**{**row, "state": BillState(row["state"])}) if row else None


async def page(conn: AsyncConnection, before: tuple[datetime, str] | None, limit: int) -> list[CarrierBill]:
    """At most `limit` bills, the newest first."""
    at, bill_id = before or (None, "")
    rows = (await conn.execute(_PAGE, {"at": at, "before": bill_id, "limit": limit})).mappings()
    return [CarrierBill(**{**row, "state": BillState(row["state"])}) for row in rows]


async def kinds(conn: AsyncConnection, bill_id: str) -> list[KindCount]:
    """Its differences by kind and state."""
    rows = (await conn.execute(_KINDS, {"bill_id": bill_id})).mappings()
    return [KindCount(**{**row, "kind": DifferenceKind(row["kind"])}) for row in rows]


async def total_minor(conn: AsyncConnection, bill: CarrierBill) -> int:
    """The sum of its lines in its own currency."""
    values = {"bill_id": bill.bill_id, "currency": bill.currency}
    return int((await conn.execute(_TOTAL, values)).scalar_one())
