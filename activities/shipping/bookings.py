"""Booking and recalling parcels: intent transaction, the carrier's call, outcome transaction."""

from collections.abc import Mapping

from activities.base import oms_activity
from activities.orders.inbox import parcel_moved, position_of
from activities.orders.views import view_of
from activities.shipping.carriers import Carriers, address_of
from domain.errors import RuleBroken
from domain.gateways import Booking, BookingLine, BookingRequest, CarrierGateway, Parcel
from domain.shipping.shipments import ShipmentStatus, has_left
from infra.db.autocommit import autocommit
from infra.db.engine import Connection, Database
from infra.db.messaging import inbox
from infra.db.orders import replaced_parcels
from infra.db.orders.state import timeline
from infra.db.shipping import part_progress, shipments, supplier_requests
from infra.db.shipping.shipments import PartRef, Shipment, ToShip
from infra.security.crypto import Unreadable, Vault
from infra.settings import Settings
from workflows import payloads as m


class ShippingActivities:
    """Steps that call carriers."""

    def __init__(
        self, database: Database, carriers: Mapping[str, CarrierGateway], vault: Vault, settings: Settings
    ) -> None:
        self._db = database
        self._carriers = Carriers(carriers)
        self._vault = vault
        self._settings = settings

    @oms_activity("book_shipment")
    async def book_shipment(self, ref: m.OrderRef) -> m.OrderView:
        """Book one parcel for the whole order and keep its label. Refuses `address_refused` and the like for good."""
        return await self._book_part(PartRef(ref.order_no))

    @oms_activity("book_fulfilment")
    async def book_fulfilment(self, ref: m.FulfilmentRef) -> m.OrderView:
        """The same for one of several fulfilments of an order."""
        return await self._book_part(PartRef(ref.order_no, ref.number, several=True))

    async def _book_part(self, part: PartRef) -> m.OrderView:
        async with autocommit(self._db) as conn:
            opened = await shipments.open_booking(conn, part, self._settings.carrier)
        if opened is None:
            return await self._view(part.order_no)
        shipment, goods = opened
        if shipment.awaits_supplier:
            async with self._db.begin() as conn:
                await supplier_requests.request(conn, part, shipment, self._settings)
                return await view_of(conn, part.order_no)
        known = await self._known(shipment)
        if known is not None and shipment.address_rev != goods.address_rev:
            return await self._replace(part, shipment, known)
        booking = known or await self._book(part.order_no, shipment, goods)
        return await self._save_booking(part, shipment, booking, goods)

    @oms_activity("cancel_shipment")
    async def cancel_shipment(self, ref: m.OrderRef) -> m.OrderView:
        """Recall the parcel. If the carrier already has it, this is stored and the order has shipped."""
        return await self._recall_part(PartRef(ref.order_no))

    @oms_activity("recall_fulfilment")
    async def recall_fulfilment(self, ref: m.FulfilmentRef) -> m.OrderView:
        """The same for one of several fulfilments of an order."""
        return await self._recall_part(PartRef(ref.order_no, ref.number, several=True))

    async def _recall_part(self, part: PartRef) -> m.OrderView:
        async with self._db.begin() as conn:
            shipment = await shipments.live_shipment(conn, part.order_no, part.number)
        if shipment is None or has_left(shipment.status):
            return await self._view(part.order_no)
        recalled = await self._recall(shipment)
        async with self._db.begin() as conn:
            await self._recalled(conn, part, shipment, recalled=recalled)
            return await view_of(conn, part.order_no)

    @oms_activity("stop_replacement")
    async def stop_replacement(self, ref: m.OrderRef) -> m.OrderView:
        """The first parcel arrived after all: call the second back, and deliver the order whether it comes or not."""
        async with self._db.begin() as conn:
            second = await shipments.live_shipment(conn, ref.order_no)
        waits = second is not None and not has_left(second.status)
        stopped = second is None or (waits and await self._recall(second))
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, ref.order_no)
            if second is not None and waits:
                stopped = await self._recalled(conn, PartRef(ref.order_no), second, recalled=stopped)
            number = second.shipment_id if second is not None else ""
            window_s = self._settings.return_window_s
            await replaced_parcels.settle(conn, ref.order_no, stopped=stopped, second=number, window_s=window_s)
            return await view_of(conn, ref.order_no)

    @oms_activity("stop_fulfilment")
    async def stop_fulfilment(self, ref: m.FulfilmentRef) -> m.OrderView:
        """The same for one of several fulfilments: it has arrived, whether the second parcel comes or not."""
        part = PartRef(ref.order_no, ref.number, several=True)
        async with self._db.begin() as conn:
            second = await shipments.live_shipment(conn, part.order_no, part.number)
        waits = second is not None and not has_left(second.status)
        stopped = second is None or (waits and await self._recall(second))
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, part.order_no)
            if second is not None and waits:
                stopped = await self._recalled(conn, part, second, recalled=stopped)
            await part_progress.arrived(conn, part, stopped=stopped, second=second, settings=self._settings)
            return await view_of(conn, part.order_no)

    # ── parts ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _recall(self, shipment: Shipment) -> bool:
        """Ask the carrier for the parcel back; False when it has left. What a person booked is known to no carrier of
        ours under any reference, whatever its carrier is called. Raises RuleBroken `carrier_not_connected`."""
        reference = shipment.carrier_ref
        if shipment.awaits_supplier:
            return await self._recall_from_supplier(shipment)
        if reference is None and shipment.status is not ShipmentStatus.BOOKING:
            raise RuleBroken("carrier_not_connected")
        if reference is None:
            known = await self._carriers.named(shipment.carrier).lookup(shipment.key)
            reference = known.shipment_ref if known else None
        if reference is None:
            return True
        return bool(await self._carriers.named(shipment.carrier).cancel(reference, f"{shipment.key}/cancel"))

    async def _recall_from_supplier(self, shipment: Shipment) -> bool:
        """True where it was not asked yet, or has refused. Else only the supplier knows: raises RuleBroken
        `supplier_asked`."""
        if shipment.status is ShipmentStatus.BOOKING:
            return True
        async with self._db.begin() as conn:
            order_no = await shipments.order_of(conn, shipment)
            await timeline.lock_order(conn, order_no)
            if await supplier_requests.recall(conn, order_no, shipment):
                return True
        raise RuleBroken("supplier_asked")

    async def _recalled(self, conn: Connection, part: PartRef, shipment: Shipment, *, recalled: bool) -> bool:
        """Write the carrier's answer under the order's lock; False when the parcel has left, or moved on meanwhile."""
        order_no = part.order_no
        await timeline.lock_order(conn, order_no)
        if not recalled:
            await shipments.set_status(conn, shipment, ShipmentStatus.PICKED_UP)
            if part.several:
                scan = ShipmentStatus.PICKED_UP
                await part_progress.moved(conn, part, shipment.status, scan, shipment.shipment_id, self._settings)
                return False
            standing = await position_of(conn, order_no)
            await parcel_moved(conn, order_no, standing, ShipmentStatus.PICKED_UP, self._settings)
            return False
        if not await shipments.cancelled(conn, shipment):
            return False
        await timeline.append(conn, order_no, "shipment_cancelled", key=f"{shipment.key}/cancel")
        return True

    async def _known(self, shipment: Shipment) -> Booking | None:
        """What an earlier try may have booked."""
        if shipment.tries == 1:
            return None
        return await self._carriers.named(shipment.carrier).lookup(shipment.key)

    async def _book(self, order_no: str, shipment: Shipment, goods: ToShip) -> Booking:
        try:
            address = self._vault.open_json(
                self._vault.unwrap(goods.data_key), goods.ship_to_enc, f"{order_no}:ship_to"
            )
        except Unreadable:
            raise RuleBroken("address_unreadable") from None
        request = BookingRequest(
            order_no=order_no,
            idempotency_key=shipment.key,
            reference=shipment.shipment_id,
            origin=goods.origin,
            destination=address_of(address),
            parcels=(Parcel(goods.weight_g),),
            lines=tuple(BookingLine(sku, quantity) for sku, quantity in goods.lines),
            slot=goods.slot,
        )
        return await self._carriers.named(shipment.carrier).book(request)

    async def _save_booking(self, part: PartRef, shipment: Shipment, booking: Booking, goods: ToShip) -> m.OrderView:
        label = self._vault.seal(self._vault.unwrap(goods.data_key), booking.label, f"{shipment.shipment_id}:label")
        wait = timeline.waiting("pickup", "support looks into it", self._settings.dispatch_timeout_s)
        parcel = {"carrier": shipment.carrier, "tracking_no": booking.tracking_no}
        data: dict[str, object] = {"shipment_id": shipment.shipment_id, **parcel}
        if part.several:
            saved, view = await self._save_part(part, shipment, booking, label, data)
        else:
            async with autocommit(self._db) as conn:
                saved = await shipments.booked(conn, shipment, booking, label, {**data, "waiting": wait})
                view = await view_of(conn, part.order_no, check_unapplied=False)
        if not saved:
            await self._cancel_late(part, shipment, booking)
        return view

    async def _save_part(
        self, part: PartRef, shipment: Shipment, booking: Booking, label: bytes, data: dict[str, object]
    ) -> tuple[bool, m.OrderView]:
        async with self._db.begin() as conn:
            status = await timeline.lock_order(conn, part.order_no)
            saved = await shipments.part_booked(conn, shipment, booking, label)
            if saved:
                await part_progress.booked(conn, part, status, data, self._settings)
                await inbox.reopen(conn, part.order_no, shipment.carrier, booking.shipment_ref)
            return saved, await view_of(conn, part.order_no, check_unapplied=False)

    async def _cancel_late(self, part: PartRef, shipment: Shipment, booking: Booking) -> None:
        """A try that was overtaken: a parcel that nobody waits for is called back."""
        async with self._db.begin() as conn:
            live = await shipments.live_shipment(conn, part.order_no, part.number)
        if live is None or live.key != shipment.key:
            await self._carriers.named(shipment.carrier).cancel(booking.shipment_ref, f"{shipment.key}/cancel")

    async def _replace(self, part: PartRef, shipment: Shipment, booking: Booking) -> m.OrderView:
        """The address was amended after a try that did book: call that parcel back, then book anew."""
        recalled = await self._carriers.named(shipment.carrier).cancel(booking.shipment_ref, f"{shipment.key}/cancel")
        if not recalled:
            raise RuleBroken("parcel_on_its_way")
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, part.order_no)
            await shipments.cancelled(conn, shipment)
        return await self._book_part(part)

    async def _view(self, order_no: str) -> m.OrderView:
        async with self._db.begin() as conn:
            return await view_of(conn, order_no)
