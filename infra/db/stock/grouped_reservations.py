"""Stock of several orders, reserved by one statement. Why: decision 0028."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.status import Status
from infra.db.stock.reservations import StockContended

# How long a group waits for a level that another transaction moves, as `lock_timeout` takes it: the groups of a few
# other workers. After that each order waits on its own, and only those that want this product.
PATIENCE = "1s"

# Orders that somebody else works on are passed over, so a group never waits for one order.
_LOCK = text(
    """
    SELECT o.order_no FROM orders o, (SELECT set_config('lock_timeout', :patience, true) AS patience) s
     WHERE o.order_no = ANY(CAST(:order_nos AS text[])) AND o.status = :status AND s.patience IS NOT NULL
     ORDER BY o.order_no FOR UPDATE OF o SKIP LOCKED
    """
)
# The movements, and so the levels, in order of SKU and warehouse, as every reservation locks them. An order that was
# only received has no parcel: this is the first round of its movements.
_RESERVE = text(
    """
    WITH given AS MATERIALIZED (
      SELECT * FROM unnest(CAST(:order_nos AS text[]), CAST(:skus AS text[]), CAST(:warehouses AS text[]),
                           CAST(:quantities AS bigint[])) AS g (order_no, sku, warehouse, quantity)
    ), held AS (
      INSERT INTO reservations (order_no, sku, warehouse, fulfilment_no, quantity, state)
      SELECT order_no, sku, warehouse, 1, quantity, 'reserved' FROM given
      ON CONFLICT (order_no, sku, warehouse, fulfilment_no) DO UPDATE
        SET quantity = excluded.quantity, state = 'reserved'
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    SELECT order_no || '/reserve/1/' || sku, 'reserve', sku, warehouse, quantity, 0, quantity, order_no, 'system'
      FROM given ORDER BY sku, warehouse, order_no
    """
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Units of a product that an order takes from a warehouse."""

    order_no: str
    sku: str
    warehouse: str
    quantity: int


async def lock_received(conn: AsyncConnection, order_nos: Sequence[str]) -> set[str]:
    """Take the rows of those that are still received and that nobody else has, for this transaction."""
    values = {"order_nos": list(order_nos), "status": Status.RECEIVED, "patience": PATIENCE}
    return set((await conn.execute(_LOCK, values)).scalars())


async def reserve_all(conn: AsyncConnection, wanted: Sequence[Wanted]) -> None:
    """Reserve all of it or nothing. Raises StockContended when another process reserved first, which ends the
    transaction."""
    columns = {
        "order_nos": [one.order_no for one in wanted],
        "skus": [one.sku for one in wanted],
        "warehouses": [one.warehouse for one in wanted],
        "quantities": [one.quantity for one in wanted],
    }
    try:
        await conn.execute(_RESERVE, columns)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "OM001":
            raise StockContended from None
        raise
