"""What the statements that accept an order are given."""

from collections.abc import Sequence

from domain.orders.lines import PricedLine
from domain.pricing.allocation import Priced
from infra.db import idempotency
from infra.db.customers.profiles import CustomerRecord, KeyRing
from infra.db.orders.order_contacts import named
from infra.db.orders.placing.drafts import NewOrder, OrderAnswer
from infra.db.orders.placing.placement_statements import SHARED

# A first run that waits for its order keeps its key this much longer than it waits.
GRACE_S = 10.0


def question(draft: NewOrder) -> dict[str, object]:
    return {
        "subject": draft.request.subject,
        "key": draft.request.key,
        "customer_id": draft.customer_id,
        "channel": draft.channel,
        "external_ref": draft.external_ref,
        "skus": list({line.sku for line in draft.lines}),
    }


def order_values(
    keys: KeyRing, draft: NewOrder, order_no: str, total_minor: int, customer: CustomerRecord
) -> dict[str, object]:
    seal, key = keys.vault.seal_json, customer.plain_key
    values: dict[str, object] = {
        "order_no": order_no,
        "channel": draft.channel,
        "external_ref": draft.external_ref,
        "type": draft.type,
        "customer_id": draft.customer_id,
        "data_key": customer.data_key,
        "currency": draft.currency,
        "total_minor": str(total_minor),
        "country": draft.ship_to.country,
        "province": draft.ship_to.province,
        "city": draft.ship_to.city,
        "ship_to_enc": seal(key, draft.ship_to.as_json(), f"{order_no}:ship_to"),
        "note_enc": seal(key, draft.note, f"{order_no}:note") if draft.note else None,
        "backorder": draft.backorder,
        "ship_complete": draft.ship_complete,
        "actor": draft.actor,
        "trace": draft.trace,
        "priority": str(draft.priority),
        "unpaid_units": str(draft.unpaid_units),
    }
    if draft.delivery_slot is not None:
        values |= {"slot_from": draft.delivery_slot.start, "slot_to": draft.delivery_slot.end}
    if draft.on_terms is not None:
        values |= {"purchase_order": draft.on_terms.purchase_order, "terms_days": str(draft.on_terms.terms_days)}
    if customer.changed:
        values |= {
            "profile_enc": customer.profile_enc,
            "email_index": customer.email_index,
            "phone_index": customer.phone_index,
        }
    if draft.payment is not None:
        values["method"], values["token"] = draft.payment
        values["request_id"] = f"{order_no}:1"
    return values


def contact_values(keys: KeyRing, draft: NewOrder, customer: CustomerRecord) -> dict[str, object]:
    contact = named(keys, customer.plain_key, draft.customer_id, draft.profile, draft.ship_to)
    return {"contact_enc": contact.profile_enc, "terms": contact.terms}


def line_values(lines: Sequence[PricedLine]) -> dict[str, object]:
    """Numbers go as array literals: as lists, their types (and with them the plan) would vary with their size."""
    return {
        "skus": [line.sku for line in lines],
        "names": [line.name for line in lines],
        "quantities": "{" + ",".join(str(line.quantity) for line in lines) + "}",
        "prices": "{" + ",".join(str(line.unit_price_minor) for line in lines) + "}",
    }


def charge_values(sums: Priced) -> dict[str, object]:
    values: dict[str, object] = {"items_minor": str(sums.items_minor)}
    for name in SHARED:
        values[f"{name}_minor"] = str(getattr(sums, f"{name}_minor"))
        shared = ",".join(str(getattr(share, f"{name}_minor")) for share in sums.shares)
        values[f"{name}_shares"] = "{" + shared + "}"
    return values


def key_values(keys: KeyRing, draft: NewOrder, body: OrderAnswer) -> dict[str, object]:
    waits = draft.hold_s > 0
    return {
        "subject": draft.request.subject,
        "key": draft.request.key,
        "hash": draft.request.hash,
        "origin": draft.request.origin,
        "state": "running" if waits else "done",
        "response_enc": None if waits else idempotency.sealed(keys, draft.request, body),
        "hold_s": str(draft.hold_s + GRACE_S),
    }
