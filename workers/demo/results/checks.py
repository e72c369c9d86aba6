"""The final checks: do orders, stock, money and the sandbox's own ledger agree?"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from domain.orders.status import Status
from infra.db.checks import consistency_checks
from infra.settings import Settings
from workers.demo.api_client.api.stock import get_stock_levels
from workers.demo.http.client import Clients, accepted
from workers.demo.results.statistics import EndedOrder, Statistics
from workers.demo.results.stock_ledger import Place, StockLedger, WarehouseBalance
from workers.demo.stock_loading import each

MAX_EXAMPLES = 5
_LIVE = ("booked", "picked_up", "in_transit", "delivered")


@dataclass
class Check:
    """`looked_at` counts the comparisons, `wrong` the differences; `name` says what is true when there are none."""

    name: str
    checked_count: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    def compare(self, holds: bool, example: str) -> None:
        self.checked_count += 1
        if not holds:
            self.wrong += 1
            self.examples = [*self.examples, example][:MAX_EXAMPLES]

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "holds": not self.wrong, "looked_at": self.checked_count, "examples": self.examples}


async def run_all(
    clients: Clients, statistics: Statistics, environment: dict[str, str]
) -> tuple[list[Check], list[WarehouseBalance]]:
    """Every check, with its result; and the balance of each warehouse."""
    ends = Check("every order ended as it should")
    ends.checked_count, ends.wrong = statistics.placed, statistics.wrong
    ends.examples = statistics.deviations[:MAX_EXAMPLES]
    levels = await _levels(clients, statistics.stock)
    balances = statistics.stock.balances(levels)
    every = [
        ends,
        *compare_orders(statistics),
        *compare_stock(statistics.stock, levels, balances),
        *await _providers(clients, statistics.ended),
        *await _database(environment),
    ]
    return every, balances


def compare_orders(statistics: Statistics) -> list[Check]:
    """The lines for orders and for money of the closing table."""
    orders = Check("orders placed are those completed and those cancelled")
    ended = statistics.statuses[Status.COMPLETED] + statistics.statuses[Status.CANCELLED]
    orders.compare(statistics.placed == ended, f"{statistics.placed} placed, {ended} ended")
    money = Check("money captured less refunded is what customers kept goods for")
    money.compare(statistics.money_balances, f"{statistics.held_minor} held, {statistics.due_minor} due")
    return [orders, money]


async def _levels(clients: Clients, stock: StockLedger) -> dict[Place, tuple[int, int]]:
    """{(SKU, warehouse): (on hand, reserved)} by the API."""
    found: dict[Place, tuple[int, int]] = {}

    async def read(sku: str) -> None:
        levels = await accepted(get_stock_levels.asyncio(sku, client=clients.warehouse))
        found.update({(sku, level.warehouse): (level.on_hand, level.reserved) for level in levels.items})

    await each({sku for (sku, _), _ in stock.places()}, read)
    return found


def compare_stock(
    stock: StockLedger, levels: Mapping[Place, tuple[int, int]], balances: Iterable[WarehouseBalance]
) -> list[Check]:
    """Nothing is reserved any more, and exactly what was shipped is missing."""
    reserved = Check("no ended order holds stock")
    on_hand = Check("stock on hand is what was there and came less what was sent, to the unit")
    each_warehouse = Check("each warehouse balances: every unit on hand came, and none is missing")
    for place, movements in stock.places():
        there, held = levels.get(place, (0, 0))
        expected, name = movements.total(), f"{place[0]} at {place[1]}"
        reserved.compare(held == 0, f"{name}: {held} reserved")
        on_hand.compare(there == expected, f"{name}: {there} instead of {expected}")
    for balance in balances:
        each_warehouse.compare(balance.balanced, f"{balance.as_json()}")
    return [reserved, on_hand, each_warehouse]


async def _providers(clients: Clients, ended: Iterable[EndedOrder]) -> list[Check]:
    """The records of the gateway and the carrier, compared with the orders."""
    money = Check("captured less refunded is what the gateway's own ledger says, to the cent")
    once = Check("no order was captured twice, no authorisation is left open")
    parcels = Check("every parcel stands where the carrier says, no part has two")

    async def compare(order: EndedOrder) -> None:
        payments = await clients.sandbox.payments(order.order_no)
        shipments = await clients.sandbox.shipments(order.order_no)
        done = [payment for payment in payments if payment["status"] == "succeeded"]
        gateway = {kind: sum(p["amount_minor"] for p in done if p["kind"] == kind) for kind in ("capture", "refund")}
        orders = {"capture": order.captured_minor, "refund": order.refunded_minor}
        money.compare(orders == gateway, f"{order.order_no}: {orders} by the order, {gateway} by the gateway")
        once.compare(_settled(done), f"{order.order_no}: {[(p['kind'], p['amount_minor']) for p in done]}")
        carrier = {shipment["tracking_no"]: shipment["status"] for shipment in shipments}
        own = {tracking_no: status for tracking_no, (_, status) in order.parcels.items()}
        live = Counter(part for part, status in order.parcels.values() if status in _LIVE)
        difference = f"{order.order_no}: {order.parcels} by the order, {carrier} by the carrier"
        parcels.compare(carrier == own and max(live.values(), default=0) <= 1, difference)

    await each(ended, compare)
    return [money, once, parcels]


async def _database(environment: dict[str, str]) -> list[Check]:
    """The checks of `oms ledger check`."""
    configuration = Settings(
        database_url=environment["OMS_DATABASE_URL"],
        token_secret=SecretStr(environment["OMS_TOKEN_SECRET"]),
        master_key=SecretStr(environment["OMS_MASTER_KEY"]),
    )
    return [
        Check(
            f"database: {result.question.name}",
            1,
            result.count,
            [str(violation) for violation in result.examples][:MAX_EXAMPLES],
        )
        for result in await consistency_checks.run_all(configuration)
    ]


def _settled(done: list[dict[str, Any]]) -> bool:
    """At most one capture, and every authorisation is captured or voided."""
    ended = {payment["parent_id"] for payment in done if payment["kind"] in ("capture", "void")}
    captures = sum(1 for payment in done if payment["kind"] == "capture")
    return captures <= 1 and all(payment["id"] in ended for payment in done if payment["kind"] == "authorise")
