"""What comes of a return once it is inspected: pieces onto their shelves, then what the customer gets.

`SETTLINGS` says by resolution how a return is settled, `THROUGH` whether what was begun then is at its end.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales import CONDITIONS, SHOPS_FAULT, LineFound, Resolution, Shelf
from domain.errors import NotFound, RuleBroken
from domain.refunds import Origin
from domain.stock import MovementKind
from infra.db import refunds, returns, stock_admin
from infra.db.customers import KeyRing
from infra.db.refunds import LineAsk, Plan, RefundAsk
from infra.db.return_terms import ReturnTerms
from infra.db.returns import Return
from infra.db.stock_admin import Move

NOTHING_DUE = "nothing_due"
_KINDS = {Shelf.ON_HAND: MovementKind.RETURN_RESTOCK, Shelf.QUARANTINE: MovementKind.QUARANTINE_IN}
_OPEN_REFUND = text(
    """SELECT EXISTS (SELECT FROM refunds
                       WHERE return_id = :return_id AND status IN ('awaiting_approval', 'approved'))"""
)


@dataclass(frozen=True, slots=True)
class Settling:
    """What a settlement needs to know; `keys` None keeps no text."""

    keys: KeyRing | None
    terms: ReturnTerms
    actor: str


Settle = Callable[[AsyncConnection, Return, Settling], Awaitable[str]]
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
        await stock_admin.move(conn, [move])


async def settle(conn: AsyncConnection, here: Return, how: Settling) -> str:
    """Begin what the customer gets; answers with a code, `nothing_due` when that is nothing.

    The pieces are on their shelves already, in this transaction; money moves only after it, by the order's workflow.
    """
    code = await SETTLINGS[here.resolution](conn, here, how)
    await returns.mark_settled(conn, here, code)
    return code


async def is_through(conn: AsyncConnection, here: Return) -> bool:
    """True when what `settle` began is at its end."""
    return here.settled is not None and await THROUGH[here.resolution](conn, here)


# ── refund ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def refund(conn: AsyncConnection, here: Return, how: Settling) -> str:
    """Open the refund of what came back, as far as it is not refunded yet."""
    ask = await refund_ask(conn, here, how)
    if ask is None:
        return NOTHING_DUE
    opened = await refunds.open_refund(conn, how.keys, ask)
    return f"refund_{opened.status}"


async def refund_ask(conn: AsyncConnection, here: Return, how: Settling) -> RefundAsk | None:
    """The refund that the findings are worth; None where nothing is left to give back."""
    whole, reduced = await _refundable(conn, here)
    ask = RefundAsk(
        refund_id=f"rf_{hashlib.sha256(here.return_id.encode()).hexdigest()[:32]}",
        order_no=here.order_no,
        origin=Origin.RETURN,
        asked_by=how.actor,
        reason=f"return {here.return_no}: {here.reason_code}",
        lines=(*whole, *reduced),
        include_shipping=here.reason_code in SHOPS_FAULT,
        return_id=here.return_id,
        approve_above_minor=how.terms.approve_above_minor,
        approval_lifetime_s=how.terms.approval_lifetime_s,
    )
    plan = await _planned(conn, ask)
    percent = 100 if here.reason_code in SHOPS_FAULT else how.terms.damaged_percent
    if plan is None or not reduced or percent == 100:
        return ask if plan else None
    sound = await _planned(conn, replace(ask, lines=tuple(whole)))
    kept = sound.amount_minor if sound else 0
    amount = kept + (plan.amount_minor - kept) * percent // 100
    return replace(ask, amount_minor=amount) if amount else None


async def _refundable(conn: AsyncConnection, here: Return) -> tuple[list[LineAsk], list[LineAsk]]:
    """(units refunded in full, damaged units), no more of a line than is not refunded yet."""
    left = {line.line_no: line.units_left for line in await refunds.lines_of(conn, here.order_no)}
    whole: list[LineAsk] = []
    reduced: list[LineAsk] = []
    found = await returns.findings_of(conn, here.return_id, "inspected")
    for one in sorted(found, key=lambda each: CONDITIONS[each.condition].percent_applies):
        rule = CONDITIONS[one.condition]
        units = min(one.quantity, left[one.line_no]) if rule.refunded else 0
        if units:
            (reduced if rule.percent_applies else whole).append(LineAsk(units, one.line_no))
            left[one.line_no] -= units
    return whole, reduced


async def _planned(conn: AsyncConnection, ask: RefundAsk) -> Plan | None:
    """None where the books have nothing left for it, or all of the order's money goes back anyway."""
    if not ask.lines:
        return None
    try:
        return await refunds.planned(conn, ask)
    except NotFound:
        raise
    except RuleBroken:
        return None


async def _refund_closed(conn: AsyncConnection, here: Return) -> bool:
    return not (await conn.execute(_OPEN_REFUND, {"return_id": here.return_id})).scalar_one()


SETTLINGS: dict[Resolution, Settle] = {Resolution.REFUND: refund}
THROUGH: dict[Resolution, Through] = {Resolution.REFUND: _refund_closed}
