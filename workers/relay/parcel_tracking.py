"""Asks where parcels are whose carrier reports nothing, and keeps what is new as the carrier's own news."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from domain.gateways import CarrierNotification, GatewayError, TrackedParcel, TrackingGateway
from domain.shipping.shipments import ShipmentStatus, is_progress
from infra.db.autocommit import autocommit
from infra.db.engine import Database
from infra.db.messaging import inbox
from infra.db.shipping import tracking
from infra.db.shipping.tracking import DueParcel
from infra.security.crypto import Unreadable, Vault
from infra.settings import Settings

AT_ONCE = 10
_OVER = (ShipmentStatus.DELIVERED, ShipmentStatus.CANCELLED)
_log = logging.getLogger(__name__)


class ParcelTracking:
    """One per relay. A parcel without news is asked for half as often again each time, at most every `tracking_max_s`,
    and `tracking_limit` times in all; then its deadlines alone tell support of it."""

    def __init__(
        self, database: Database, vault: Vault, settings: Settings, trackers: Mapping[str, TrackingGateway]
    ) -> None:
        self._database, self._vault, self._settings, self._trackers = database, vault, settings, trackers

    async def step(self) -> bool:
        """Some parcels; True while there may be more."""
        if not self._trackers:
            return False
        async with autocommit(self._database) as connection:
            due = await tracking.claim(connection, list(self._trackers), AT_ONCE)
        for parcel in due:
            await self._track(parcel)
        return len(due) == AT_ONCE

    async def _track(self, parcel: DueParcel) -> None:
        known, error, news = ShipmentStatus(parcel.status), None, list[CarrierNotification]()
        if known not in _OVER:
            try:
                facts = await self._trackers[parcel.carrier].track(self._asked_for(parcel))
                news = [fact for fact in facts if is_progress(known, fact.status)]
            except GatewayError as failed:
                error = failed.code
                _log.info("a parcel could not be asked for", extra={"shipment": parcel.shipment_id, "code": error})
        async with autocommit(self._database) as connection:
            for fact in news:
                own = replace(fact, shipment_ref=parcel.carrier_ref, order_no=parcel.order_no)
                await inbox.keep_shipment(connection, parcel.carrier, own)
            last = max((fact.status for fact in news), key=_rank, default=known)
            pause = None if last in _OVER else self._pause(parcel, changed=bool(news))
            await tracking.asked(connection, parcel, changed=bool(news), pause=pause, error=error)

    def _pause(self, parcel: DueParcel, *, changed: bool) -> timedelta | None:
        own = self._settings
        if parcel.asked + 1 >= own.tracking_limit:
            return None
        times = 0 if changed else parcel.unchanged + 1
        return timedelta(seconds=min(own.tracking_s * 1.5 ** min(times, 30), max(own.tracking_s, own.tracking_max_s)))

    def _asked_for(self, parcel: DueParcel) -> TrackedParcel:
        return TrackedParcel(parcel.carrier, parcel.tracking_no, self._phone(parcel))

    def _phone(self, parcel: DueParcel) -> str:
        """Empty where the customer's data is erased."""
        if parcel.data_key is None:
            return ""
        try:
            key = self._vault.unwrap(parcel.data_key)
            return str(self._vault.open_json(key, parcel.ship_to_enc, f"{parcel.order_no}:ship_to").get("phone") or "")
        except Unreadable:
            return ""


def _rank(status: ShipmentStatus) -> int:
    return sum(is_progress(other, status) for other in ShipmentStatus)
