"""The steps of a return: reading it, its deadlines, its label."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC

from activities.base import oms_activity
from activities.orders.inbox import apply_inbox
from activities.orders.views import policy_of
from activities.shipping.carriers import Carriers, address_of
from domain.after_sales.return_deadlines import LabelStatus, is_label_unused, label_work
from domain.after_sales.returns import CLOSED, ReturnDue
from domain.errors import RuleBroken
from domain.gateways import Booking, BookingLine, BookingRequest, CarrierGateway, Parcel
from infra.db.after_sales import return_deadlines, return_labels, returns
from infra.db.after_sales.return_labels import LabelBooking
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.settlement import SettlementContext
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Connection, Database
from infra.db.orders.state import timeline
from infra.security.crypto import Unreadable, Vault
from infra.settings import Settings
from workflows import payloads as m


async def return_view(conn: Connection, return_id: str) -> m.ReturnView:
    """Read the return's view. Raises NotFound."""
    order_return = await returns.find(conn, return_id)
    due = await return_deadlines.next_due(conn, order_return)
    return m.ReturnView(
        order_no=order_return.order_no,
        return_id=return_id,
        status=order_return.status,
        closed=order_return.status in CLOSED,
        act=due.action if due else "",
        due=due.at.astimezone(UTC).isoformat() if due else "",
        label=label_work(order_return),
    )


class ReturnActivities:
    """Steps that use only the database, and one that calls a carrier."""

    def __init__(
        self, database: Database, carriers: Mapping[str, CarrierGateway], vault: Vault, settings: Settings
    ) -> None:
        self._db = database
        self._carriers = Carriers(carriers)
        self._keys = KeyRing(vault)
        self._settings = settings
        self._terms = ReturnPolicy.from_settings(settings)

    @oms_activity("load_return")
    async def load_return(self, ref: m.ReturnRef) -> m.ReturnView:
        """Where the return stands."""
        async with self._db.begin() as conn:
            return replace(await return_view(conn, ref.return_id), policy=policy_of(self._settings))

    @oms_activity("tend_return")
    async def process_due_return(self, due: m.ReturnActionDue) -> m.ReturnView:
        """What happens automatically, unless it is no longer due: a scan that is already stored takes precedence."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, due.order_no)
            await apply_inbox(conn, due.order_no, self._settings)
            order_return = await returns.find(conn, due.return_id)
            context = SettlementContext(self._keys, self._terms, "system")
            await return_deadlines.process_due(conn, order_return, ReturnDue(due.act), context)
            return await return_view(conn, due.return_id)

    @oms_activity("fail_return_label")
    async def fail_return_label(self, failed: m.LabelFailed) -> m.ReturnView:
        """There is no label; the customer is notified, and may use another carrier."""
        async with self._db.begin() as conn:
            order_return = await returns.lock(conn, failed.return_id)
            if await return_labels.failed(conn, order_return.return_id):
                data = {**order_return.facts, "code": failed.error}
                await timeline.append(conn, order_return.order_no, "return_label_failed", data=data)
            return await return_view(conn, failed.return_id)

    @oms_activity("book_return_label")
    async def book_return_label(self, ref: m.ReturnRef) -> m.ReturnView:
        """Book a parcel from the customer to the warehouse and keep its label. Refuses like any booking, for good."""
        async with self._db.begin() as conn:
            wanted = await return_labels.open_booking(conn, ref.return_id, self._settings.carrier)
        if wanted is None:
            return await self._view(ref.return_id)
        carrier = self._carriers.named(wanted.carrier)
        known = await carrier.lookup(wanted.key) if wanted.tries > 1 else None
        booking = known or await carrier.book(self._request(wanted))
        if not await self._save_label(wanted, booking):
            # It was cancelled meanwhile: a label that nobody waits for is given back.
            await carrier.cancel(booking.shipment_ref, f"{wanted.key}/cancel")
        return await self._view(ref.return_id)

    @oms_activity("cancel_return_label")
    async def cancel_return_label(self, ref: m.ReturnRef) -> m.ReturnView:
        """Give back a label that nobody has used; one that is on its way after all is left alone."""
        async with self._db.begin() as conn:
            order_return = await returns.find(conn, ref.return_id)
        if not is_label_unused(order_return) or order_return.carrier is None:
            return await self._view(ref.return_id)
        carrier, key = (
            self._carriers.named(order_return.carrier),
            f"{order_return.order_no}/return/{order_return.return_no}",
        )
        # The answer of the one who booked it may be lost.
        known = None if order_return.carrier_ref else await carrier.lookup(key)
        reference = known.shipment_ref if known else order_return.carrier_ref
        recalled = await carrier.cancel(reference, f"{key}/cancel") if reference else True
        async with self._db.begin() as conn:
            await returns.lock(conn, ref.return_id)
            await return_labels.given_back(conn, ref.return_id, recalled=bool(recalled))
            return await return_view(conn, ref.return_id)

    async def _save_label(self, wanted: LabelBooking, booking: Booking) -> bool:
        label = self._keys.vault.seal(self._keys.unwrap(wanted.data_key), booking.label, f"{wanted.return_id}:label")
        async with self._db.begin() as conn:
            order_return = await returns.lock(conn, wanted.return_id)
            if order_return.label is LabelStatus.BOOKED:
                return True
            if not await return_labels.booked(conn, wanted, booking, label):
                return False
            data = {**order_return.facts, "carrier": wanted.carrier, "tracking_no": booking.tracking_no}
            await timeline.append(conn, order_return.order_no, "return_label_booked", data=data)
            return True

    def _request(self, wanted: LabelBooking) -> BookingRequest:
        try:
            address = self._keys.vault.open_json(
                self._keys.unwrap(wanted.data_key), wanted.ship_to_enc, f"{wanted.order_no}:ship_to"
            )
        except Unreadable:
            raise RuleBroken("address_unreadable") from None
        return BookingRequest(
            # At the carrier it is a parcel of its own: whoever counts an order's parcels there finds one.
            order_no=wanted.reference,
            idempotency_key=wanted.key,
            reference=wanted.reference,
            origin=address_of(address),
            destination=wanted.warehouse,
            parcels=(Parcel(wanted.weight_g),),
            lines=tuple(BookingLine(sku, quantity) for sku, quantity in wanted.lines),
        )

    async def _view(self, return_id: str) -> m.ReturnView:
        async with self._db.begin() as conn:
            return await return_view(conn, return_id)
