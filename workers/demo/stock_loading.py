"""Loading the warehouses: products, and stock for every order but those that are to be short of something."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from workers.demo.catalogue import Article
from workers.demo.client import Client, RefusedError, segment
from workers.demo.customers import REGIONS
from workers.demo.plan import Plan, Shortage

CALLS_AT_ONCE = 16
Item = TypeVar("Item")
Tick = Callable[[], None]


@dataclass
class StockLoading:
    """`before` is {(sku, warehouse): units on hand} before any order of the run; `ignored` are articles that orders of
    an earlier run still hold, so that their levels do not tell of this run alone."""

    before: dict[tuple[str, str], int] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)


async def fill(client: Client, plan: Plan, tick: Tick) -> StockLoading:
    """Post warehouses, articles, receipts; `tick` is called once for each article and each level."""
    shelves = StockLoading()
    for region in REGIONS:
        await _unless_known(client, "/v1/warehouses", region.body(), f"warehouse-{region.warehouse}")
    await each(plan.articles.values(), lambda article: _article(client, article, tick))
    await each(plan.demand.items(), lambda entry: _receipt(client, shelves, *entry[0], entry[1], tick))
    await each(plan.shortages.values(), lambda shortage: _shorten(client, shelves, shortage))
    return shelves


async def each(items: Iterable[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    """Work on every item, a few at once; the first error ends it."""
    waiting = iter(items)

    async def one_after_another() -> None:
        for item in waiting:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLS_AT_ONCE):
            group.create_task(one_after_another())


async def held_skus(orders: AsyncIterator[dict[str, object]], client: Client) -> set[str]:
    """Articles of these orders, as far as they are still open."""
    held: Counter[str] = Counter()
    async for row in orders:
        if row["status"] not in ("completed", "cancelled"):
            order = await client.get("support", f"/v1/orders/{row['order_no']}")
            held.update(line["sku"] for line in order["lines"])
    return set(held)


async def _article(client: Client, article: Article, tick: Tick) -> None:
    await _unless_known(client, "/v1/products", article.body(), f"product-{article.sku}")
    tick()


async def _unless_known(client: Client, path: str, body: dict[str, object], what: str) -> None:
    try:
        await client.post("operations", path, body, what)
    except RefusedError as refused:
        if refused.code not in ("product_exists", "warehouse_exists"):
            raise


async def _receipt(client: Client, shelves: StockLoading, sku: str, warehouse: str, units: int, tick: Tick) -> None:
    body = {"sku": sku, "warehouse": warehouse, "quantity": units, "reference": f"demo {client.run}"}
    level = await client.post("warehouse", "/v1/stock/receipts", body, f"receipt-{sku}-{warehouse}")
    shelves.before[sku, warehouse] = level["on_hand"]
    tick()


async def _shorten(client: Client, shelves: StockLoading, shortage: Shortage) -> None:
    """Leave one unit less than wanted, and none elsewhere: an earlier run may have left some."""
    levels = await client.get("warehouse", f"/v1/stock/{segment(shortage.sku)}")
    for level in levels["items"]:
        warehouse = level["warehouse"]
        wanted = shortage.units if warehouse == shortage.warehouse else 0
        change = wanted - level["available"]
        if change:
            body = {"sku": shortage.sku, "warehouse": warehouse, "quantity": change, "reason": "demo: one too few"}
            await client.post("warehouse", "/v1/stock/adjustments", body, f"adjust-{shortage.sku}-{warehouse}")
        shelves.before[shortage.sku, warehouse] = level["on_hand"] + change
