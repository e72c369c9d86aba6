"""Drafts of orders for a customer on the telephone: saved, changed, shown with what they cost, placed once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from pydantic import ValidationError

from api import pagination
from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.http.request_body import refused
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.orders.order_drafts import ChangeDraft, DraftAddress, DraftOrder
from api.schemas.orders.orders import PlaceOrder
from api.services.orders import order_placement, order_quotes
from api.services.orders.order_quotes import Quote
from domain.access import Principal, Role
from domain.errors import Conflict, NotFound, RuleBroken
from domain.json_types import JsonObject
from domain.orders.lines import RequestedLine
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.orders.placing import order_drafts
from infra.db.orders.placing.drafts import OrderAnswer
from infra.db.orders.placing.order_drafts import DraftContent, OrderDraft, OrderFromDraft
from infra.db.orders.searching import listing
from infra.db.read_models import customer_detail, order_detail
from infra.notifications.wording import portal_url
from infra.settings import Settings
from workflows import names

PREPARED_BY = (Role.SUPPORT,)
ANY = "*"
_CAN_BE_NONE = ("delivery_slot",)


class DraftFields(TypedDict):
    """What every answer tells of a draft."""

    draft_id: str
    version: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime


class DraftRow(DraftFields):
    """A draft of a list."""

    customer_name: str | None
    lines: int


class DraftProblem(TypedDict):
    """What is missing or wrong before the order can be placed."""

    field: str
    code: str


class DraftView(DraftFields):
    """A draft as the API answers it."""

    order_no: str | None
    content: JsonObject | None
    quote: Quote | None
    problems: list[DraftProblem]


class PlacedDraft(OrderFromDraft):
    """The order that the draft became, with its payment link."""

    workflow_id: str
    draft_id: str
    payment_url: str


@dataclass(frozen=True, slots=True)
class ShownDraft:
    """A draft with what it would cost, and what is missing or wrong before it can be placed."""

    draft: OrderDraft
    order: DraftOrder
    quote: Quote | None
    problems: list[DraftProblem]

    def as_json(self) -> DraftView:
        """As the API answers it."""
        return {
            **_fields(self.draft),
            "order_no": self.draft.order_no,
            "content": None if self.draft.order_no else self.order.model_dump(mode="json"),
            "quote": self.quote,
            "problems": self.problems,
        }


@dataclass(frozen=True, slots=True)
class KnownCustomer:
    """A customer for whom an order is prepared, with the address of their newest order."""

    customer_id: str
    person: dict[str, str]
    language: str
    ship_to: dict[str, str]


async def known_customer(services: Services, customer_id: str) -> KnownCustomer:
    """Raises NotFound `customer_not_found`."""
    async with services.database.begin() as conn:
        found = await customer_detail.detail(conn, services.keys, customer_id, 1)
        if found is None:
            raise NotFound("customer_not_found")
        rows = await listing.page(conn, listing.OrderListFilter(customer_id=customer_id, limit=1))
        newest = await order_detail.whole_order(conn, services.keys, rows[0]["order_no"]) if rows else None
    person = {name: found[name] or "" for name in ("name", "email", "phone")}
    stored = (newest["ship_to"] if newest else None) or {}
    ship_to = {name: str(stored.get(name) or "") for name in DraftAddress.model_fields}
    return KnownCustomer(customer_id, person, found["language"] or "", ship_to)


async def add(services: Services, caller: Principal, key: str, digest: bytes, content: DraftOrder) -> Reply:
    """A new draft: {draft_id, version}. Raises Conflict `too_many_drafts`."""
    draft_id = f"draft_{derived_id(caller, key, 'order draft')}"

    async def work(conn: Connection) -> dict[str, object]:
        lifetime_s = services.settings.order_draft_s
        await order_drafts.add(conn, services.keys, draft_id, actor(caller), _stored(content), lifetime_s)
        return {"draft_id": draft_id, "version": 1}

    return (await run_in_transaction(services, request_of(caller, key, digest), 201, work)).at(1)


async def save(
    services: Services, caller: Principal, key: str, digest: bytes, seen: tuple[str, str] | None, order: DraftOrder
) -> str:
    """All of the draft as a form has it; the draft's id. `seen` is its id and the version that was seen, None for a new
    draft. Raises as `add` and `change` do."""
    if seen is None:
        reply = await add(services, caller, key, digest, order)
    else:
        draft_id, version = seen
        changed = ChangeDraft.model_validate(dict(order))
        reply = await change(services, caller, key, digest, draft_id, frozenset({version}) - {ANY}, changed)
    return str(reply.content["draft_id"])


async def placed_order(services: Services, caller: Principal, draft_id: str) -> PlacedDraft:
    """The order that the draft became, with its payment link. Raises NotFound `draft_not_found`."""
    made = await _placed(services, caller, draft_id)
    if made is None:
        raise NotFound("draft_not_found")
    return _answer(services.settings, draft_id, made)


async def change(
    services: Services,
    caller: Principal,
    key: str,
    digest: bytes,
    draft_id: str,
    versions: frozenset[str],
    changed: ChangeDraft,
) -> Reply:
    """Replace parts of the draft as it was seen. Raises Problem `draft_changed` (412), NotFound `draft_not_found`,
    Conflict `draft_placed`."""
    made: list[int] = []

    async def work(conn: Connection) -> dict[str, object]:
        found = await _not_placed(conn, services, caller, draft_id)
        if ANY not in versions and str(found.version) not in versions:
            raise Problem("draft_changed")
        parts = {name: getattr(changed, name) for name in changed.model_fields_set}
        named = {name: part for name, part in parts.items() if part is not None or name in _CAN_BE_NONE}
        stored = _stored(_content(found).model_copy(update=named))
        await order_drafts.save(conn, services.keys, actor(caller), draft_id, stored, services.settings.order_draft_s)
        made.append(found.version + 1)
        return {"draft_id": draft_id, "version": found.version + 1}

    reply = await run_in_transaction(services, request_of(caller, key, digest), 200, work)
    return reply.at(made[0]) if made else reply


async def shown(services: Services, caller: Principal, draft_id: str) -> ShownDraft:
    """The caller's draft with its quote. Raises NotFound `draft_not_found`."""
    async with services.database.begin() as conn:
        found = await order_drafts.find(conn, services.keys, actor(caller), draft_id)
    content = _content(found)
    if found.order_no is not None:
        return ShownDraft(found, content, None, [])
    quoted = await order_quotes.quote(services, _lines(content), content.currency)
    return ShownDraft(found, content, quoted, _problems(services.settings, draft_id, content, quoted))


async def page(
    services: Services, caller: Principal, cursor: str | None, limit: int
) -> tuple[list[DraftRow], str | None]:
    """A page of the caller's open drafts, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    after = None
    if cursor is not None:
        at, draft_id = pagination.decoded(cursor, str, str)
        after = pagination.moment(at), draft_id
    async with services.database.begin() as conn:
        rows = await order_drafts.open_ones(conn, services.keys, actor(caller), after, limit)
    last = rows[limit - 1] if len(rows) > limit else None
    more = pagination.encoded([last.updated_at.isoformat(), last.draft_id]) if last else None
    return [_row(draft) for draft in rows[:limit]], more


async def delete(services: Services, caller: Principal, draft_id: str) -> None:
    """Delete the draft. Raises NotFound `draft_not_found`, Conflict `draft_placed`."""
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        await _not_placed(conn, services, caller, draft_id)
        await order_drafts.delete(conn, draft_id)


async def _not_placed(conn: Connection, services: Services, caller: Principal, draft_id: str) -> OrderDraft:
    """The draft, locked. What was placed stays as it is, also where the attempt was interrupted after the order: a
    change would keep the draft for longer than the key that places it once. Raises Conflict `draft_placed`."""
    found = await order_drafts.find(conn, services.keys, actor(caller), draft_id, lock=True)
    if found.order_no is not None or await order_drafts.made_under(conn, actor(caller), _key(draft_id)):
        raise Conflict("draft_placed")
    return found


async def place(services: Services, caller: Principal, draft_id: str, total_minor: int | None) -> Reply:
    """Make it an order, once: a repeat answers with the same order. The order waits for its payment.

    Raises Problem `validation_failed` with the fields, `draft_total_changed`; Conflict `stock_short`; and what placing
    an order raises. Nothing is placed then, and the draft stays.
    """
    placed = await _placed(services, caller, draft_id)
    if placed is not None:
        return Reply(_answer(services.settings, draft_id, placed), 201, replayed=True)
    view = await shown(services, caller, draft_id)
    order, quoted = _order(services.settings, draft_id, view.order, view.quote), view.quote
    if quoted is not None:
        _require_stock(quoted, backorder=order.backorder)
        if total_minor is not None and total_minor != quoted.total_minor and quoted.total_minor is not None:
            more = {"total_minor": quoted.total_minor, "currency": order.currency}
            raise Problem("draft_total_changed", more=more)
    made = await _make(services, caller, draft_id, order, total_minor)
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        await order_drafts.mark_placed(conn, draft_id, made["order_no"])
    return Reply(_answer(services.settings, draft_id, made), 201)


async def _placed(services: Services, caller: Principal, draft_id: str) -> OrderFromDraft | None:
    """The order that the draft became, also where an attempt was interrupted after it. Raises NotFound
    `draft_not_found`."""
    async with services.database.begin() as conn:
        found = await order_drafts.find(conn, services.keys, actor(caller), draft_id)
        if found.order_no is not None:
            return await order_drafts.order_of(conn, found.order_no)
        made = await order_drafts.made_under(conn, actor(caller), _key(draft_id))
        if made is not None:
            await actor_context.set_actor(conn, actor(caller), caller.origin)
            await order_drafts.mark_placed(conn, draft_id, made["order_no"])
        return made


async def _make(
    services: Services, caller: Principal, draft_id: str, order: PlaceOrder, total_minor: int | None
) -> OrderFromDraft:
    """The service of POST /v1/orders, under a key of the draft's own: of two at once one places it. A price that
    changes in this moment places nothing."""
    digest = hashlib.sha256(order.model_dump_json().encode()).digest()
    try:
        reply = await order_placement.place_order(services, caller, _key(draft_id), digest, order, 0.0, total_minor)
    except RuleBroken as error:
        if error.code != "idempotency_key_reused":
            raise
        async with services.database.begin() as conn:
            made = await order_drafts.made_under(conn, actor(caller), _key(draft_id))
        if made is None:
            raise
        return made
    placed: OrderAnswer = reply.content
    return {
        "order_no": placed["order_no"],
        "status": placed["status"],
        "total_minor": placed["total_minor"],
        "currency": placed["currency"],
    }


def _key(draft_id: str) -> str:
    return f"place {draft_id}"


def _answer(settings: Settings, draft_id: str, made: OrderFromDraft) -> PlacedDraft:
    order_no = made["order_no"]
    url = payment_url(settings, order_no)
    return {**made, "workflow_id": names.order_workflow(order_no), "draft_id": draft_id, "payment_url": url}


def payment_url(settings: Settings, order_no: str) -> str:
    """Where the customer pays the order."""
    return f"{portal_url(settings)}/orders/{order_no}/pay"


def _content(draft: OrderDraft) -> DraftOrder:
    return DraftOrder.model_validate(draft.content or {})


def _stored(order: DraftOrder) -> DraftContent:
    # Processes of a version that does not know the field read drafts, too.
    left_out = {"ship_complete"} if order.ship_complete else None
    return DraftContent(form=order.model_dump(mode="json", exclude=left_out), customer_id=order.customer.id)


def _lines(content: DraftOrder) -> list[RequestedLine]:
    return [RequestedLine(line.sku, line.quantity) for line in content.lines]


def _problems(settings: Settings, draft_id: str, content: DraftOrder, quoted: Quote) -> list[DraftProblem]:
    """What is missing or wrong: fields of the order, and lines by their number."""
    found: list[DraftProblem] = [
        {"field": f"lines.{line.line_no - 1}", "code": line.problem}
        for line in quoted.lines
        if line.problem is not None and not (line.problem == "stock_short" and content.backorder)
    ]
    try:
        _order(settings, draft_id, content, quoted)
    except Problem as problem:
        found += [{"field": str(one["field"]), "code": str(one["code"])} for one in problem.errors]
    return found


def _order(settings: Settings, draft_id: str, content: DraftOrder, quoted: Quote | None) -> PlaceOrder:
    """The draft as the body of POST /v1/orders. Raises Problem as that call does."""
    customer = content.customer
    to = content.ship_to.model_dump()
    to |= {"name": to["name"] or customer.name, "phone": to["phone"] or customer.phone}
    to["country"] = to["country"].upper()
    body = {
        "channel": content.channel or settings.customer_channel,
        "currency": content.currency or (quoted.currency if quoted else None) or "",
        "customer": {
            "id": customer.id or f"c-{draft_id.rpartition('_')[2][:16]}",
            "name": customer.name,
            "email": customer.email or None,
            "phone": customer.phone or None,
            "language": customer.language,
        },
        "ship_to": to,
        "lines": [line.model_dump() for line in content.lines],
        "note": content.note or None,
        "external_ref": content.external_ref or None,
        "delivery_slot": content.delivery_slot,
        "backorder": content.backorder,
        "ship_complete": content.ship_complete,
        "priority": content.priority,
    }
    try:
        return PlaceOrder.model_validate(body)
    except ValidationError as error:
        raise refused(error.errors(include_url=False, include_input=False)) from None


def _require_stock(quoted: Quote, *, backorder: bool) -> None:
    """Raises Problem `stock_short` that names the lines and what is available of each."""
    if quoted.in_stock or backorder:
        return
    short = [line for line in quoted.lines if line.problem == "stock_short"]
    if not short and any(line.problem for line in quoted.lines):
        return  # placing says what is wrong with the line
    errors = [
        {"field": f"lines.{line.line_no - 1}", "code": "stock_short", "sku": line.sku, "available": line.available}
        for line in short
    ]
    raise Problem("stock_short", _said(short), errors=errors)


def _said(short: Sequence[order_quotes.QuotedLine]) -> str:
    if not short:
        return "no warehouse has all of these items together; place an order for each part, or allow a backorder"
    lines = ", ".join(f"{line.sku} ({line.available} available)" for line in short)
    return f"fewer units are available than the lines want: {lines}; order fewer, or allow a backorder"


def _row(draft: OrderDraft) -> DraftRow:
    content = _content(draft)
    return {**_fields(draft), "customer_name": content.customer.name or None, "lines": len(content.lines)}


def _fields(draft: OrderDraft) -> DraftFields:
    return {
        "draft_id": draft.draft_id,
        "version": draft.version,
        "created_at": draft.created_at,
        "updated_at": draft.updated_at,
        "expires_at": draft.expires_at,
    }
