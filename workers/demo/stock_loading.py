"""Fills the warehouses: products, and stock for every order with exceptions for orders that are to be short."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

from workers.demo.api_client.api.catalogue import add_product, add_warehouse
from workers.demo.api_client.api.orders import get_order, list_orders
from workers.demo.api_client.api.stock import adjust_stock, get_stock_levels, receive_stock
from workers.demo.api_client.models import Adjustment, OrderRow, Problem, Receipt
from workers.demo.arrangements import Arrangement
from workers.demo.baskets.catalogue import Article
from workers.demo.baskets.customers import REGIONS, Region
from workers.demo.http.client import PAGE, Answer, Clients, RefusedError, accepted, all_items
from workers.demo.plan import Plan
from workers.demo.results.stock_ledger import Movement, StockLedger
from workers.demo.runner.orders import CHANNEL

CALLS_AT_ONCE = 16
Item = TypeVar("Item")
Tick = Callable[[], None]


async def load(clients: Clients, plan: Plan, tick: Tick) -> StockLedger:
    """Add warehouses, articles, receipts; `tick` is called once for each article and each level."""
    stock = StockLedger(ignored=await _held_skus(clients))
    for region in REGIONS:
        await _add_warehouse(clients, region)
    await each(plan.articles.values(), lambda article: _add_product(clients, article, tick))
    await each(plan.demand.items(), lambda entry: _stock_up(clients, stock, *entry[0], entry[1], tick))
    await each(plan.arrangements, lambda arrangement: _arrange(clients, stock, arrangement))
    return stock


async def each(items: Iterable[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    """Work on every item, a few at once; the first error ends it."""
    waiting = iter(items)

    async def work_through() -> None:
        for item in waiting:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLS_AT_ONCE):
            group.create_task(work_through())


async def _held_skus(clients: Clients) -> set[str]:
    """Articles of the demo's orders that are still open."""
    held: Counter[str] = Counter()
    async for row in _orders(clients):
        if row.status not in ("completed", "cancelled"):
            order = await accepted(get_order.asyncio(row.order_no, client=clients.support))
            held.update(line.sku for line in order.lines)
    return set(held)


def _orders(clients: Clients) -> AsyncIterator[OrderRow]:
    return all_items(
        lambda cursor: list_orders.asyncio(client=clients.support, channel=CHANNEL, limit=PAGE, cursor=cursor)
    )


async def _add_warehouse(clients: Clients, region: Region) -> None:
    key = clients.key(f"warehouse-{region.warehouse}")
    await _unless_known(add_warehouse.asyncio(client=clients.operations, body=region.body(), idempotency_key=key))


async def _add_product(clients: Clients, article: Article, tick: Tick) -> None:
    key = clients.key(f"product-{article.sku}")
    await _unless_known(add_product.asyncio(client=clients.operations, body=article.body(), idempotency_key=key))
    tick()


async def _unless_known(call: Awaitable[Answer | Problem | None]) -> None:
    try:
        await accepted(call)
    except RefusedError as refused:
        if refused.code not in ("product_exists", "warehouse_exists"):
            raise


async def _stock_up(clients: Clients, stock: StockLedger, sku: str, warehouse: str, units: int, tick: Tick) -> None:
    on_hand = await _receive(clients, sku, warehouse, units)
    stock.add(Movement.OPENING, sku, warehouse, on_hand - units)
    stock.add(Movement.RECEIVED, sku, warehouse, units)
    tick()


async def _arrange(clients: Clients, stock: StockLedger, arrangement: Arrangement) -> None:
    """These levels exactly, and none in other warehouses: an earlier run may have left some."""
    sku = arrangement.sku
    levels = await accepted(get_stock_levels.asyncio(sku, client=clients.warehouse))
    for level in levels.items:
        if level.on_hand:
            stock.add(Movement.OPENING, sku, level.warehouse, level.on_hand)
    available = {level.warehouse: level.available for level in levels.items}
    for warehouse in {*available, *arrangement.levels}:
        change = arrangement.levels.get(warehouse, 0) - available.get(warehouse, 0)
        if change > 0:
            await _receive(clients, sku, warehouse, change)
            stock.add(Movement.RECEIVED, sku, warehouse, change)
        elif change < 0:
            await _adjust(clients, sku, warehouse, change)
            stock.add(Movement.ADJUSTED, sku, warehouse, change)


async def _receive(clients: Clients, sku: str, warehouse: str, units: int) -> int:
    body = Receipt(sku=sku, warehouse=warehouse, quantity=units, reference=f"demo {clients.run}")
    key = clients.key(f"receipt-{sku}-{warehouse}")
    level = await accepted(receive_stock.asyncio(client=clients.warehouse, body=body, idempotency_key=key))
    return level.on_hand


async def _adjust(clients: Clients, sku: str, warehouse: str, change: int) -> None:
    body = Adjustment(sku=sku, warehouse=warehouse, quantity=change, reason="demo: left by an earlier run")
    key = clients.key(f"adjust-{sku}-{warehouse}")
    await accepted(adjust_stock.asyncio(client=clients.warehouse, body=body, idempotency_key=key))
