"""The carrier: book a parcel, get its label, call it back.

A shipment is `{id, order_no, status, tracking_no, cost_minor, currency, idempotency_key, sequence, created_at,
occurred_at}`; answers about a single one carry its `label` and
`delivery_slot` (null, or `{from, to}`) too. The address is looked at and forgotten.
"""

import base64
import math
import secrets
from typing import Any

from infra.sandbox.calls import Call, RefusalError, invalid
from infra.sandbox.label import label_pdf
from infra.sandbox.ledger import Ledger, Row, digest, new_id, rfc3339
from infra.sandbox.parcels import Parcels

_PRIVATE = ("seq", "fingerprint", "address_hash", "cancel_key", "move_at")
_CANCEL = "UPDATE shipments SET status = 'cancelled', cancel_key = ?, occurred_at = ?, move_at = NULL WHERE id = ?"
_CURRENCY = "CNY"
_FIRST_KG_MINOR = 800
_NEXT_KG_MINOR = 200
_OTHER_PROVINCE_MINOR = 400


def as_json(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _PRIVATE}


class Carriers:
    """Each method is one call of the carrier; refusals are `RefusalError`."""

    def __init__(self, ledger: Ledger, parcels: Parcels) -> None:
        self._ledger, self._parcels = ledger, parcels

    def book(self, call: Call) -> Row:
        """One key is one parcel. Raises RefusalError 422: address_refused, rejected, idempotency_key_reused."""
        order_no, key = call.text("order_no"), call.text("idempotency_key")
        address, cost_minor = _address(call.body.get("to")), _cost_minor(call.body)
        fields = {name: call.body.get(name) for name in ("order_no", "to", "parcels", "lines")}
        fingerprint = digest(fields)
        if row := self._ledger.one("SELECT * FROM shipments WHERE idempotency_key = ?", key):
            if row["fingerprint"] != fingerprint:
                raise RefusalError(422, "idempotency_key_reused")
            return self._whole(row)
        if call.rejected:
            raise RefusalError(422, "rejected")
        if any("UNDELIVERABLE" in str(address.get(name, "")).upper() for name in ("line1", "postcode")):
            raise RefusalError(422, "address_refused")
        return self._enter(order_no, key, cost_minor, fingerprint, digest(address), _slot(call.body))

    def cancel(self, call: Call) -> Row:
        """Call a parcel back; a cancelled one stays so. Raises RefusalError 404, 409 already_picked_up, 422."""
        key = call.text("idempotency_key")
        row = self._by_id(call.path["id"])
        if row["status"] == "cancelled":
            return self._whole(row)
        if call.rejected:
            raise RefusalError(422, "rejected")
        if row["status"] != "booked":
            raise RefusalError(409, "already_picked_up")
        with self._ledger.write():
            self._ledger.run(_CANCEL, key, rfc3339(), row["id"])
        return self._whole(self._by_id(row["id"]))

    def price_minor(self, body: Row) -> int:
        """What a parcel from here to there costs. Raises RefusalError 422."""
        return _cost_minor(body)

    def advance(self, call: Call) -> Row:
        return as_json(self._parcels.advance(call))

    def get(self, call: Call) -> Row:
        """Raises RefusalError 404."""
        return self._whole(self._by_id(call.path["id"]))

    def lookup(self, call: Call) -> Row:
        """The shipment that was booked, or called back, under a key. Raises RefusalError 404."""
        if row := self._by_key(call.wanted_key()):
            return self._whole(row)
        raise RefusalError(404, "not_found")

    def order_of(self, call: Call) -> str | None:
        """The order of this call, if it says so or the ledger knows it."""
        if named := call.body.get("order_no") or call.query.get("order_no"):
            return str(named)
        if "id" in call.path:
            row = self._ledger.one("SELECT * FROM shipments WHERE id = ?", call.path["id"])
        else:
            row = self._by_key(call.query.get("idempotency_key", ""))
        return row["order_no"] if row else None

    def _enter(
        self, order_no: str, key: str, cost_minor: int, fingerprint: str, address_hash: str, slot: Row | None
    ) -> Row:
        now, move_at = rfc3339(), self._parcels.first_move_at()
        row = {
            "id": new_id("shp"),
            "order_no": order_no,
            "status": "booked",
            "tracking_no": f"SBX{secrets.randbelow(10**13):013d}",
            "cost_minor": cost_minor,
            "currency": _CURRENCY,
            "idempotency_key": key,
            "fingerprint": fingerprint,
            "address_hash": address_hash,
            "sequence": 0,
            "created_at": now,
            "occurred_at": now,
            "move_at": move_at,
        }
        with self._ledger.write():
            self._ledger.insert("shipments", row)
            if slot:
                self._ledger.insert("delivery_slots", {"shipment_id": row["id"], **slot})
        self._parcels.alarm.expect(move_at)
        return self._whole(row)

    def _whole(self, row: Row) -> Row:
        known = self._ledger.one("SELECT * FROM delivery_slots WHERE shipment_id = ?", row["id"])
        slot = {"from": known["slot_from"], "to": known["slot_to"]} if known else None
        pdf = label_pdf(row["order_no"], row["tracking_no"], slot)
        label = {"format": "PDF", "content_base64": base64.b64encode(pdf).decode()}
        return {**as_json(row), "delivery_slot": slot, "label": label}

    def _by_id(self, shipment_id: str) -> Row:
        row = self._ledger.one("SELECT * FROM shipments WHERE id = ?", shipment_id)
        if row is None:
            raise RefusalError(404, "not_found")
        return row

    def _by_key(self, key: str) -> Row | None:
        sql = "SELECT * FROM shipments WHERE idempotency_key = ? UNION ALL SELECT * FROM shipments WHERE cancel_key = ?"
        return self._ledger.one(sql, key, key)


def _address(value: Any) -> Row:
    if not isinstance(value, dict) or not value:
        raise invalid("to must be an address")
    return value


def _slot(body: Row) -> Row | None:
    slot = body.get("delivery_slot")
    if slot is None:
        return None
    if not isinstance(slot, dict) or not all(isinstance(slot.get(name), str) for name in ("from", "to")):
        raise invalid("delivery_slot must be {from, to}")
    return {"slot_from": slot["from"], "slot_to": slot["to"]}


def _cost_minor(body: Row) -> int:
    """Freight: by started kilogram, and a surcharge into another province."""
    parcels = body.get("parcels")
    if not isinstance(parcels, list) or not parcels:
        raise invalid("parcels must be a list of at least one {weight_g}")
    weights = [parcel.get("weight_g") if isinstance(parcel, dict) else None for parcel in parcels]
    total_minor = 0
    for weight_g in weights:
        if type(weight_g) is not int or weight_g < 0:
            raise invalid("weight_g must be an integer that is not negative")
        total_minor += _FIRST_KG_MINOR + _NEXT_KG_MINOR * max(math.ceil(weight_g / 1000) - 1, 0)
    origin = body.get("from")
    province = origin.get("province") if isinstance(origin, dict) else None
    return total_minor + (_OTHER_PROVINCE_MINOR if province != body["to"].get("province") else 0)
