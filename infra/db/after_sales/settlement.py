"""What comes of a return once it is inspected: pieces onto their shelves, then what the customer gets.

`SETTLINGS` says by resolution how a return is settled, `THROUGH` whether what was begun then is at its end.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.exchanges import exchanged
from domain.after_sales.returns import CONDITIONS, SHOPS_FAULT, LineFound, Resolution, Shelf
from domain.errors import NotFound, RuleBroken
from domain.payments.refunds import Origin, RefundStatus
from domain.stock.movements import MovementKind
from infra.db.after_sales import exchange_funding, exchanges, guarantees, returns
from infra.db.after_sales.exchange_funding import RefundInstruction
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.returns import Return
from infra.db.customers.profiles import KeyRing
from infra.db.payments import refund_plans, refunds, store_credit
from infra.db.payments.refund_plans import LineAsk, Plan, RefundAsk
from infra.db.stock import movements
from infra.db.stock.movements import Move

NOTHING_DUE = "nothing_due"
_KINDS = {Shelf.ON_HAND: MovementKind.RETURN_RESTOCK, Shelf.QUARANTINE: MovementKind.QUARANTINE_IN}
_OPEN_REFUND = text(
    """SELECT EXISTS (SELECT FROM refunds
                       WHERE return_id = :return_id AND status IN ('awaiting_approval', 'approved'))"""
)


@dataclass(frozen=True, slots=True)
class SettlementContext:
    """What a settlement needs to know; `keys` None keeps no text."""

    keys: KeyRing | None
    terms: ReturnPolicy
    actor: str


Settle = Callable[[AsyncConnection, Return, SettlementContext], Awaitable[str]]
Through = Callable[[AsyncConnection, Return], Awaitable[bool]]


async def shelve(conn: AsyncConnection, here: Return, found: Sequence[LineFound], actor: str, *, checked: bool) -> None:
    """Put what came onto its shelf; what nobody has looked at (`checked` False) is not put on sale."""
    units: dict[tuple[str, MovementKind], int] = {}
    for one in found:
        shelf = CONDITIONS[one.condition].shelf
        if shelf is not None:
            kind = _KINDS[shelf if checked else Shelf.QUARANTINE]
            units[one.sku, kind] = units.get((one.sku, kind), 0) + one.quantity
    # Levels are locked in the order of their SKUs, as every order does.
    for (sku, kind), quantity in sorted(units.items()):
        key = f"{here.return_id}/{kind}/{sku}"
        move = Move(key, kind, sku, here.warehouse, quantity, here.return_id, actor, here.order_no)
        await movements.move(conn, [move])


async def settle(conn: AsyncConnection, here: Return, how: SettlementContext) -> str:
    """Begin what the customer gets; answers with a code, `nothing_due` when that is nothing.

    The pieces are on their shelves already, in this transaction; money moves only after it, by the order's workflow.
    """
    code = await SETTLINGS[here.resolution](conn, here, how)
    await returns.mark_settled(conn, here, code)
    return code


async def is_through(conn: AsyncConnection, here: Return) -> bool:
    """True when what `settle` began is at its end."""
    return here.settled is not None and await THROUGH[here.resolution](conn, here)


# ── refund and store credit ────────────────────────────────────────────────────────────────────────────────────────


async def refund(conn: AsyncConnection, here: Return, how: SettlementContext) -> str:
    """Open the refund of what came back, as far as it is not refunded yet."""
    return await _money(conn, here, how, credit=False)


async def credit(conn: AsyncConnection, here: Return, how: SettlementContext) -> str:
    """The same as store credit, which can be spent at once; above the limit a second person decides, as of money."""
    return await _money(conn, here, how, credit=True)


async def _money(conn: AsyncConnection, here: Return, how: SettlementContext, *, credit: bool) -> str:
    ask, behind = await refund_ask(conn, here, how), await worth_behind(conn, here, how)
    code = NOTHING_DUE
    if ask is not None:
        opened = await refunds.open_refund(conn, how.keys, replace(ask, as_credit=credit))
        code = f"{'credit' if credit else 'refund'}_{opened.status}"
        if credit and opened.status is RefundStatus.APPROVED:
            await store_credit.pay_with_credit(conn, here.order_no, ask.refund_id, how.actor)
            code = "credit_granted"
    if behind:
        sources = await exchange_funding.funding_sources(conn, here.order_no)
        given = await exchange_funding.give_back(conn, sources, behind, giving(here, how, "value", credit=credit))
        if given and code == NOTHING_DUE:
            code = await _behind_code(conn, here) if credit else "refund_approved"
    return code


async def _behind_code(conn: AsyncConnection, here: Return) -> str:
    """Whether the credit from the orders behind is there, or waits."""
    return "credit_granted" if await exchange_funding.is_closed(conn, here.return_id) else "credit_awaiting_approval"


def giving(here: Return, how: SettlementContext, tag: str, *, credit: bool = False) -> RefundInstruction:
    """How money of other orders goes back for this return."""
    limits, lifetime_s = how.terms.limits, how.terms.approval_lifetime_s
    return RefundInstruction(here.return_id, tag, how.actor, how.keys, limits, lifetime_s, credit)


async def worth_behind(conn: AsyncConnection, here: Return, how: SettlementContext) -> int:
    """What the pieces found carry of goods that they were given for; 0 where the order is no exchange."""
    whole, reduced = await _found_units(conn, here)
    both = {line: whole.get(line, 0) + reduced.get(line, 0) for line in {*whole, *reduced}}
    return await exchange_funding.funded_amount(conn, here.order_no, here.return_id, both, reduced, _percent(here, how))


async def _found_units(conn: AsyncConnection, here: Return) -> tuple[dict[int, int], dict[int, int]]:
    """({line: units as good as new}, {line: units that may be reduced})."""
    whole: dict[int, int] = {}
    reduced: dict[int, int] = {}
    for one in await returns.findings_of(conn, here.return_id, "inspected"):
        rule = CONDITIONS[one.condition]
        if rule.refunded:
            units = reduced if rule.percent_applies else whole
            units[one.line_no] = units.get(one.line_no, 0) + one.quantity
    return whole, reduced


# ── exchange ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def exchange(conn: AsyncConnection, here: Return, how: SettlementContext) -> str:
    """Place the new order against the value of what came back; what is left over of it goes back as money.

    Where nothing of value came, nothing is due; where the new order cannot be placed, the return is refunded.
    """
    wanted = await exchanges.find(conn, here)
    if wanted.status == "fell_back":
        return await refund(conn, here, how)
    value = await value_of(conn, here, how)
    if wanted.status == "placed":
        return await _came_after(conn, here, how, value, wanted.used_minor)
    await guarantees.on_goods_received(conn, here.return_id, 0)
    units = await _all_units(conn, here)
    if not units:
        return NOTHING_DUE
    # What came may be worth nothing any more, or be a gift: then the new goods cost all that they cost, as was told.
    lines = wanted.lines or tuple(await exchanges.same_again(conn, here.order_no, units))
    new = exchanged(lines, value, how.terms.tax)
    if await exchanges.place(conn, how.keys, here, lines, new, how.actor, how.terms.pay_within_s) is None:
        await exchanges.mark_fallen_back(conn, here, "address_erased")
        return await refund(conn, here, how)
    if new.rest_minor:
        await exchange_funding.give_back(conn, await sources_of(conn, here), new.rest_minor, giving(here, how, "rest"))
    return "exchange_placed"


async def _came_after(conn: AsyncConnection, here: Return, how: SettlementContext, value: int, used: int) -> str:
    """The new goods went out first: the guarantee is given back, or what the old ones are short of is claimed.

    Goods that come after all was claimed are paid for with what was claimed.
    """
    claimed = await guarantees.claimed_minor(conn, here.return_id)
    await guarantees.on_goods_received(conn, here.return_id, used - value)
    over = min(value, claimed) if claimed else value - used
    if over > 0:
        await exchange_funding.give_back(conn, await sources_of(conn, here), over, giving(here, how, "rest"))
    return "exchange_placed"


async def place_in_advance(conn: AsyncConnection, here: Return, how: SettlementContext) -> bool:
    """Place the new order against the value of the old goods as new; False where the address is gone (erasure)."""
    wanted = await exchanges.find(conn, here)
    pieces = {line.line_no: line.quantity for line in await returns.lines_of(conn, here.return_id)}
    lines = wanted.lines or tuple(await exchanges.same_again(conn, here.order_no, pieces))
    new = exchanged(lines, await _as_new(conn, here, how, pieces), how.terms.tax)
    return await exchanges.place(conn, how.keys, here, lines, new, how.actor, how.terms.pay_within_s) is not None


async def _as_new(conn: AsyncConnection, here: Return, how: SettlementContext, pieces: dict[int, int]) -> int:
    left = {line.line_no: line.units_left for line in await refund_plans.lines_of(conn, here.order_no)}
    lines = tuple(LineAsk(min(n, left[line]), line) for line, n in pieces.items() if min(n, left[line]))
    fault = here.reason_code in SHOPS_FAULT
    ask = RefundAsk("", here.order_no, Origin.RETURN, how.actor, "", lines, include_shipping=fault, exchanged=True)
    plan = await _planned(conn, ask)
    behind = await exchange_funding.funded_amount(conn, here.order_no, here.return_id, pieces)
    worth = (plan.amount_minor if plan else 0) + behind
    return min(worth, await exchange_funding.refundable_amount(conn, await sources_of(conn, here)))


async def value_of(conn: AsyncConnection, here: Return, how: SettlementContext) -> int:
    """What came back is worth: money of this order, and of those that stand behind it; no more than is left of them."""
    ask = await refund_ask(conn, here, how)
    plan = await _planned(conn, replace(ask, exchanged=True)) if ask else None
    behind = await worth_behind(conn, here, how)
    worth = (plan.amount_minor if plan else 0) + behind
    return min(worth, await exchange_funding.refundable_amount(conn, await sources_of(conn, here)))


async def sources_of(conn: AsyncConnection, here: Return) -> list[tuple[str, tuple[int, ...]]]:
    """Where the money of this return's goods is: its own lines, then what stands behind their order."""
    mine = tuple(line.line_no for line in await returns.lines_of(conn, here.return_id))
    return [(here.order_no, mine), *await exchange_funding.funding_sources(conn, here.order_no)]


async def _all_units(conn: AsyncConnection, here: Return) -> dict[int, int]:
    whole, reduced = await _found_units(conn, here)
    return {line: whole.get(line, 0) + reduced.get(line, 0) for line in {*whole, *reduced}}


async def _exchange_closed(conn: AsyncConnection, here: Return) -> bool:
    through = await exchanges.is_through(conn, here) and await _refund_closed(conn, here)
    return through and await guarantees.is_closed(conn, here.return_id)


async def refund_ask(conn: AsyncConnection, here: Return, how: SettlementContext) -> RefundAsk | None:
    """The refund that the findings are worth; None where nothing is left to give back."""
    ask = RefundAsk(
        refund_id=f"rf_{hashlib.sha256(here.return_id.encode()).hexdigest()[:32]}",
        order_no=here.order_no,
        origin=Origin.RETURN,
        asked_by=how.actor,
        reason=f"return {here.return_no}: {here.reason_code}",
        lines=await _refundable(conn, here, _percent(here, how)),
        include_shipping=here.reason_code in SHOPS_FAULT,
        return_id=here.return_id,
        limits=how.terms.limits,
        approval_lifetime_s=how.terms.approval_lifetime_s,
    )
    return ask if await _planned(conn, ask) else None


def _percent(here: Return, how: SettlementContext) -> int:
    """What of a damaged piece's worth is given back."""
    return 100 if here.reason_code in SHOPS_FAULT else how.terms.damaged_percent


async def _refundable(conn: AsyncConnection, here: Return, percent: int) -> tuple[LineAsk, ...]:
    """Units refunded in full, then those at `percent`; no more of a line than is not refunded yet."""
    left = {line.line_no: line.units_left for line in await refund_plans.lines_of(conn, here.order_no)}
    asked: list[LineAsk] = []
    found = await returns.findings_of(conn, here.return_id, "inspected")
    for one in sorted(found, key=lambda each: CONDITIONS[each.condition].percent_applies):
        rule = CONDITIONS[one.condition]
        units = min(one.quantity, left[one.line_no]) if rule.refunded else 0
        if units:
            asked.append(LineAsk(units, one.line_no, percent=percent if rule.percent_applies else 100))
            left[one.line_no] -= units
    return tuple(asked)


async def _planned(conn: AsyncConnection, ask: RefundAsk) -> Plan | None:
    """None where the books have nothing left for it, or all of the order's money goes back anyway."""
    if not ask.lines:
        return None
    try:
        return await refund_plans.planned(conn, ask)
    except NotFound:
        raise
    except RuleBroken:
        return None


async def _refund_closed(conn: AsyncConnection, here: Return) -> bool:
    own_open = (await conn.execute(_OPEN_REFUND, {"return_id": here.return_id})).scalar_one()
    return not own_open and await exchange_funding.is_closed(conn, here.return_id)


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
