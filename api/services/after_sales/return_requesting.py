"""Requesting a return: what it would bring, and the request itself."""

from collections.abc import Sequence
from dataclasses import asdict

from api.dependencies import Services, actor, derived_id, methods
from api.errors import Problem
from api.idempotency import run_in_transaction
from api.replies import Reply
from api.schemas.after_sales.return_previews import (
    KeptAmount,
    PreviewedExchange,
    PreviewedLine,
    PreviewedRefund,
    ReturnConsequence,
    Why,
)
from api.schemas.after_sales.returns import AskReturn
from api.schemas.order_lines import split
from api.services.after_sales import return_lookup
from api.services.after_sales.keyed_request import KeyedRequest
from domain.access import Principal, Role
from domain.after_sales.returns import SHOPS_FAULT, Condition, Resolution, ReturnDue, ReturnStatus
from infra.db.after_sales import exchange_quotes, return_photographs, return_requests
from infra.db.after_sales.return_fields import ReturnView
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.return_requests import ReturnQuote, ReturnRequest
from infra.db.after_sales.settlement import SETTLINGS
from infra.db.engine import Connection
from infra.db.files import stored_files
from infra.db.orders.placing import unpaid_limits


def _return_request_of(
    caller: Principal, key: str, order_no: str, request: AskReturn, known: Sequence[str]
) -> ReturnRequest:
    """The request as the database takes it; `known` are the methods of payment here.

    Raises Problem `resolution_not_offered`, `exchange_lines_not_expected`, `advance_not_expected`,
    `guarantee_payment_missing`, `unknown_payment_method`.
    """
    if request.resolution not in SETTLINGS:
        raise Problem("resolution_not_offered", f"a return is settled by {', '.join(sorted(SETTLINGS))}")
    units, named = split(request.lines)
    return ReturnRequest(
        return_id=f"rt_{derived_id(caller, key, f'return {order_no}')}",
        order_no=order_no,
        units=units,
        exchange_for=_exchange_for(request),
        guarantee=_guarantee(request, known),
        reason=request.reason,
        reason_code=request.reason_code,
        resolution=request.resolution,
        requested_by=actor(caller),
        photographs=tuple(request.photographs),
        named=named,
    )


def _exchange_for(request: AskReturn) -> dict[str, int]:
    """What is wanted instead; {} for the same goods again. Raises Problem `exchange_lines_not_expected`."""
    if request.exchange_lines and request.resolution is not Resolution.EXCHANGE:
        raise Problem("exchange_lines_not_expected", "name exchange_lines with the resolution exchange only")
    units: dict[str, int] = {}
    for line in request.exchange_lines or ():
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def _guarantee(request: AskReturn, known: Sequence[str]) -> tuple[str, str] | None:
    """The payment that stands for the old goods while they are not here."""
    if not request.advance:
        if request.payment is not None:
            raise Problem("advance_not_expected", "a return is paid for only with advance: true")
        return None
    if request.resolution is not Resolution.EXCHANGE:
        raise Problem("advance_not_expected", "only an exchange sends goods in advance")
    if request.payment is None:
        raise Problem("guarantee_payment_missing", "name the payment on which the guarantee is authorised")
    if request.payment.method not in known:
        raise Problem("unknown_payment_method", f"payment.method is {' or '.join(known)} here")
    return request.payment.method, request.payment.token


async def preview(services: Services, caller: Principal, order_no: str, request: AskReturn) -> ReturnConsequence:
    """What the return would bring; nothing changes. Raises what `request_return` raises."""
    terms = ReturnPolicy.from_settings(services.settings)
    requested = _return_request_of(caller, "preview", order_no, request, methods(services.settings))
    async with services.database.begin() as conn:
        return_quote = await return_requests.quote(conn, terms, requested)
        instead = await exchange_quotes.quote(conn, terms, requested, return_quote)
    return ReturnConsequence(
        resolution=requested.resolution,
        status=ReturnStatus.APPROVED if return_quote.approved_at_once else ReturnStatus.REQUESTED,
        lines=[PreviewedLine(line_no=one.line_no, sku=one.sku, quantity=one.quantity) for one in return_quote.pieces],
        refund=_refund(return_quote),
        kept=_retained(return_quote, requested),
        send_within_s=terms.waits.send_s,
        answer_within_s=None if return_quote.approved_at_once else terms.waits.answer_s,
        window_until=return_quote.window_until,
        default_outcome=ReturnDue.EXPIRE if return_quote.approved_at_once else ReturnDue.APPROVE,
        exchange=None if instead is None else PreviewedExchange.model_validate(asdict(instead)),
    )


def _refund(return_quote: ReturnQuote) -> PreviewedRefund:
    """What goes back if all of it arrives as new."""
    plan = return_quote.plan
    sums = {
        "amount_minor": return_quote.amount_minor,
        "goods_minor": (plan.goods_minor if plan else 0) + return_quote.funding_minor,
        "shipping_minor": plan.shipping_minor if plan else 0,
    }
    return PreviewedRefund.model_validate({**sums, "currency": return_quote.currency, "if": Condition.AS_NEW})


def _retained(return_quote: ReturnQuote, requested: ReturnRequest) -> list[KeptAmount]:
    """What of these pieces' worth does not come back, and why."""
    lines = return_quote.plan.lines if return_quote.plan else ()
    shipping = sum(line.shipping_worth_minor - line.shipping_minor for line in lines)
    goods = sum(line.goods_worth_minor - line.goods_minor for line in lines)
    goods += return_quote.funding_worth_minor - return_quote.funding_minor
    amounts = []
    if shipping > 0:
        fault = requested.reason_code in SHOPS_FAULT
        why: Why = "refunded_before" if fault else "shipping_is_kept_unless_the_shop_is_at_fault"
        amounts.append(KeptAmount(what="shipping", amount_minor=shipping, why=why))
    if goods > 0:
        amounts.append(KeptAmount(what="goods", amount_minor=goods, why="refunded_before"))
    return amounts


def return_of(reply: Reply) -> str:
    """The return that `request_return` made."""
    return str(reply.content["return_id"])


async def request_return(
    services: Services, keyed: KeyedRequest, order_no: str, request: AskReturn, uploaded: Sequence[str] = ()
) -> Reply:
    """Keep the request with the photographs that its form has `uploaded`. Raises Conflict `not_delivered`,
    `return_window_closed`, `return_exceeds_delivered`; `unpaid_limit_reached`; RuleBroken `unknown_line`; Problem
    `resolution_not_offered`."""
    terms = ReturnPolicy.from_settings(services.settings)
    requested = _return_request_of(keyed.caller, keyed.key, order_no, request, methods(services.settings))

    async def work(conn: Connection) -> ReturnView:
        made = await return_requests.open_return(conn, services.keys, terms, requested)
        if keyed.caller.role is Role.CUSTOMER and requested.exchange_for:
            await unpaid_limits.require_exchanged_within(conn, order_no, services.settings.unpaid_units_per_customer)
        for file_id in await stored_files.owned(conn, uploaded, keyed.caller.subject) if uploaded else ():
            await return_photographs.add(conn, made.return_id, file_id, actor(keyed.caller))
        return await return_lookup.view_of(conn, services, keyed.caller, made.return_id)

    return await run_in_transaction(services, keyed.claim, 201, work)
