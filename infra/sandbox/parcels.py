"""How a parcel moves: on request, or automatically."""

import time

from infra.sandbox.calls import Call, RefusalError, invalid
from infra.sandbox.clock import Alarm
from infra.sandbox.ledger import Ledger, Row, rfc3339
from infra.sandbox.webhooks import Webhooks

# A carrier only ever reports progress; a lost parcel may still turn up at the door.
AHEAD: dict[str, tuple[str, ...]] = {
    "booked": ("picked_up", "in_transit", "delivered", "lost", "refused"),
    "picked_up": ("in_transit", "delivered", "lost", "refused"),
    "in_transit": ("delivered", "lost", "refused"),
    "lost": ("delivered",),
    "delivered": (),
    "refused": (),
    "cancelled": (),
}
_AUTOMATIC = {"booked": "picked_up", "picked_up": "in_transit", "in_transit": "delivered"}
_STATUSES = AHEAD["booked"]
# Keys of parcels whose carrier is asked and tells nothing: SF Express.
UNTOLD = "sf:"


class Parcels:
    """Movement of shipments; due times are in the ledger, so parcels go on moving after a restart."""

    def __init__(self, ledger: Ledger, webhooks: Webhooks, step_s: float, manual: bool, quiet_transit: bool) -> None:
        self._ledger, self._webhooks = ledger, webhooks
        self._step_s, self._manual, self._quiet_transit = step_s, manual, quiet_transit
        self.alarm = Alarm(self._earliest_move, self._move_due)

    def first_move_at(self) -> float:
        """When a parcel booked now is picked up. A manual carrier keeps the time but does not act on it."""
        return time.time() + self._step_s

    def advance(self, call: Call) -> Row:
        """Move a parcel on; a move that is not ahead of it changes nothing. Raises RefusalError 404, 422."""
        status = call.body.get("status")
        if status not in _STATUSES:
            raise invalid(f"status must be one of {', '.join(_STATUSES)}")
        row = self._ledger.one("SELECT * FROM shipments WHERE id = ?", call.path["id"])
        if row is None:
            raise RefusalError(404, "not_found")
        if status not in AHEAD[row["status"]]:
            return row
        with self._ledger.write():
            return self._move(row, status, time.time())

    def _move(self, row: Row, status: str, now: float) -> Row:
        move_at = now + self._step_s if status in _AUTOMATIC else None
        moved = {**row, "status": status, "sequence": row["sequence"] + 1, "occurred_at": rfc3339(now)}
        sql = "UPDATE shipments SET status = ?, sequence = ?, occurred_at = ?, move_at = ? WHERE id = ?"
        self._ledger.run(sql, status, moved["sequence"], moved["occurred_at"], move_at, row["id"])
        if not (self._quiet_transit and status == "in_transit"):
            self._notify(moved)
        if move_at is not None:
            self.alarm.expect(move_at)
        return moved

    def _notify(self, row: Row) -> None:
        if row["idempotency_key"].startswith(UNTOLD):
            return
        names = ("id", "order_no", "status", "tracking_no", "occurred_at", "sequence")
        self._webhooks.enqueue("shipment.updated", {name: row[name] for name in names}, "carriers", "book")

    def _earliest_move(self) -> float | None:
        if self._manual:
            return None
        row = self._ledger.one("SELECT min(move_at) AS at FROM shipments WHERE move_at IS NOT NULL")
        return row["at"] if row else None

    def _move_due(self, now: float) -> None:
        with self._ledger.write():
            for row in self._ledger.all("SELECT * FROM shipments WHERE move_at <= ? ORDER BY move_at", now):
                self._move(row, _AUTOMATIC[row["status"]], now)
