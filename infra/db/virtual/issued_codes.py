"""The codes that an order has: decrypted for its owner, counted for everybody else."""

from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers.profiles import KeyRing
from infra.db.virtual.code_pools import context

_OF_ORDER = text(
    """
    SELECT c.sku, c.digest, c.code_enc, p.data_key FROM product_codes c JOIN code_pools p USING (sku)
     WHERE c.order_no = :order_no ORDER BY c.line_no, c.unit
    """
)
_COUNT = text("SELECT count(*) FROM product_codes WHERE order_no = :order_no")
_READ = text("INSERT INTO code_readings (order_no, read_by) VALUES (:order_no, :actor)")


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code that was sold, with its product."""

    sku: str
    code: str = field(repr=False)


async def of_order(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[IssuedCode]:
    """The codes of an order, in the order of its lines; none before they are issued. Raises Unreadable."""
    rows = await conn.execute(_OF_ORDER, {"order_no": order_no})
    return [
        IssuedCode(row.sku, keys.vault.open(key, bytes(row.code_enc), context(row.sku, bytes(row.digest))).decode())
        for row in rows
        for key in [keys.unwrap(row.data_key)]
    ]


async def count(conn: AsyncConnection, order_no: str) -> int:
    """How many codes the order has."""
    return int((await conn.execute(_COUNT, {"order_no": order_no})).scalar_one())


async def note_reading(conn: AsyncConnection, order_no: str, actor: str) -> None:
    """A member of staff reads the codes of the order: the audit log has it."""
    await conn.execute(_READ, {"order_no": order_no, "actor": actor})
