"""The warehouse picks, packs and hands over."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from activities.orders.inbox import apply_inbox
from api.dependencies import Services, actor
from api.errors import Problem
from api.replies import Reply
from api.schemas.picking import (
    LineTotal,
    PackParcel,
    PerformService,
    PickLines,
    ProduceFulfilment,
    RefuseFulfilment,
    ShipParcel,
)
from api.services.shipping import supplier_answers
from api.services.stock.stock_movements import StockRequest
from domain.errors import Conflict, RuleBroken
from domain.gateways import GatewayError
from domain.json_types import JsonFields
from domain.shipping import picking as rules
from domain.shipping.fulfilments import FulfilmentStatus
from domain.stock.cases import StockCaseKind
from infra.db.engine import Connection
from infra.db.messaging import inbox
from infra.db.orders.state import timeline
from infra.db.shipping import picking, production, shipments, short_picks, virtual_parts
from infra.db.shipping.picking import Pick, Work
from infra.db.shipping.shipments import PartRef
from infra.db.shipping.short_picks import Policy, Shortage
from infra.db.stock import cases, locations
from infra.db.stock.cases import NewCase

logger = logging.getLogger(__name__)


async def pick(asked: StockRequest, fulfilment_id: str, wanted: PickLines) -> Reply:
    """Raises NotFound `fulfilment_not_found`; RuleBroken `unknown_line`, `more_than_asked`, `unknown_location`;
    Conflict as `rules.require_workable`, `less_than_picked`; Problem `lines_twice`."""
    totals = _totals(wanted.lines)

    async def work(conn: Connection) -> JsonFields:
        now = await picking.lock(conn, fulfilment_id)
        if rules.changes(now.lines, totals) or _short(now, wanted):
            rules.require_workable(now.standing)
            await _picked(conn, asked, now, wanted)
        elif now.standing.is_over and now.lines:
            raise Conflict("fulfilment_cancelled")
        short = await _report(conn, asked, now, _short(now, wanted))
        return _answer(await picking.lock(conn, fulfilment_id), short)

    reply = await asked.run(work, 200)
    await _recall(asked.services, fulfilment_id)
    return reply


async def pack(asked: StockRequest, fulfilment_id: str, wanted: PackParcel) -> Reply:
    """Raises as `pick` does; RuleBroken `differs_from_picked`, Conflict `not_picked`. Repeated, what was said first
    stands."""

    async def work(conn: Connection) -> JsonFields:
        now = await picking.lock(conn, fulfilment_id)
        if now.parcel is None or now.parcel.packed_at is None or now.standing.is_over:
            rules.require_workable(now.standing)
            rules.require_picked(now.lines, _totals(wanted.lines))
            await picking.pack(conn, _parcel_id(now), wanted.weight_g, wanted.box, actor(asked.caller))
            await picking.set_status(conn, fulfilment_id, FulfilmentStatus.PACKED)
        return _answer(await picking.lock(conn, fulfilment_id))

    return await asked.run(work, 200)


async def ship(asked: StockRequest, fulfilment_id: str, wanted: ShipParcel) -> Reply:
    """Raises as `pack` does; Conflict `not_packed`, RuleBroken `tracking_not_named`; of a supplier's as
    `supplier_answers.shipped`. The carrier's scan and this one are one fact, in any order."""

    async def work(conn: Connection) -> JsonFields:
        now = await picking.lock(conn, fulfilment_id)
        if now.standing.supplier:
            await supplier_answers.shipped(conn, asked.services, asked.caller, now, wanted)
        elif wanted.carrier is not None or wanted.tracking_no is not None:
            raise RuleBroken("tracking_not_named")
        elif now.parcel is None or now.parcel.handed_at is None:
            if not now.standing.has_left:
                rules.require_workable(now.standing)
                rules.require_picked(now.lines, _totals(wanted.lines))
            if now.parcel is None or (now.parcel.packed_at is None and not now.standing.has_left):
                raise Conflict("not_packed")
            scan = await picking.hand_over(conn, now.parcel, wanted.manifest_id, actor(asked.caller))
            await inbox.keep_shipment(conn, now.parcel.carrier, scan)
            await apply_inbox(conn, now.order_no, asked.services.settings)
        return _answer(await picking.lock(conn, fulfilment_id))

    return await asked.run(work, 200)


async def refuse(asked: StockRequest, fulfilment_id: str, wanted: RefuseFulfilment) -> Reply:
    """A supplier does not ship it. Raises NotFound `fulfilment_not_found`, else as `supplier_answers.refused`."""

    async def work(conn: Connection) -> JsonFields:
        now = await picking.lock(conn, fulfilment_id)
        short = await supplier_answers.refused(asked, conn, now, wanted.reason.value)
        return _answer(await picking.lock(conn, fulfilment_id), short)

    return await asked.run(work, 200)


async def produced(asked: StockRequest, fulfilment_id: str, wanted: ProduceFulfilment) -> Reply:
    """All of it is made. Raises NotFound `fulfilment_not_found`, else as `production.produced`."""

    async def work(conn: Connection) -> JsonFields:
        now = await picking.lock(conn, fulfilment_id)
        order = await timeline.lock_order(conn, now.order_no)
        part = PartRef(now.order_no, now.number, several=True)
        await production.produced(conn, part, order, wanted.warehouse, actor(asked.caller))
        return _answer(await picking.lock(conn, fulfilment_id))

    return await asked.run(work, 200)


async def performed(asked: StockRequest, fulfilment_id: str, _: PerformService) -> Reply:
    """A service is performed. Raises NotFound `fulfilment_not_found`, else as `virtual_parts.performed`."""

    async def work(conn: Connection) -> JsonFields:
        now = await picking.lock(conn, fulfilment_id)
        order = await timeline.lock_order(conn, now.order_no)
        part = PartRef(now.order_no, now.number, several=True)
        await virtual_parts.performed(conn, part, order, actor(asked.caller), asked.services.settings)
        return _answer(await picking.lock(conn, fulfilment_id))

    return await asked.run(work, 200)


async def put_back(asked: StockRequest, fulfilment_id: str) -> Reply:
    """What was picked of a cancelled fulfilment is in its location again. Raises NotFound `fulfilment_not_found`,
    Conflict `fulfilment_not_cancelled`."""

    async def work(conn: Connection) -> JsonFields:
        now = await picking.lock(conn, fulfilment_id)
        if not now.standing.is_over:
            raise Conflict("fulfilment_not_cancelled")
        for line in now.lines:
            if line.picked:
                scan_id = f"{asked.unique('put_back')}:{line.line_no}"
                await picking.add(conn, now, Pick(scan_id, line.line_no, -line.picked, actor(asked.caller)))
        return _answer(await picking.lock(conn, fulfilment_id))

    return await asked.run(work, 200)


def _answer(now: Work, short: Sequence[Shortage] = ()) -> JsonFields:
    """As the HTTP call says it."""
    out = now.parcel
    return {
        "fulfilment_id": now.fulfilment_id,
        "order_no": now.order_no,
        "number": now.number,
        "warehouse": now.warehouse,
        "kind": now.kind,
        "status": now.standing.status.value,
        "lines": [
            {"line_no": line.line_no, "sku": line.sku, "quantity": line.quantity, "picked": line.picked}
            for line in now.lines
        ],
        "shipment_id": out.shipment_id if out else None,
        "tracking_no": out.tracking_no if out else None,
        "weight_g": out.weight_g if out else None,
        "box": out.box if out else None,
        "packed_at": out.packed_at if out else None,
        "manifest_id": out.manifest_id if out else None,
        "handed_at": out.handed_at if out else None,
        "short": [asdict(one) for one in short],
    }


def _totals(lines: Sequence[LineTotal]) -> dict[int, int]:
    totals = {line.line_no: line.quantity for line in lines}
    if len(totals) < len(lines):
        raise Problem("lines_twice")
    return totals


def _short(now: Work, wanted: PickLines) -> dict[int, int]:
    return rules.missing(now.lines, {line.line_no: line.quantity for line in wanted.lines if not line.more})


def _parcel_id(now: Work) -> str:
    if now.parcel is None:
        raise Conflict("fulfilment_not_booked")
    return now.parcel.shipment_id


async def _picked(conn: Connection, asked: StockRequest, now: Work, wanted: PickLines) -> None:
    places = {line.line_no: line.location for line in wanted.lines}
    for place in {place for place in places.values() if place is not None}:
        await locations.require_known(conn, now.warehouse, place)
    totals: Mapping[int, int] = _totals(wanted.lines)
    for line_no, units in sorted(rules.changes(now.lines, totals).items()):
        scan_id = f"{asked.unique('pick')}:{line_no}"
        await picking.add(conn, now, Pick(scan_id, line_no, units, actor(asked.caller), places[line_no]))
    full = [line.line_no for line in now.lines if totals.get(line.line_no) == line.quantity]
    await short_picks.found(conn, now, full, "it was found", actor(asked.caller))
    if now.standing.status is FulfilmentStatus.BOOKED:
        await picking.set_status(conn, now.fulfilment_id, FulfilmentStatus.PICKING)


async def _report(conn: Connection, asked: StockRequest, now: Work, missing: Mapping[int, int]) -> Sequence[Shortage]:
    settings = asked.services.settings
    policy = Policy(settings.max_fulfilments, settings.dispatch_timeout_s)
    short = await short_picks.report(conn, now, missing, actor(asked.caller), policy)
    if now.units == sum(one.quantity for one in short if one.fulfilment_id) and now.parcel is not None:
        # Nothing is left for its parcel: until the carrier has given it up, somebody is to know.
        new = NewCase(StockCaseKind.SHORT_PICK, now.parcel.shipment_id, actor(asked.caller), now.warehouse,
                      orders=[now.order_no])  # fmt: skip
        await cases.open_case(conn, new)
    return short


async def _recall(services: Services, fulfilment_id: str) -> None:
    """A parcel with nothing in it is given up with its carrier. If that fails its case stays open."""
    async with services.database.begin() as conn:
        found = await picking.several(conn, [fulfilment_id])
    now = found[0] if found else None
    if now is None or now.lines or not now.standing.is_over or now.parcel is None or now.parcel.carrier_ref is None:
        return
    gateway = services.carriers.get(now.parcel.carrier)
    async with services.database.begin() as conn:
        shipment = await shipments.live_shipment(conn, now.order_no, now.number)
    if gateway is None or shipment is None:
        return
    try:
        given_up = await gateway.cancel(now.parcel.carrier_ref, f"{shipment.key}/cancel")
    except GatewayError as error:
        logger.warning("an empty parcel is still booked", extra={"order_no": now.order_no, "code": str(error)})
        return
    async with services.database.begin() as conn:
        await timeline.lock_order(conn, now.order_no)
        if given_up and await shipments.cancelled(conn, shipment):
            await cases.over(conn, StockCaseKind.SHORT_PICK, shipment.shipment_id, "the carrier gave it up", "system")
