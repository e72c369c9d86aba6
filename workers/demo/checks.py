"""The closing questions: do orders, stock, money, and what the sandbox believes agree?"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from infra.settings import Settings
from workers.cli import ledger_check
from workers.demo.client import Client, segment
from workers.demo.statistics import Ended, Statistics
from workers.demo.stock_loading import StockLoading, each

MAX_EXAMPLES = 5
_LIVE = ("booked", "picked_up", "in_transit", "delivered")


@dataclass
class Check:
    """`looked_at` counts what was compared, `wrong` the differences; `name` is what is so when there are none."""

    name: str
    looked_at: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    def compare(self, holds: bool, example: str) -> None:
        self.looked_at += 1
        if not holds:
            self.wrong += 1
            self.examples = [*self.examples, example][:MAX_EXAMPLES]

    def shown(self) -> dict[str, Any]:
        return {"name": self.name, "holds": not self.wrong, "looked_at": self.looked_at, "examples": self.examples}


async def all_of(client: Client, tally: Statistics, shelves: StockLoading, environment: dict[str, str]) -> list[Check]:
    """Every question, with its answer."""
    ends = Check("every order ended as it should")
    ends.looked_at, ends.wrong = tally.placed, tally.wrong
    ends.examples = tally.deviations[:MAX_EXAMPLES]
    return [ends, *await stock(client, tally, shelves), *await outside(client, tally.ended), *await books(environment)]


async def stock(client: Client, tally: Statistics, shelves: StockLoading) -> list[Check]:
    """Levels through the front door: nothing is reserved any more, and just what was sent is gone."""
    reserved = Check("no ended order holds stock")
    on_hand = Check("stock on hand is what was there less what was sent, to the unit")
    left: dict[str, dict[str, int]] = {}
    for (sku, warehouse), units in shelves.before.items():
        if sku not in shelves.ignored:
            left.setdefault(sku, {})[warehouse] = units - tally.sent[sku, warehouse]

    async def look(entry: tuple[str, dict[str, int]]) -> None:
        sku, expected = entry
        levels = await client.get("warehouse", f"/v1/stock/{segment(sku)}")
        for level in levels["items"]:
            warehouse = level["warehouse"]
            if warehouse in expected:
                where, found = f"{sku} at {warehouse}", level["on_hand"]
                reserved.compare(level["reserved"] == 0, f"{where}: {level['reserved']} reserved")
                on_hand.compare(found == expected[warehouse], f"{where}: {found} instead of {expected[warehouse]}")

    await each(left.items(), look)
    return [reserved, on_hand]


async def outside(client: Client, ended: Iterable[Ended]) -> list[Check]:
    """What the gateway and the carrier believe, beside what the orders say."""
    money = Check("captured less refunded is what the gateway's own ledger says, to the cent")
    once = Check("no order was captured twice, no authorisation is left open")
    parcels = Check("every parcel stands where the carrier says, no order has two")

    async def look(order: Ended) -> None:
        payments = await client.sandbox_list("payments", order.order_no)
        shipments = await client.sandbox_list("shipments", order.order_no)
        done = [payment for payment in payments if payment["status"] == "succeeded"]
        there = {kind: sum(p["amount_minor"] for p in done if p["kind"] == kind) for kind in ("capture", "refund")}
        here = {"capture": order.captured_minor, "refund": order.refunded_minor}
        money.compare(here == there, f"{order.order_no}: {here} here, {there} there")
        once.compare(_settled(done), f"{order.order_no}: {[(p['kind'], p['amount_minor']) for p in done]}")
        known = {shipment["tracking_no"]: shipment["status"] for shipment in shipments}
        live = sum(1 for status in known.values() if status in _LIVE)
        parcels.compare(known == order.parcels and live <= 1, f"{order.order_no}: {order.parcels} here, {known} there")

    await each(ended, look)
    return [money, once, parcels]


async def books(environment: dict[str, str]) -> list[Check]:
    """The questions of `oms ledger check`."""
    configuration = Settings(
        database_url=environment["OMS_DATABASE_URL"],
        token_secret=SecretStr(environment["OMS_TOKEN_SECRET"]),
        master_key=SecretStr(environment["OMS_MASTER_KEY"]),
    )
    return [
        Check(
            f"books: {answer.question.name}", 1, answer.count, [str(wrong) for wrong in answer.examples][:MAX_EXAMPLES]
        )
        for answer in await ledger_check.answers_of(configuration)
    ]


def _settled(done: list[dict[str, Any]]) -> bool:
    """At most one capture, and every authorisation is captured or voided."""
    ended = {payment["parent_id"] for payment in done if payment["kind"] in ("capture", "void")}
    captures = sum(1 for payment in done if payment["kind"] == "capture")
    return captures <= 1 and all(payment["id"] in ended for payment in done if payment["kind"] == "authorise")
