"""What left which warehouse, as the API answers an order."""

from collections.abc import Iterator

from domain.shipping.shipments import ShipmentStatus, has_left
from workers.demo.api_client.models import Order, OrderShipment
from workers.demo.results.stock_ledger import Movement, StockLedger


def left(order: Order) -> Iterator[OrderShipment]:
    """The parcels that have left their warehouse, lost ones included."""
    return (parcel for parcel in order.shipments if has_left(ShipmentStatus(parcel.status)))


def note_shipped(stock: StockLedger, order: Order) -> None:
    """The units of each parcel are gone from its warehouse."""
    lines = {part.number: part.lines for part in order.fulfilments}
    for parcel in left(order):
        for line in lines[parcel.fulfilment_no]:
            stock.add(Movement.SHIPPED, line.sku, parcel.warehouse, -line.quantity)


def parts_shipped(order: Order) -> int:
    """How many fulfilments have left."""
    return len({parcel.fulfilment_no for parcel in left(order)})


def warehouse_of(order: Order, sku: str) -> str:
    """The warehouse that shipped the SKU, which takes it back, too."""
    return next(part.warehouse for part in order.fulfilments if any(line.sku == sku for line in part.lines))
