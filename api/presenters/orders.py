"""Orders as the API shows them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from api.presenters import situations
from api.services.after_sales.return_lookup import REQUESTED_BY as RETURNED_BY
from api.services.orders.order_types import OrderFields, OrderRow
from api.services.payments.refunding import REFUNDED_BY
from domain.access import Principal
from domain.after_sales.delivery_exceptions import ParcelState, exception_actions
from domain.after_sales.return_window import ReturnWindow, refusal
from domain.after_sales.returns import OPEN
from domain.json_types import JsonFields, JsonObject
from domain.orders.payment_status import payment_state
from domain.orders.priority import named
from domain.orders.status import ChangeKind, Status, allowed_actions
from domain.orders.waiting import waiting_for
from domain.payments.payability import PayabilityFacts, facts_by_attempt, facts_on_terms, is_offered
from domain.payments.shipment_captures import CaptureMode
from domain.shipping.fulfilment_status import fulfilment_state
from domain.shipping.fulfilments import FulfilmentKind, FulfilmentStatus
from domain.shipping.shipments import ShipmentStatus
from infra.settings import Settings
from workflows import names

_FIELDS = (
    *("order_no", "channel", "external_ref", "type", "status", "total_minor", "items_minor"),
    *("discount_minor", "shipping_minor", "tax_minor"),
    *("currency", "customer", "ship_to", "note", "delivery_slot", "backorder", "ship_complete"),
    *("lines", "payments", "capture", "shipments", "fulfilments", "backorder_choice", "refunds", "returns"),
    *("exchange_of", "exchange_return"),
    *("purchase_order", "terms_days", "due_at", "owed_minor"),
    *("pending_change", "needs_attention", "created_at", "updated_at"),
)
_ROW = (
    *("order_no", "status", "channel", "external_ref", "customer_id", "total_minor", "currency"),
    *("created_at", "updated_at", "needs_attention", "hold", "warehouse"),
)


def returnable(order: OrderFields) -> bool:
    """True while goods of the order can be returned: its window is open, and a unit is on no return."""
    gone: Counter[int] = Counter()
    for part in order["fulfilments"]:
        if part["status"] == FulfilmentStatus.CANCELLED:
            gone.update({line["line_no"]: line["quantity"] for line in part["lines"]})
    left = any(line["returned_quantity"] + gone[line["line_no"]] < line["quantity"] for line in order["lines"])
    return left and refusal(_window(order), datetime.now(UTC)) is None


def _window(order: OrderFields | OrderRow) -> ReturnWindow:
    waiting = order["waiting"]
    until = waiting.get("until") if waiting else None
    return ReturnWindow(Status(order["status"]), None, datetime.fromisoformat(until) if until else None)


def waits_for_returns(order: OrderFields | OrderRow, deadlines: Sequence[str | None]) -> JsonFields | None:
    """After the window an order waits for its open returns, which have these deadlines. None while it does not."""
    if not deadlines or order["status"] != Status.DELIVERED or not _window(order).is_over(datetime.now(UTC)):
        return None
    until = min((deadline for deadline in deadlines if deadline), default=None)
    return {"what": "returns", "until": until, "next": "the order is completed"}


def _exception_actions(order: OrderFields) -> list[str]:
    """What the customer may choose while a parcel of the order is lost or refused."""
    given_up = {part["number"] for part in order["fulfilments"] if part["status"] == FulfilmentStatus.CANCELLED}
    parcels = [
        ParcelState(ShipmentStatus(parcel["status"]), parcel["replaced"], parcel["fulfilment_no"] in given_up)
        for parcel in order["shipments"]
    ]
    split = len(order["fulfilments"]) > 1
    return exception_actions(Status(order["status"]), order["cancelling"] is not None, parcels, split=split)


def _backorder_actions(order: OrderFields) -> list[str]:
    """What may be chosen for what waits for stock: to wait on once its date has slipped, to cancel a planned part."""
    if order["cancelling"] is not None:
        return []
    planned = any(
        part["status"] == FulfilmentStatus.PLANNED and part["kind"] == FulfilmentKind.PARCEL
        for part in order["fulfilments"]
    )
    standing = planned and order["status"] in (Status.PAID, Status.PREPARING)
    whole = order["status"] is Status.RECEIVED
    wait = ["wait_for_stock"] if order["backorder_choice"] is not None and (standing or whole) else []
    return wait + (["cancel_backorder"] if standing else [])


def _closed_by_parts(order: OrderFields) -> set[str]:
    """What an order that ships in several parts does not take: other lines, and a cancellation once one has left."""
    parts = {part["status"] for part in order["fulfilments"]}
    if len(order["fulfilments"]) < 2:
        return set()
    left = parts & {FulfilmentStatus.SHIPPED, FulfilmentStatus.DELIVERED}
    return {ChangeKind.LINES, "cancel"} if left else {ChangeKind.LINES}


def _waits_for_terms(order: OrderFields) -> JsonFields | None:
    """After its return window an order on payment terms waits until it is paid. None while it does not."""
    waiting = order["situation_facts"].waiting
    if waiting is None or waiting.what != "terms_payment":
        return None
    return {"what": waiting.what, "until": waiting.until, "next": "the order is completed"}


def terms_facts(order: OrderFields) -> PayabilityFacts:
    """Whether what is owed of an order on payment terms can be paid now."""
    owed = bool(order["owed_minor"]) and order["due_at"] is not None
    return facts_on_terms(order["status"], order["cancelling"] is not None, order["terms_attempt_state"], owed=owed)


def presented(order: OrderFields, caller: Principal, settings: Settings) -> JsonFields:
    """A whole order (see `infra.db.read_models.order_detail.whole_order`) for this caller; staff get the link into
    Temporal UI."""
    fields: JsonObject = order
    view = {name: fields[name] for name in _FIELDS}
    status, cancelling = Status(order["status"]), order["cancelling"]
    view["allowed_actions"] = allowed_actions(
        status,
        cancelling=cancelling is not None,
        awaiting_payment=is_offered(facts_by_attempt(status, cancelling is not None, order["attempt_state"])),
        refundable=caller.may_act_as(*REFUNDED_BY) and order["left_minor"] > 0,
        returnable=caller.may_act_as(*RETURNED_BY) and returnable(order),
        paying=order["paying"],
        parcel=order["booked"],
        change_waits=order["pending_change"] is not None,
        owed=is_offered(terms_facts(order)),
    )
    closed = _closed_by_parts(order) | ({ChangeKind.LINES} if order["capture"] is CaptureMode.SHIPMENT else set())
    view["allowed_actions"] = [one for one in view["allowed_actions"] if one not in closed]
    view["allowed_actions"] += _exception_actions(order) + _backorder_actions(order)
    view["waiting_for"] = waiting_for(order["status"], cancelling, order["waiting"], order["holds"])
    open_returns = [found["deadline"] for found in order["returns"] if found["status"] in OPEN]
    if (last := waits_for_returns(order, open_returns)) is not None:
        view["waiting_for"] = last
    if (owed := _waits_for_terms(order)) is not None:
        view["waiting_for"] = owed
    attention = order["needs_attention"]
    options = attention["options"] if attention else ()
    facts, stake = situations.facts_in(order, view["waiting_for"]), situations.at_stake(order)
    view["situation"] = situations.for_api(facts, caller, view["allowed_actions"], options, stake)
    view["priority"] = named(order["priority"])
    view["warehouse"] = order["warehouse"]
    if caller.is_staff:
        view["holds"] = order["holds"]
    view["cancelling"] = cancelling
    view["workflow_id"] = names.order_workflow(order["order_no"])
    if caller.is_staff and settings.temporal_ui_url:
        base = settings.temporal_ui_url.rstrip("/")
        view["temporal_ui_url"] = f"{base}/namespaces/{settings.temporal_namespace}/workflows/{view['workflow_id']}"
    return view


def row_presented(row: OrderRow, caller: Principal, situation: JsonFields | None = None) -> JsonFields:
    """A row of a list; `needs_attention` is the step that is parked, or None, `matched` what a search found of it. A
    page gives the situation in its reader's language."""
    fields: JsonObject = row
    view = {name: fields[name] for name in _ROW}
    view["matched"] = sorted(row["matched"])
    view["priority"] = named(row["priority"])
    view["waiting_for"] = waiting_for(row["status"], row["cancelling"], row["waiting"])
    view["situation"] = situation or situations.for_api(row["situation_facts"], caller)
    return view


def listed(row: OrderRow, caller: Principal, situation: JsonFields | None = None) -> JsonFields:
    """A row with its `details` (see `infra.db.orders.searching.row_details`): customer, items, where it goes, and the
    two statuses. The name and the city are null for staff who may not read personal data."""
    details, personal = row["details"], caller.reads_personal_data
    status, first = Status(row["status"]), row["warehouse"]
    return row_presented(row, caller, situation) | {
        "customer_name": details.customer.name if personal else None,
        "item_count": details.items,
        "item_names": details.item_names,
        "destination": {
            "country": row["country"],
            "province": row["province"],
            "city": row["city"] if personal else None,
        },
        "payment_status": payment_state(status, details.money),
        "fulfilment_status": fulfilment_state(status, details.parcel, held=row["hold"] is not None),
        "fulfilment_progress": asdict(details.progress) if details.progress else None,
        "warehouses": list(dict.fromkeys(part.warehouse for part in details.parts)) or ([first] if first else []),
    }
