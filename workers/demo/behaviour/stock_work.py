"""What a warehouse does with what is left: sends a unit to another warehouse, counts, and finds one too few."""

from collections.abc import Iterator

from workers.demo.api_client.api.stock import count_stock, receive_transfer, ship_transfer, transfer_stock
from workers.demo.api_client.models import CountedLine, NewCount, NewTransfer, ReceiveTransfer, ShipTransfer
from workers.demo.arrangements import neighbour
from workers.demo.http.client import Clients, RefusedError, accepted
from workers.demo.results.statistics import Statistics
from workers.demo.results.stock_ledger import Movement, Place, StockLedger


async def work(clients: Clients, statistics: Statistics) -> None:
    """A transfer and a count, each where a unit is left; nothing where none is."""
    left = _left(statistics.stock)
    for action in (_transfer, _count):
        if (place := next(left, None)) is not None:
            try:
                await action(clients, statistics.stock, *place)
            except RefusedError as refused:
                statistics.add_deviation(f"{place[0]} at {place[1]}: {refused}")


def _left(stock: StockLedger) -> Iterator[Place]:
    """Places with units, in order of their names."""
    return iter(sorted(place for place, movements in stock.places() if movements.total() > 0))


async def _transfer(clients: Clients, stock: StockLedger, sku: str, source: str) -> None:
    target, client = neighbour(source), clients.warehouse
    body = NewTransfer(from_=source, to=target, sku=sku, quantity=1, reference=f"demo {clients.run}")
    key = clients.key("transfer")
    transfer = await accepted(transfer_stock.asyncio(client=client, body=body, idempotency_key=key))
    number, key = transfer.transfer_id, clients.key("transfer-ship")
    await accepted(ship_transfer.asyncio(number, client=client, body=ShipTransfer(), idempotency_key=key))
    key = clients.key("transfer-receive")
    await accepted(receive_transfer.asyncio(number, client=client, body=ReceiveTransfer(), idempotency_key=key))
    stock.add(Movement.TRANSFERRED, sku, source, -1)
    stock.add(Movement.TRANSFERRED, sku, target, 1)


async def _count(clients: Clients, stock: StockLedger, sku: str, warehouse: str) -> None:
    """So small a difference needs no approval."""
    units = stock.expected((sku, warehouse))
    line = CountedLine(sku=sku, counted=units - 1)
    body = NewCount(warehouse=warehouse, lines=[line], reference=f"demo {clients.run}")
    await accepted(count_stock.asyncio(client=clients.warehouse, body=body, idempotency_key=clients.key("count")))
    stock.add(Movement.ADJUSTED, sku, warehouse, -1)
