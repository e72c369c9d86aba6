"""The final checks: do orders, stock, money and the sandbox's own ledger agree?"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from infra.db.checks import consistency_checks
from infra.settings import Settings
from workers.demo.api_client.api.stock import get_stock_levels
from workers.demo.http.client import Clients, accepted
from workers.demo.results.statistics import EndedOrder, Statistics
from workers.demo.stock_loading import LoadedStock, each

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
    clients: Clients, statistics: Statistics, loaded: LoadedStock, environment: dict[str, str]
) -> list[Check]:
    """Every check, with its result."""
    ends = Check("every order ended as it should")
    ends.checked_count, ends.wrong = statistics.placed, statistics.wrong
    ends.examples = statistics.deviations[:MAX_EXAMPLES]
    return [
        ends,
        *await _stock(clients, statistics, loaded),
        *await _providers(clients, statistics.ended),
        *await _database(environment),
    ]


async def _stock(clients: Clients, statistics: Statistics, loaded: LoadedStock) -> list[Check]:
    """Levels by the API: nothing is reserved any more, and exactly what was sent is missing."""
    reserved = Check("no ended order holds stock")
    on_hand = Check("stock on hand is what was there less what was sent, to the unit")
    left: dict[str, dict[str, int]] = {}
    for (sku, warehouse), units in loaded.before.items():
        if sku not in loaded.ignored:
            left.setdefault(sku, {})[warehouse] = units - statistics.sent[sku, warehouse]

    async def compare(entry: tuple[str, dict[str, int]]) -> None:
        sku, expected = entry
        levels = await accepted(get_stock_levels.asyncio(sku, client=clients.warehouse))
        for level in levels.items:
            units = expected.get(level.warehouse)
            if units is not None:
                place = f"{sku} at {level.warehouse}"
                reserved.compare(level.reserved == 0, f"{place}: {level.reserved} reserved")
                on_hand.compare(level.on_hand == units, f"{place}: {level.on_hand} instead of {units}")

    await each(left.items(), compare)
    return [reserved, on_hand]


async def _providers(clients: Clients, ended: Iterable[EndedOrder]) -> list[Check]:
    """The records of the gateway and the carrier, compared with the orders."""
    money = Check("captured less refunded is what the gateway's own ledger says, to the cent")
    once = Check("no order was captured twice, no authorisation is left open")
    parcels = Check("every parcel stands where the carrier says, no order has two")

    async def compare(order: EndedOrder) -> None:
        payments = await clients.sandbox.payments(order.order_no)
        shipments = await clients.sandbox.shipments(order.order_no)
        done = [payment for payment in payments if payment["status"] == "succeeded"]
        gateway = {kind: sum(p["amount_minor"] for p in done if p["kind"] == kind) for kind in ("capture", "refund")}
        orders = {"capture": order.captured_minor, "refund": order.refunded_minor}
        money.compare(orders == gateway, f"{order.order_no}: {orders} by the order, {gateway} by the gateway")
        once.compare(_settled(done), f"{order.order_no}: {[(p['kind'], p['amount_minor']) for p in done]}")
        carrier = {shipment["tracking_no"]: shipment["status"] for shipment in shipments}
        live = sum(1 for status in carrier.values() if status in _LIVE)
        difference = f"{order.order_no}: {order.parcels} by the order, {carrier} by the carrier"
        parcels.compare(carrier == order.parcels and live <= 1, difference)

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
