"""Freight of orders, and differences between what carriers billed and what was booked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from api import pagination
from api.authorization import visible_order
from api.dependencies import Services, actor
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.freight import DecideDifference, DifferenceOwner
from domain.access import Principal
from domain.errors import Conflict
from domain.shipping.freight import DifferenceKind, DifferenceState, FreightKind
from infra.db.engine import Connection
from infra.db.shipping import freight
from infra.db.shipping.freight import Decision, FreightDifference, OrderFreight


@dataclass(frozen=True, slots=True)
class Amount:
    """Minor units of a currency."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class ParcelFreight:
    """A parcel with what is known of its freight; `billed` are sums by currency. The estimate of a fulfilment stands at
    its first parcel; a fulfilment without a parcel has no `shipment_id`."""

    shipment_id: str | None
    fulfilment_no: int | None
    carrier: str
    tracking_no: str | None
    status: str
    estimated: Amount | None
    booked: Amount | None
    billed: list[Amount]
    differences: list[FreightDifference]

    @property
    def difference_minor(self) -> int | None:
        """Billed less booked; None where one of them is not there, or in another currency."""
        if self.booked is None or len(self.billed) != 1 or self.billed[0].currency != self.booked.currency:
            return None
        return self.billed[0].amount_minor - self.booked.amount_minor


@dataclass(frozen=True, slots=True)
class FreightRequest:
    """Who asks, under which idempotency key, with the digest of the body."""

    services: Services
    caller: Principal
    key: str
    digest: bytes

    async def run(self, work: Callable[[Connection], Awaitable[object]]) -> Reply:
        """Do it once."""
        return await run_in_transaction(self.services, request_of(self.caller, self.key, self.digest), 200, work)


async def of_order(services: Services, caller: Principal, order_no: str) -> list[ParcelFreight]:
    """Parcel by parcel. Raises NotFound `order_not_found`."""
    number = (await visible_order(services, caller, order_no)).order_no
    async with services.database.begin() as conn:
        return by_parcel(await freight.of_order(conn, number))


def by_parcel(known: OrderFreight) -> list[ParcelFreight]:
    """What the ledger says of each parcel, and of fulfilments that have none yet."""
    estimates = {
        entry.fulfilment_no: Amount(entry.amount_minor, entry.currency)
        for entry in known.entries
        if entry.kind is FreightKind.ESTIMATED
    }
    parcels = [
        ParcelFreight(
            parcel.shipment_id,
            parcel.fulfilment_no,
            parcel.carrier,
            parcel.tracking_no,
            parcel.status,
            estimates.pop(parcel.fulfilment_no, None),
            next(iter(_sums(known, parcel.shipment_id, FreightKind.BOOKED)), None),
            _sums(known, parcel.shipment_id, FreightKind.BILLED),
            [one for one in known.differences if one.shipment_id == parcel.shipment_id],
        )
        for parcel in known.parcels
    ]
    waiting = [ParcelFreight(None, number, "", None, "", amount, None, [], []) for number, amount in estimates.items()]
    return parcels + waiting


def _sums(known: OrderFreight, shipment_id: str, kind: FreightKind) -> list[Amount]:
    sums = dict[str, int]()
    for entry in known.entries:
        if entry.shipment_id == shipment_id and entry.kind is kind:
            sums[entry.currency] = sums.get(entry.currency, 0) + entry.amount_minor
    return [Amount(minor, currency) for currency, minor in sums.items()]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which differences; None: of every bill, kind, state."""

    bill_id: str | None = None
    kind: DifferenceKind | None = None
    state: DifferenceState | None = None


async def page(
    services: Services, wanted: Wanted, limit: int, cursor: str | None
) -> tuple[list[FreightDifference], str | None]:
    """A page, the oldest first, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    after = pagination.large_number(cursor) if cursor else 0
    question = {"bill_id": wanted.bill_id, "kind": wanted.kind, "state": wanted.state}
    async with services.database.begin() as conn:
        found = await freight.page(conn, question, after, limit + 1)
    return found[:limit], pagination.encoded([found[limit - 1].difference_id]) if len(found) > limit else None


async def one(services: Services, difference_id: int) -> FreightDifference:
    """Raises NotFound `difference_not_found`."""
    async with services.database.begin() as conn:
        return await freight.find(conn, difference_id)


async def waiting(services: Services) -> int:
    """How many differences are open; larger numbers are cut short."""
    async with services.database.begin() as conn:
        return await freight.count_open(conn)


async def assign(asked: FreightRequest, difference_id: int, owner: DifferenceOwner) -> Reply:
    """Raises NotFound `difference_not_found`, Conflict `difference_decided`."""

    async def work(conn: Connection) -> FreightDifference:
        if not (await freight.find(conn, difference_id, lock=True)).actions:
            raise Conflict("difference_decided")
        await freight.set_owner(conn, difference_id, owner.owner)
        return await freight.find(conn, difference_id)

    return await asked.run(work)


async def decide(asked: FreightRequest, difference_id: int, wanted: DecideDifference) -> Reply:
    """Raises NotFound `difference_not_found`, Conflict `difference_decided`, RuleBroken `difference_unreadable`."""
    decision = Decision(wanted.action, wanted.reason, actor(asked.caller), asked.caller.subject)

    async def work(conn: Connection) -> FreightDifference:
        await freight.decide(conn, await freight.find(conn, difference_id, lock=True), decision)
        return await freight.find(conn, difference_id)

    return await asked.run(work)
