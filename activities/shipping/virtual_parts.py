"""Parts of orders that have no parcel: codes are issued, services count as performed."""

from datetime import UTC, datetime, timedelta

from activities.base import oms_activity
from activities.orders.views import view_of
from domain.orders.status import Status
from domain.shipping.fulfilments import FulfilmentKind
from infra.db.engine import Connection, Database
from infra.db.orders.state import timeline
from infra.db.shipping import fulfilments, virtual_parts
from infra.db.shipping.shipments import PartRef
from infra.db.shipping.virtual_parts import StandingPart
from infra.db.virtual import issuing
from infra.settings import Settings
from workflows import payloads as m

# The clocks of the workflow, whose timer has fired, and of the database differ a little.
_CLOCKS_DIFFER = timedelta(seconds=5)


class VirtualPartActivities:
    """Steps that use only the database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._db = database
        self._settings = settings

    @oms_activity("deliver_virtual")
    async def deliver_virtual(self, ref: m.FulfilmentRef) -> m.OrderView:
        """Issue the codes of the part, or see whether its service counts as performed by now. What is missing stays
        planned: its status says so. Nothing happens while the order is not paid, held or being cancelled."""
        async with self._db.begin() as conn:
            status = await timeline.lock_order(conn, ref.order_no)
            part = await virtual_parts.part_of(conn, ref.order_no, ref.number)
            if part is not None and status in (Status.PAID, Status.PREPARING, Status.SHIPPED):
                await self._deliver(conn, PartRef(ref.order_no, ref.number, several=True), part)
            return await view_of(conn, ref.order_no)

    async def _deliver(self, conn: Connection, ref: PartRef, part: StandingPart) -> None:
        if part.kind is FulfilmentKind.CODES:
            if not await issuing.issue(conn, ref.order_no, ref.number):
                await virtual_parts.deliver(conn, ref, "codes_issued", "system", self._settings)
            return
        if part.due_at is None and part.confirmed_after_days is not None:
            due_at = datetime.now(UTC) + timedelta(days=part.confirmed_after_days)
            await fulfilments.set_due(conn, ref, due_at)
        elif part.due_at is not None and part.due_at <= datetime.now(UTC) + _CLOCKS_DIFFER:
            await virtual_parts.deliver(conn, ref, "service_performed", "system", self._settings)
