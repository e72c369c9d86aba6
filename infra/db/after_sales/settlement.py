"""The settlement of an inspected return: pieces return to stock, then the customer gets the refund or the goods.

`SETTLINGS` says by resolution how a return is settled, `THROUGH` whether what was begun then is at its end.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.exchanges import ExchangeStatus, exchanged
from domain.after_sales.returns import SHOPS_FAULT, Disposition, LineFinding, LinePieces, Resolution
from domain.after_sales.settlement import (
    FoundUnits,
    advance_balance,
    as_new,
    found_units,
    percent_of,
    refunded_units,
    units_by_disposition,
    value_of,
)
from domain.errors import NotFound, RuleBroken
from domain.payments.refunds import OPEN, Origin, RefundStatus
from domain.stock.movements import MovementKind
from infra.db.after_sales import exchange_funding, exchanges, guarantees, returns
from infra.db.after_sales.exchange_funding import RefundInstruction
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.returns import Return
from infra.db.customers.profiles import KeyRing
from infra.db.literals import literals
from infra.db.payments import refund_plans, refunds, store_credit
from infra.db.payments.refund_plans import NewRefund, NewRefundLine, Plan
from infra.db.stock import movements
from infra.db.stock.movements import Move

NOTHING_DUE = "nothing_due"
_KINDS = {Disposition.ON_HAND: MovementKind.RETURN_RESTOCK, Disposition.QUARANTINE: MovementKind.QUARANTINE_IN}
_OPEN_REFUND = text(
    f"""SELECT EXISTS (SELECT FROM refunds
                        WHERE return_id = :return_id AND status IN ({literals(OPEN)}))"""  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class SettlementContext:
    """What a settlement needs to know; `keys` None keeps no text. What can be sold is put at `location`, if one is
    named."""

    keys: KeyRing | None
    terms: ReturnPolicy
    actor: str
    location: str | None = None


Settle = Callable[[AsyncConnection, Return, SettlementContext], Awaitable[str]]
Through = Callable[[AsyncConnection, Return], Awaitable[bool]]


async def shelve(
    conn: AsyncConnection, found_return: Return, found: Sequence[LineFinding], context: SettlementContext, *,
    checked: bool,
) -> None:  # fmt: skip
    """Return the units that came to stock; what was not inspected (`checked` False) is not put on sale."""
    units = {
        (sku, _KINDS[disposition]): count
        for (sku, disposition), count in units_by_disposition(found, checked=checked).items()
    }
    # Levels are locked in the order of their SKUs, as every order does.
    for (sku, kind), quantity in sorted(units.items()):
        key = f"{found_return.return_id}/{kind}/{sku}"
        at = context.location if kind is MovementKind.RETURN_RESTOCK else None
        move = Move(
            key, kind, sku, found_return.warehouse, quantity, found_return.return_id, context.actor,
            found_return.order_no, location=at,
        )  # fmt: skip
        await movements.move(conn, [move])


async def settle(conn: AsyncConnection, found_return: Return, context: SettlementContext) -> str:
    """Begin what the customer gets; answers with a code, `nothing_due` when that is nothing.

    The pieces are in stock already, in this transaction; money moves only after it, by the workflow of the order.
    """
    code = await SETTLINGS[found_return.resolution](conn, found_return, context)
    await returns.mark_settled(conn, found_return, code)
    return code


async def is_through(conn: AsyncConnection, found_return: Return) -> bool:
    """True when what `settle` began is at its end."""
    return found_return.settled is not None and await THROUGH[found_return.resolution](conn, found_return)


# ── refund and store credit ────────────────────────────────────────────────────────────────────────────────────────


async def refund(conn: AsyncConnection, found_return: Return, context: SettlementContext) -> str:
    """Open the refund of what came back, as far as it is not refunded yet."""
    return await _money(conn, found_return, context, credit=False)


async def credit(conn: AsyncConnection, found_return: Return, context: SettlementContext) -> str:
    """The same as store credit, which can be spent at once; above the limit it needs approval, as money does."""
    return await _money(conn, found_return, context, credit=True)


async def _money(conn: AsyncConnection, found_return: Return, context: SettlementContext, *, credit: bool) -> str:
    new, funding = (
        await new_refund_of(conn, found_return, context),
        await funding_worth(conn, found_return, context),
    )
    code = NOTHING_DUE
    if new is not None:
        opened = await refunds.open_refund(conn, context.keys, replace(new, as_credit=credit))
        code = f"{'credit' if credit else 'refund'}_{opened.status}"
        if credit and opened.status is RefundStatus.APPROVED:
            await store_credit.pay_with_credit(conn, found_return.order_no, new.refund_id, context.actor)
            code = "credit_granted"
    if funding:
        sources = await exchange_funding.funding_sources(conn, found_return.order_no)
        given = await exchange_funding.give_back(
            conn, sources, funding, giving(found_return, context, "value", credit=credit)
        )
        if given and code == NOTHING_DUE:
            code = await _funding_code(conn, found_return) if credit else "refund_approved"
    return code


async def _funding_code(conn: AsyncConnection, found_return: Return) -> str:
    """Whether the credit from the orders behind is there, or waits."""
    return (
        "credit_granted"
        if await exchange_funding.is_closed(conn, found_return.return_id)
        else "credit_awaiting_approval"
    )


def giving(found_return: Return, context: SettlementContext, tag: str, *, credit: bool = False) -> RefundInstruction:
    """How money of other orders goes back for this return."""
    limits, lifetime_s = context.terms.limits, context.terms.approval_lifetime_s
    return RefundInstruction(found_return.return_id, tag, context.actor, context.keys, limits, lifetime_s, credit)


async def funding_worth(conn: AsyncConnection, found_return: Return, context: SettlementContext) -> int:
    """What the units found carry of goods that they were given for; 0 where the order is no exchange."""
    units, percent = (
        await _found_units(conn, found_return),
        percent_of(found_return.reason_code, context.terms.damaged_percent),
    )
    return await exchange_funding.funded_amount(conn, found_return.order_no, found_return.return_id, units, percent)


async def _found_units(conn: AsyncConnection, found_return: Return) -> FoundUnits:
    return found_units(await returns.findings_of(conn, found_return.return_id, "inspected"))


# ── exchange ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def exchange(conn: AsyncConnection, found_return: Return, context: SettlementContext) -> str:
    """Place the new order against the value of what came back; what is left over of it goes back as money.

    Where nothing of value came, nothing is due; where the new order cannot be placed, the return is refunded.
    """
    wanted = await exchanges.find(conn, found_return)
    if wanted.status is ExchangeStatus.FELL_BACK:
        return await refund(conn, found_return, context)
    value = await worth_of(conn, found_return, context)
    if wanted.status is ExchangeStatus.PLACED:
        return await _settle_advance(conn, found_return, context, value, wanted.used_minor)
    await guarantees.on_goods_received(conn, found_return.return_id, 0)
    units = (await _found_units(conn, found_return)).together
    if not units:
        return NOTHING_DUE
    # What came may be worth nothing any more, or be a gift: then the new goods cost all that they cost, as announced.
    lines = wanted.lines or tuple(await exchanges.same_again(conn, found_return.order_no, units))
    new = exchanged(lines, value, context.terms.tax)
    if (
        await exchanges.place(conn, context.keys, found_return, lines, new, context.actor, context.terms.pay_within_s)
        is None
    ):
        await exchanges.mark_fallen_back(conn, found_return, "address_erased")
        return await refund(conn, found_return, context)
    if new.rest_minor:
        await exchange_funding.give_back(
            conn, await sources_of(conn, found_return), new.rest_minor, giving(found_return, context, "rest")
        )
    return "exchange_placed"


async def _settle_advance(
    conn: AsyncConnection, found_return: Return, context: SettlementContext, value: int, used: int
) -> str:
    """The new goods went out first: the guarantee is given back, or what the old ones are short of is claimed.

    Goods that come after all was claimed are paid for with what was claimed.
    """
    balance = advance_balance(value, used, await guarantees.claimed_minor(conn, found_return.return_id))
    await guarantees.on_goods_received(conn, found_return.return_id, balance.shortfall_minor)
    if balance.surplus_minor:
        sources = await sources_of(conn, found_return)
        await exchange_funding.give_back(conn, sources, balance.surplus_minor, giving(found_return, context, "rest"))
    return "exchange_placed"


async def place_in_advance(conn: AsyncConnection, found_return: Return, context: SettlementContext) -> bool:
    """Place the new order against the value of the old goods as new; False where the address is gone (erasure)."""
    wanted = await exchanges.find(conn, found_return)
    pieces = await returns.lines_of(conn, found_return.return_id)
    lines = wanted.lines or tuple(await exchanges.same_again(conn, found_return.order_no, _by_line(pieces)))
    new = exchanged(lines, await _as_new(conn, found_return, context, pieces), context.terms.tax)
    return (
        await exchanges.place(conn, context.keys, found_return, lines, new, context.actor, context.terms.pay_within_s)
        is not None
    )


async def _as_new(
    conn: AsyncConnection, found_return: Return, context: SettlementContext, pieces: Sequence[LinePieces]
) -> int:
    left = {line.line_no: line.units_left for line in await refund_plans.lines_of(conn, found_return.order_no)}
    lines = tuple(NewRefundLine(units.quantity, units.line_no) for units in as_new(pieces, left))
    fault = found_return.reason_code in SHOPS_FAULT
    new = NewRefund(
        "", found_return.order_no, Origin.RETURN, context.actor, "", lines, include_shipping=fault, exchanged=True
    )
    plan = await _planned(conn, new)
    units = FoundUnits(_by_line(pieces))
    funded = await exchange_funding.funded_amount(conn, found_return.order_no, found_return.return_id, units)
    return await _payable_value(conn, found_return, plan, funded)


def _by_line(pieces: Sequence[LinePieces]) -> dict[int, int]:
    return {line.line_no: line.quantity for line in pieces}


async def worth_of(conn: AsyncConnection, found_return: Return, context: SettlementContext) -> int:
    """What the units that came back are worth: money of this order, and of those that stand behind it."""
    new = await new_refund_of(conn, found_return, context)
    plan = await _planned(conn, replace(new, exchanged=True)) if new else None
    return await _payable_value(conn, found_return, plan, await funding_worth(conn, found_return, context))


async def _payable_value(conn: AsyncConnection, found_return: Return, plan: Plan | None, funded_minor: int) -> int:
    refundable = await exchange_funding.refundable_amount(conn, await sources_of(conn, found_return))
    return value_of(plan.amount_minor if plan else 0, funded_minor, refundable)


async def sources_of(conn: AsyncConnection, found_return: Return) -> list[tuple[str, tuple[int, ...]]]:
    """Where the money of this return's goods is: its own lines, then what stands behind their order."""
    mine = tuple(line.line_no for line in await returns.lines_of(conn, found_return.return_id))
    return [(found_return.order_no, mine), *await exchange_funding.funding_sources(conn, found_return.order_no)]


async def _exchange_closed(conn: AsyncConnection, found_return: Return) -> bool:
    through = await exchanges.is_through(conn, found_return) and await _refund_closed(conn, found_return)
    return through and await guarantees.is_closed(conn, found_return.return_id)


async def new_refund_of(conn: AsyncConnection, found_return: Return, context: SettlementContext) -> NewRefund | None:
    """The refund that the findings are worth; None where nothing is left to give back."""
    new = NewRefund(
        refund_id=f"rf_{hashlib.sha256(found_return.return_id.encode()).hexdigest()[:32]}",
        order_no=found_return.order_no,
        origin=Origin.RETURN,
        asked_by=context.actor,
        reason=f"return {found_return.return_no}: {found_return.reason_code}",
        lines=await _refunded_lines(
            conn, found_return, percent_of(found_return.reason_code, context.terms.damaged_percent)
        ),
        include_shipping=found_return.reason_code in SHOPS_FAULT,
        return_id=found_return.return_id,
        limits=context.terms.limits,
        approval_lifetime_s=context.terms.approval_lifetime_s,
    )
    return new if await _planned(conn, new) else None


async def _refunded_lines(conn: AsyncConnection, found_return: Return, percent: int) -> tuple[NewRefundLine, ...]:
    left = {line.line_no: line.units_left for line in await refund_plans.lines_of(conn, found_return.order_no)}
    found = await returns.findings_of(conn, found_return.return_id, "inspected")
    units = refunded_units(found, left, percent)
    return tuple(NewRefundLine(each.quantity, each.line_no, percent=each.percent) for each in units)


async def _planned(conn: AsyncConnection, new: NewRefund) -> Plan | None:
    """None where nothing is left to refund, or all of the order's money goes back anyway."""
    if not new.lines:
        return None
    try:
        return await refund_plans.planned(conn, new)
    except NotFound:
        raise
    except RuleBroken:
        return None


async def _refund_closed(conn: AsyncConnection, found_return: Return) -> bool:
    own_open = (await conn.execute(_OPEN_REFUND, {"return_id": found_return.return_id})).scalar_one()
    return not own_open and await exchange_funding.is_closed(conn, found_return.return_id)


SETTLINGS: dict[Resolution, Settle] = {
    Resolution.REFUND: refund,
    Resolution.STORE_CREDIT: credit,
    Resolution.EXCHANGE: exchange,
}
THROUGH: dict[Resolution, Through] = {
    Resolution.REFUND: _refund_closed,
    Resolution.STORE_CREDIT: _refund_closed,
    Resolution.EXCHANGE: _exchange_closed,
}
