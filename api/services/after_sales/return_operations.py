"""Returns: what the HTTP calls, the console's forms and the portal all do.

They are decided in the books, under the order's lock, and answered at once, also while Temporal is down.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import Services, actor, derived_id, methods
from api.errors import Problem
from api.idempotency import in_books
from api.presenters.orders import RETURNED_BY
from api.replies import Reply
from api.schemas.after_sales.returns import AskReturn, FoundPieces, SentReturn
from api.schemas.order_lines import split
from domain.access import Principal, Role
from domain.after_sales.returns import SHOPS_FAULT, Condition, Found, Resolution, ReturnDue, ReturnStatus, allowed_acts
from domain.errors import NotFound
from infra.db import idempotency
from infra.db.after_sales import exchange_quotes, return_handling, return_queries, return_requests, returns
from infra.db.after_sales.return_policy import ReturnTerms
from infra.db.after_sales.return_requests import Outlook, ReturnAsk
from infra.db.after_sales.returns import Return
from infra.db.after_sales.settlement import SETTLINGS, Settling
from infra.db.orders import unpaid_limits
from infra.observability.telemetry import bind_order

ASKED_BY = RETURNED_BY
HANDLED_BY = (Role.SUPPORT, Role.WAREHOUSE)
_ROLES = {
    **dict.fromkeys(("approve", "reject", "receive", "inspect"), HANDLED_BY),
    "cancel": ASKED_BY,
}

Act = Callable[[AsyncConnection, Return], Awaitable[Return]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, under which idempotency key, and the digest that a repeat must have."""

    caller: Principal
    key: str
    digest: bytes

    @property
    def request(self) -> idempotency.Request:
        return idempotency.Request(actor(self.caller), self.key, self.digest, self.caller.origin)


def digest_of(what: str) -> bytes:
    """What a repeat of an act without a body must be equal to."""
    return hashlib.sha256(what.encode()).digest()


def terms_of(parts: Services) -> ReturnTerms:
    """The shop's terms."""
    return ReturnTerms.from_settings(parts.settings)


def wish_of(caller: Principal, key: str, order_no: str, wish: AskReturn, known: Sequence[str]) -> ReturnAsk:
    """The request as the books take it; `known` are the methods of payment here.

    Raises Problem `resolution_not_offered`, `exchange_lines_not_expected`, `advance_not_expected`,
    `guarantee_payment_missing`, `unknown_payment_method`.
    """
    if wish.resolution not in SETTLINGS:
        raise Problem("resolution_not_offered", f"a return is settled by {', '.join(sorted(SETTLINGS))}")
    wanted, named = split(wish.lines)
    return ReturnAsk(
        return_id=f"rt_{derived_id(caller, key, f'return {order_no}')}",
        order_no=order_no,
        wanted=wanted,
        exchange_for=_exchange_for(wish),
        guarantee=_guarantee(wish, known),
        reason=wish.reason,
        reason_code=wish.reason_code,
        resolution=wish.resolution,
        requested_by=actor(caller),
        photographs=tuple(wish.photographs),
        named=named,
    )


def _exchange_for(wish: AskReturn) -> dict[str, int]:
    """What is wanted instead; {}: the same again. Raises Problem `exchange_lines_not_expected`."""
    if wish.exchange_lines and wish.resolution is not Resolution.EXCHANGE:
        raise Problem("exchange_lines_not_expected", "name exchange_lines with the resolution exchange only")
    units: dict[str, int] = {}
    for line in wish.exchange_lines or ():
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def _guarantee(wish: AskReturn, known: Sequence[str]) -> tuple[str, str] | None:
    """The payment that stands for the old goods while they are not here."""
    if not wish.advance:
        if wish.payment is not None:
            raise Problem("advance_not_expected", "a return is paid for only with advance: true")
        return None
    if wish.resolution is not Resolution.EXCHANGE:
        raise Problem("advance_not_expected", "only an exchange sends goods in advance")
    if wish.payment is None:
        raise Problem("guarantee_payment_missing", "name the payment on which the guarantee is authorised")
    if wish.payment.method not in known:
        raise Problem("unknown_payment_method", f"payment.method is {' or '.join(known)} here")
    return wish.payment.method, wish.payment.token


async def preview(parts: Services, caller: Principal, order_no: str, wish: AskReturn) -> dict[str, Any]:
    """What the return would bring; nothing changes. Raises what `ask` raises."""
    terms, wanted = terms_of(parts), wish_of(caller, "preview", order_no, wish, methods(parts.settings))
    async with parts.database.begin() as conn:
        seen = await return_requests.outlook(conn, terms, wanted)
        instead = await exchange_quotes.outlook(conn, terms, wanted, seen)
    return {"order_no": order_no, "consequence": previewed(seen, wanted, terms) | {"exchange": instead}}


def previewed(seen: Outlook, wanted: ReturnAsk, terms: ReturnTerms) -> dict[str, Any]:
    """The outlook for programs: what comes back, what is kept and why, until when to act."""
    status = ReturnStatus.APPROVED if seen.approved_at_once else ReturnStatus.REQUESTED
    lines = [{"line_no": one.line_no, "sku": one.sku, "quantity": one.quantity} for one in seen.pieces]
    return {
        "resolution": wanted.resolution,
        "status": status,
        "lines": lines,
        "refund": {
            "amount_minor": seen.amount_minor,
            "goods_minor": (seen.plan.goods_minor if seen.plan else 0) + seen.behind_minor,
            "shipping_minor": seen.plan.shipping_minor if seen.plan else 0,
            "currency": seen.currency,
            "if": "as_new",
        },
        "kept": _kept(seen, wanted),
        "send_within_s": terms.waits.send_s,
        "answer_within_s": None if seen.approved_at_once else terms.waits.answer_s,
        "window_until": seen.window_until,
        "default_outcome": ReturnDue.EXPIRE if seen.approved_at_once else ReturnDue.APPROVE,
    }


def _kept(seen: Outlook, wanted: ReturnAsk) -> list[dict[str, Any]]:
    """What of these pieces' worth does not come back, and why."""
    lines = seen.plan.lines if seen.plan else ()
    shipping = sum(line.shipping_worth_minor - line.shipping_minor for line in lines)
    goods = sum(line.goods_worth_minor - line.goods_minor for line in lines)
    goods += seen.behind_worth_minor - seen.behind_minor
    fault = wanted.reason_code in SHOPS_FAULT
    why = "refunded_before" if fault else "shipping_is_kept_unless_the_shop_is_at_fault"
    kept = [{"what": "shipping", "amount_minor": shipping, "why": why}] if shipping > 0 else []
    return kept + ([{"what": "goods", "amount_minor": goods, "why": "refunded_before"}] if goods > 0 else [])


async def ask(parts: Services, asked: Asked, order_no: str, wish: AskReturn) -> Reply:
    """Keep the request. Raises Conflict `not_delivered`, `return_window_closed`, `return_exceeds_delivered`;
    `unpaid_limit_reached`; RuleBroken `unknown_line`; Problem `resolution_not_offered`."""
    terms, wanted = terms_of(parts), wish_of(asked.caller, asked.key, order_no, wish, methods(parts.settings))

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        made = await return_requests.request(conn, parts.keys, terms, wanted)
        if asked.caller.role is Role.CUSTOMER and wanted.exchange_for:
            await unpaid_limits.require_exchanged_within(conn, order_no, parts.settings.unpaid_units_per_customer)
        return await shown(conn, parts, asked.caller, made.return_id)

    return await in_books(parts, asked.request, 201, work)


async def approve(parts: Services, asked: Asked, return_id: str) -> Reply:
    """Say yes. Raises Conflict `return_closed`."""
    terms, name = terms_of(parts), actor(asked.caller)
    return await _act(parts, asked, return_id, lambda conn, here: return_handling.approve(conn, here, name, terms))


async def reject(parts: Services, asked: Asked, return_id: str, reason: str) -> Reply:
    """Say no, and why. Raises Conflict `return_decided`."""
    terms, name = terms_of(parts), actor(asked.caller)

    async def work(conn: AsyncConnection, here: Return) -> Return:
        return await return_handling.reject(conn, here, name, terms, parts.keys, reason)

    return await _act(parts, asked, return_id, work)


async def cancel(parts: Services, asked: Asked, return_id: str) -> Reply:
    """The customer keeps it. Raises Conflict `return_not_cancellable`."""
    terms, name = terms_of(parts), actor(asked.caller)
    return await _act(parts, asked, return_id, lambda conn, here: return_handling.cancel(conn, here, name, terms))


async def sent(parts: Services, asked: Asked, return_id: str, wish: SentReturn) -> Reply:
    """The customer has sent it by a carrier of his own. Raises Conflict `return_closed`."""
    terms, name = terms_of(parts), actor(asked.caller)

    async def work(conn: AsyncConnection, here: Return) -> Return:
        return await return_handling.sent(conn, here, name, terms, wish.carrier, wish.tracking_no)

    return await _act(parts, asked, return_id, work)


async def receive(parts: Services, asked: Asked, return_id: str, wish: FoundPieces) -> Reply:
    """It is in the warehouse. Raises Conflict `return_already_received`, `return_closed`, `more_than_returned`."""
    terms, name = terms_of(parts), actor(asked.caller)

    async def work(conn: AsyncConnection, here: Return) -> Return:
        return await return_handling.receive(conn, here, name, terms, _told(wish))

    return await _act(parts, asked, return_id, work)


async def inspect(parts: Services, asked: Asked, return_id: str, wish: FoundPieces) -> Reply:
    """Say what it is; pieces go to their shelves and the refund is opened, in one transaction."""
    how = Settling(parts.keys, terms_of(parts), actor(asked.caller))

    async def work(conn: AsyncConnection, here: Return) -> Return:
        return await return_handling.inspect(conn, here, how, _told(wish))

    return await _act(parts, asked, return_id, work)


def _told(wish: FoundPieces) -> list[Found]:
    return [Found(line.sku, line.quantity, Condition(line.condition), line.line_no) for line in wish.lines]


async def _act(parts: Services, asked: Asked, return_id: str, act: Act) -> Reply:
    async def work(conn: AsyncConnection) -> dict[str, Any]:
        await act(conn, await returns.locked(conn, return_id))
        return await shown(conn, parts, asked.caller, return_id)

    return await in_books(parts, asked.request, 200, work)


async def shown(conn: AsyncConnection, parts: Services, caller: Principal, return_id: str) -> dict[str, Any]:
    """The return for this caller. Raises NotFound `return_not_found`, also for what is not his to know."""
    found = await return_queries.one(conn, parts.keys, return_id)
    if not caller.may_see_order(found.customer_id, found.channel):
        raise NotFound("return_not_found")
    return found.shown | {"allowed_actions": actions(caller, found.shown["status"])}


def actions(caller: Principal, status: str) -> list[str]:
    """What this caller may do with a return in `status`."""
    return [act for act in allowed_acts(ReturnStatus(status)) if caller.may_act_as(*_ROLES[act])]


async def visible(parts: Services, caller: Principal, return_id: str) -> dict[str, Any]:
    """The object-level check that calls on one return begin with. Raises NotFound `return_not_found`."""
    if len(return_id) > 64 or not return_id.isascii() or not return_id.isprintable():
        raise NotFound("return_not_found")
    async with parts.database.begin() as conn:
        found = await shown(conn, parts, caller, return_id)
    bind_order(found["order_no"])
    return found
