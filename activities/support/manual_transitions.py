"""Manual transitions of an order along the transition table."""

from activities.base import oms_activity
from activities.orders.views import view_of
from activities.payments import manual_records
from domain.errors import Conflict, RuleBroken
from domain.orders.status import OrderEvent, Status
from domain.shipping.shipments import ShipmentStatus
from domain.support.manual_transitions import adjustments, check_adjustment, named_part
from infra.db.engine import Connection, Database
from infra.db.orders.state import timeline
from infra.db.shipping.shipments import PartRef
from infra.db.support import manual_transitions
from infra.security.crypto import Unreadable, Vault
from infra.settings import Settings
from workflows import payloads as m


class ManualTransitionActivities:
    """Steps that use only the database."""

    def __init__(self, database: Database, vault: Vault, settings: Settings) -> None:
        self._db = database
        self._vault = vault
        self._settings = settings

    @oms_activity("adjust_order")
    async def adjust_order(self, request: m.AdjustRequest) -> m.OrderView:
        """Store what a person reports. Refuses with `adjustment_not_possible` if the database does not allow it."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, request.order_no)
            key = f"adjust:{request.act_id}"
            if not await timeline.is_done(conn, request.order_no, key):
                actor, value = await self._read_action(conn, request)
                await self._apply(conn, request, value)
                data = {"event": request.event, "act_id": request.act_id}
                data |= {"fulfilment_id": request.fulfilment_id} if request.fulfilment_id else {}
                await timeline.append(conn, request.order_no, "order_adjusted", actor, key=key, data=data)
            return await view_of(conn, request.order_no)

    async def _read_action(self, conn: Connection, request: m.AdjustRequest) -> tuple[str, dict[str, str]]:
        row = await manual_transitions.action_of(conn, request.order_no, request.act_id, request.event)
        if row is None:
            raise RuleBroken("act_unknown")
        try:
            key = self._vault.unwrap(row.data_key) if row.data_key else b""
            value = self._vault.open_json(key, row.value_enc, f"{request.act_id}:value") if row.value_enc else {}
        except Unreadable:
            raise RuleBroken("value_unreadable") from None
        if check_adjustment(OrderEvent(request.event), value) is not None:
            raise RuleBroken("value_does_not_fit")
        return row.actor, value

    async def _apply(self, conn: Connection, request: m.AdjustRequest, value: dict[str, str]) -> None:
        order_no, event = request.order_no, OrderEvent(request.event)
        context = await manual_transitions.load_context(conn, order_no)
        stops = context.cancelling or context.parked or context.held
        named = None if stops else named_part(event, context.status, context.parts, request.fulfilment_id or None)
        possible = adjustments(context.status, cancelling=context.cancelling, parked=context.parked, held=context.held)
        if event not in possible and named is None:
            raise Conflict("adjustment_not_possible")
        part = PartRef(order_no, named.number, several=True) if named else PartRef(order_no)
        match event:
            case OrderEvent.PAYMENT_RECORDED:
                await manual_records.record_capture(conn, context.status, order_no, value["reference"])
            case OrderEvent.SHIPMENT_RECORDED:
                tag = request.act_id.removeprefix("act_")[:8]
                await manual_records.record_parcel(conn, self._settings, context.status, part, tag, value)
            case OrderEvent.SHIPMENT_PICKED_UP:
                await manual_records.move_parcel(conn, self._settings, part, ShipmentStatus.PICKED_UP)
            case OrderEvent.SHIPMENT_DELIVERED:
                await manual_records.move_parcel(conn, self._settings, part, ShipmentStatus.DELIVERED)
            case _:
                await timeline.transition(conn, order_no, Status.DELIVERED, event, data={"waiting": None})
