"""Planned parts of orders: reserved when their stock arrives, given up when it never does."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from activities.base import oms_activity
from activities.orders.views import view_of
from domain.orders.status import Status
from domain.sourcing.deciding import decide
from domain.sourcing.decision import Share
from domain.sourcing.promise import promised
from infra.db.after_sales import missing_parts
from infra.db.engine import Connection, Database
from infra.db.orders.state import timeline
from infra.db.shipping import part_progress
from infra.db.shipping.shipments import PartRef
from infra.db.stock import planned_parts
from infra.db.stock.planned_parts import PartPlan
from infra.db.stock.reservations import StockContended
from infra.settings import Settings
from workflows import payloads as m

# How often it is read again when other orders reserved first, before it is tried again later.
TRIES = 5


class PlannedPartActivities:
    """Steps that use only the database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._db = database
        self._settings = settings

    @oms_activity("reserve_fulfilment")
    async def reserve_fulfilment(self, ref: m.FulfilmentRef) -> m.OrderView:
        """Reserve all of a planned part, at one warehouse or several; it waits on where they do not have it."""
        for _ in range(TRIES):
            plan = await self._decided(ref)
            if plan is None:
                return await self._view(ref.order_no)
            try:
                return await self._reserve(ref, plan)
            except StockContended:
                # Another order reserved first: read again. This attempt left nothing.
                continue
        raise StockContended

    @oms_activity("expire_fulfilment")
    async def expire_fulfilment(self, ref: m.FulfilmentRef) -> m.OrderView:
        """The stock never came: the part is cancelled, and its money goes back."""
        async with self._db.begin() as conn:
            status = await timeline.lock_order(conn, ref.order_no)
            if status in (Status.PAID, Status.PREPARING):
                await missing_parts.cancel(conn, ref.order_no, ref.number, "out_of_stock", "system", self._settings)
            return await view_of(conn, ref.order_no)

    async def _decided(self, ref: m.FulfilmentRef) -> PartPlan | None:
        """Who could ship it: read in one transaction, decided in none. None where nobody can."""
        most = self._settings.max_fulfilments
        async with self._db.begin() as conn:
            inputs = await planned_parts.inputs_of(conn, ref.order_no, ref.number, most)
        if inputs is None:
            return None
        request, profile = inputs
        decision = await asyncio.to_thread(decide, request, profile)
        if not decision.shares or len(decision.shares) > (request.preferences.max_fulfilments or most):
            return None
        promise = promised(request, decision, profile, datetime.now(UTC))
        return PartPlan(request.lines, decision.shares, {part.warehouse: part.arrives_by for part in promise.plan})

    async def _reserve(self, ref: m.FulfilmentRef, plan: PartPlan) -> m.OrderView:
        async with self._db.begin() as conn:
            status = await timeline.lock_order(conn, ref.order_no)
            last = await planned_parts.may_reserve(conn, ref.order_no, status)
            if last and await planned_parts.is_current(conn, ref.order_no, ref.number, plan):
                numbers = await planned_parts.reserve(conn, ref.order_no, ref.number, last, plan)
                await self._tell(conn, ref.order_no, dict(zip(numbers, plan.shares, strict=True)))
            return await view_of(conn, ref.order_no)

    async def _tell(self, conn: Connection, order_no: str, parts: Mapping[int, Share]) -> None:
        """Each has stock now, and is to be booked."""
        for number, share in parts.items():
            units = sum(line.quantity for line in share.lines)
            data = {"warehouse": share.warehouse, "units": units}
            await part_progress.tell(conn, PartRef(order_no, number, several=True), "fulfilment_reserved", data)

    async def _view(self, order_no: str) -> m.OrderView:
        async with self._db.begin() as conn:
            return await view_of(conn, order_no)
