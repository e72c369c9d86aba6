"""The order's own steps: reading, cancelling, completing, parking. Each is one transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from activities.base import oms_activity
from activities.orders.grouped_reservations import GroupedReservations
from activities.orders.inbox import apply_inbox, parcel_moved, position_of, reason_of
from activities.orders.views import policy_of, view_of
from domain.errors import Conflict
from domain.orders.cancellation import may_begin
from domain.orders.status import TERMINAL, OrderEvent, Status
from domain.payments import payability
from domain.payments.attempts import IN_TIME
from domain.shipping.shipments import ShipmentStatus
from domain.sourcing.deciding import decide
from domain.sourcing.decision import Share
from domain.sourcing.promise import promised
from domain.times import rfc3339
from infra.db.after_sales import exchange_fallback
from infra.db.autocommit import autocommit
from infra.db.engine import Connection, Database
from infra.db.orders.changing import cancellation
from infra.db.orders.state import holds, timeline
from infra.db.orders.state.order_state import load_state
from infra.db.payments import payment_requests, receivables
from infra.db.shipping import part_progress, shipments
from infra.db.sourcing import decisions
from infra.db.stock import planned_parts, profiled_candidates, reservations, split_plans, split_reservations, supply
from infra.db.stock.planned_parts import NewPart
from infra.db.stock.reservations import Demand
from infra.db.stock.split_plans import PlanNeeded, SplitPlan
from infra.settings import Settings
from workflows import payloads as m

# How often a reservation reads again when other orders reserved first, before it is tried again later.
TRIES = 5


class OrderActivities:
    """Steps that use only the database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._db = database
        self._settings = settings
        self._together = GroupedReservations(database, settings)

    @oms_activity("load_order")
    async def load_order(self, ref: m.OrderRef) -> m.OrderView:
        """Where the order stands."""
        async with self._db.begin() as conn:
            return replace(await view_of(conn, ref.order_no), policy=policy_of(self._settings))

    @oms_activity("apply_news")
    async def apply_inbox(self, ref: m.OrderRef) -> m.OrderView:
        """Apply every external event that waits in the inbox, in the order of arrival; if one of them fails,
        each separately."""
        try:
            return await self._apply_inbox(ref.order_no, alone=False)
        except Exception as error:
            if reason_of(error) is None:
                raise
        return await self._apply_inbox(ref.order_no, alone=True)

    async def _apply_inbox(self, order_no: str, *, alone: bool) -> m.OrderView:
        async with self._db.begin() as conn:
            await apply_inbox(conn, order_no, self._settings, alone=alone)
            return await view_of(conn, order_no)

    @oms_activity("open_payment")
    async def open_payment(self, request: m.PayRequest) -> m.OrderView:
        """Give a payment request its attempt number. Refuses: already_paid, payment_in_progress, order_closed."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, request.order_no)
            if not await payment_requests.taken_up(conn, request.request_id):
                await self._take_up(conn, request.order_no, request.request_id)
            return await view_of(conn, request.order_no, check_unapplied=False)

    async def _take_up(self, conn: Connection, order_no: str, request_id: str) -> None:
        if (why := payability.refusal((await load_state(conn, order_no)).payability)) is not None:
            raise why
        attempt = await payment_requests.take_up(conn, order_no, request_id)
        await timeline.append(conn, order_no, "payment_requested", data={"attempt": attempt})

    @oms_activity("expire_payment")
    async def expire_payment(self, ref: m.OrderRef) -> m.OrderView:
        """The payment deadline: one that is in the database by now is in time, else the order is cancelled."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            await apply_inbox(conn, ref.order_no, self._settings)
            view = await view_of(conn, ref.order_no)
            if view.status == Status.PENDING_PAYMENT and view.attempt_state not in IN_TIME:
                await cancellation.mark(conn, ref.order_no, "payment_expired", "system")
                view = await view_of(conn, ref.order_no)
            return view

    @oms_activity("expire_backorder")
    async def expire_backorder(self, ref: m.OrderRef) -> m.OrderView:
        """The stock never came: the order is undone."""
        async with self._db.begin() as conn:
            if await timeline.lock_order(conn, ref.order_no) is Status.RECEIVED:
                await cancellation.mark(conn, ref.order_no, "out_of_stock", "system")
            return await view_of(conn, ref.order_no)

    @oms_activity("begin_cancel")
    async def begin_cancel(self, request: m.CancelRequest) -> m.OrderView:
        """Record that the order is being undone. Refuses `not_cancellable` where its status does not allow it, or
        somebody else was first."""
        async with self._db.begin() as conn:
            status = await timeline.lock_order(conn, request.order_no)
            if key := cancellation.request_key(request.request_id):
                if await timeline.is_done(conn, request.order_no, key):
                    return await view_of(conn, request.order_no)
                if await cancellation.cause_of(conn, request.order_no) is not None:
                    raise Conflict("not_cancellable")
            if not may_begin(status, request.cause):
                raise Conflict("not_cancellable")
            await cancellation.mark(conn, request.order_no, request.cause, request.actor, request.request_id)
            return await view_of(conn, request.order_no)

    @oms_activity("refuse_cancel")
    async def refuse_cancel(self, ref: m.OrderRef) -> m.OrderView:
        """The parcel is on its way: the order is no longer being undone."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            if await cancellation.cause_of(conn, ref.order_no) is not None:
                await cancellation.unmark(conn, ref.order_no)
                wait = timeline.waiting("delivery", "the carrier delivers", self._settings.delivery_timeout_s)
                await timeline.append(
                    conn, ref.order_no, "cancel_refused", data={"code": "parcel_on_its_way", "waiting": wait}
                )
                await self._catch_up(conn, ref.order_no)
            return await view_of(conn, ref.order_no)

    async def _catch_up(self, conn: Connection, order_no: str) -> None:
        """What the carrier delivered while the order was being undone counts now."""
        if (await load_state(conn, order_no)).fulfilments:
            await part_progress.settle(conn, order_no, self._settings)
            return
        parcel = await shipments.live_shipment(conn, order_no)
        if parcel is not None and parcel.status is ShipmentStatus.DELIVERED:
            await parcel_moved(conn, order_no, await position_of(conn, order_no), parcel.status, self._settings)

    @oms_activity("finish_cancel")
    async def finish_cancel(self, ref: m.OrderRef) -> m.OrderView:
        """Free the stock and show the order as cancelled; every payment must have been returned before."""
        async with self._db.begin() as conn:
            status = await timeline.lock_order(conn, ref.order_no)
            if status not in TERMINAL:
                cause = await cancellation.cause_of(conn, ref.order_no)
                if units := await reservations.release(conn, ref.order_no):
                    await timeline.append(conn, ref.order_no, "stock_released", data={"units": units})
                await timeline.transition(
                    conn, ref.order_no, status, OrderEvent.ORDER_CANCELLED, data={"cause": cause, "waiting": None}
                )
                await cancellation.unmark(conn, ref.order_no)
                await exchange_fallback.fall_back(conn, ref.order_no, cause or "cancelled")
            return await view_of(conn, ref.order_no)

    @oms_activity("complete_order")
    async def complete_order(self, ref: m.OrderRef) -> m.OrderView:
        """The return window is over; an order with an open return goes on until that is closed."""
        async with autocommit(self._db) as conn:
            await timeline.complete(conn, ref.order_no)
            return await view_of(conn, ref.order_no, check_unapplied=False)

    @oms_activity("reserve_stock")
    async def reserve_stock(self, ref: m.OrderRef) -> m.OrderView:
        """Reserve everything, at one warehouse or several, if that is still to be done; answers with where the order
        stands. Plain orders that arrive together are reserved together."""
        return await self._together.reserve(ref.order_no) or await self.reserve_alone(ref.order_no)

    async def reserve_alone(self, order_no: str) -> m.OrderView:
        """The same in a transaction of its own, for what is not plain."""
        plan: SplitPlan | None = None
        for _ in range(TRIES):
            try:
                return await self._reserve_once(order_no, plan)
            except (PlanNeeded, reservations.StockContended, reservations.StockArrived) as outdated:
                # Another order reserved first, or units arrived: read again. This attempt left nothing.
                if plan is not None or isinstance(outdated, PlanNeeded):
                    plan = await self._planned(order_no)
        raise reservations.StockContended

    async def _planned(self, order_no: str) -> SplitPlan:
        """Who could ship what of it: read in one transaction, decided in none."""
        async with self._db.begin() as conn:
            request, profile = await split_plans.inputs_of(conn, order_no, self._settings.max_fulfilments)
        decision = await asyncio.to_thread(decide, request, profile)
        promise = promised(request, decision, profile, datetime.now(UTC))
        dates = {part.warehouse: part.arrives_by for part in promise.plan}
        return SplitPlan(request, decision, profile.version, dates)

    async def _reserve_once(self, order_no: str, plan: SplitPlan | None) -> m.OrderView:
        async with self._db.begin() as conn:
            # Locked first and read after: what is read beside a lock may be older than the wait for it.
            status = await timeline.lock_order(conn, order_no)
            if status is Status.RECEIVED:
                await self._reserve(conn, order_no, plan)
            view = await view_of(conn, order_no, check_unapplied=status is not Status.RECEIVED)
            return replace(view, policy=policy_of(self._settings))

    async def _reserve(self, conn: Connection, order_no: str, plan: SplitPlan | None) -> None:
        demand = await reservations.demand_of(conn, order_no)
        if demand.cancelling or demand.held:
            return
        if demand.divided:
            data = await self._divide(conn, order_no, demand, plan)
        else:
            data = await self._reserve_stocked(conn, order_no, demand, plan)
        if data is None:
            await self._short(conn, order_no, demand, plan)
            return
        # Who waits for an inspection is not there to pay: the difference of an exchange has days.
        own = self._settings
        timeout_s = own.exchange_payment_timeout_s if demand.exchange else own.payment_timeout_s
        data["waiting"] = timeline.waiting("payment", "the order is cancelled and its stock freed", timeout_s)
        status = await timeline.transition(conn, order_no, Status.RECEIVED, OrderEvent.STOCK_RESERVED, data=data)
        if demand.on_terms and demand.total_minor:
            await receivables.begin(conn, order_no)
        elif demand.paid or demand.total_minor == 0:
            # Paid before it was reserved, or there is nothing to pay.
            event = OrderEvent.PAYMENT_CAPTURED if demand.paid else OrderEvent.PAYMENT_RECORDED
            booking = timeline.waiting("carrier", "the carrier is booked")
            await timeline.transition(conn, order_no, status, event, data={"waiting": booking})
        await holds.place_by_rule(conn, self._settings, order_no, demand.total_minor)

    async def _reserve_stocked(
        self, conn: Connection, order_no: str, demand: Demand, plan: SplitPlan | None
    ) -> dict[str, object] | None:
        """Reserve an order that stock serves; what the timeline says of it, None where stock is short."""
        able = await profiled_candidates.candidates_of(conn, order_no, demand, splits=self._splits(demand))
        if able:
            await reservations.reserve_at(conn, order_no, able[0])
            # The database writes it to the fulfilment that it creates with the event.
            promised_to = demand.promised_to(able[0], await profiled_candidates.rates_of(conn, demand))
            return {"warehouse": able[0], "promised_to": rfc3339(promised_to) if promised_to else None}
        shares = await self._shares(conn, order_no, demand, plan)
        if not shares:
            return None
        return await self._reserve_shares(conn, order_no, shares, plan)

    async def _reserve_shares(
        self, conn: Connection, order_no: str, shares: Sequence[Share], plan: SplitPlan | None
    ) -> dict[str, object]:
        """Reserve a fulfilment for each share, and plan what they leave."""
        await split_reservations.reserve(conn, order_no, shares, plan.promised_to if plan else None)
        data: dict[str, object] = {"warehouse": shares[0].warehouse}
        if missing := planned_parts.missing(plan.request.lines, shares) if plan else ():
            due_at = timeline.deadline_in(self._settings.backorder_timeout_s)
            rest = NewPart(len(shares) + 1, shares[0].warehouse, missing, due_at)
            await planned_parts.plan(conn, order_no, rest)
            data["planned"] = sum(line.quantity for line in missing)
        data["fulfilments"] = [{"number": n, "warehouse": one.warehouse} for n, one in enumerate(shares, 1)]
        return data

    async def _divide(
        self, conn: Connection, order_no: str, demand: Demand, plan: SplitPlan | None
    ) -> dict[str, object] | None:
        """Reserve the lines that come from stock, and plan a fulfilment for the others; as `_reserve_stocked` else."""
        own = await supply.unstocked_of(conn, order_no)
        site = await supply.site_of(conn, order_no)
        data: dict[str, object] = {}
        if site is None:
            return None
        if sum(demand.wanted.values()) > sum(part.units for part in own):
            shares = await self._planned_shares(conn, order_no, demand, plan)
            if not shares:
                return None
            data = await self._reserve_shares(conn, order_no, shares, plan)
            first = len(shares) + ("planned" in data) + 1
        else:
            first = 1
        rates = await profiled_candidates.rates_of(conn, demand)
        await supply.plan(conn, order_no, site, own, first, rates)
        return {"warehouse": site.warehouse, **data}

    def _splits(self, demand: Demand) -> bool:
        return (demand.max_fulfilments or self._settings.max_fulfilments) > 1 and not demand.exchange

    async def _shares(
        self, conn: Connection, order_no: str, demand: Demand, plan: SplitPlan | None
    ) -> tuple[Share, ...]:
        """What each warehouse ships of an order that none can ship alone; empty where they cannot together. The goods
        of an exchange go in one parcel: a guarantee is for all of them."""
        return await self._planned_shares(conn, order_no, demand, plan) if self._splits(demand) else ()

    async def _planned_shares(
        self, conn: Connection, order_no: str, demand: Demand, plan: SplitPlan | None
    ) -> tuple[Share, ...]:
        """The shares of the plan. Raises PlanNeeded where there is none for the order as it is."""
        if plan is None or not await split_plans.is_current(conn, order_no, plan):
            raise PlanNeeded
        shares = plan.shares or (plan.first_parts if demand.backorder else ())
        if shares:
            await decisions.save_decision(conn, order_no, plan.decision, plan.version)
        return shares

    async def _short(self, conn: Connection, order_no: str, demand: Demand, plan: SplitPlan | None) -> None:
        if not demand.backorder:
            await cancellation.mark(conn, order_no, "out_of_stock", "system")
        elif not await timeline.is_done(conn, order_no, "stock_short"):
            wait = timeline.waiting("stock", "the order is cancelled", self._settings.backorder_timeout_s)
            await timeline.append(conn, order_no, "stock_short", key="stock_short", data={"waiting": wait})
            await reservations.await_arrivals(conn, order_no)
            now = await reservations.demand_of(conn, order_no)
            able = [] if now.divided else await profiled_candidates.candidates_of(conn, order_no, now)
            if able or (plan is not None and await split_plans.has_more(conn, plan)):
                raise reservations.StockArrived
