"""Guarantees in the database: an authorisation for goods that are sent before the old ones arrive.

It is released when the old ones arrive, and claimed if they never do; a trigger decides in the transaction of the
return.
"""

from dataclasses import dataclass, replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.guarantee_operations import call_due, is_due
from domain.after_sales.guarantees import CLAIMING, HELD, UNWANTED, GuaranteeStatus, claim_of
from domain.after_sales.returns import ReturnStatus
from domain.errors import Conflict
from domain.payments.transactions import PaymentKind, PaymentPurpose, idempotency_key
from infra.db.payments import transactions
from infra.db.payments.transactions import PaymentIntent, StoredIntent
from infra.provider_rules import amounts

_INSERT = text(
    """INSERT INTO guarantees (return_id, order_no, amount_minor, currency, method, token)
       SELECT :return_id, o.order_no, :amount, o.currency, :method, :token FROM orders o WHERE o.order_no = :order_no"""
)
_FIND = text(
    """
    SELECT g.order_no, g.amount_minor, g.currency, g.method, g.token, g.status, g.claim_minor,
           r.status AS return_status, a.payment_id AS parent_id, a.provider_ref AS parent_ref
      FROM guarantees g JOIN returns r USING (return_id)
      LEFT JOIN payments a ON a.order_no = g.order_no AND a.kind = 'authorise' AND a.purpose = 'guarantee'
       AND a.status = 'succeeded' AND a.guarantee_return_id = g.return_id
     WHERE g.return_id = :return_id
    """
)
_FAILED = text(
    """SELECT count(*) FROM payments WHERE order_no = :order_no AND kind = :kind AND status = 'failed'
          AND guarantee_return_id = :return_id"""
)
# An authorisation of a guarantee that nobody wants any more, and that a provider was asked for all the same.
_LEFT_OVER = text(
    """SELECT EXISTS (SELECT FROM payments WHERE order_no = :order_no AND kind = 'authorise' AND purpose = 'guarantee'
                        AND status <> 'failed' AND guarantee_return_id = :return_id)"""
)
_MOVE = text(
    """UPDATE guarantees SET status = :status, claim_minor = :claim_minor, updated_at = now()
        WHERE return_id = :return_id"""
)
_CLAIMING = text("SELECT guarantee_is_being_claimed(:return_id, :order_no)")
_DROP_INTENTS = text(
    """UPDATE payments SET status = 'failed', error_code = 'skipped', tries = tries + 1, updated_at = now()
        WHERE order_no = :order_no AND purpose = 'guarantee' AND status IN ('intent', 'pending')
          AND guarantee_return_id = :return_id"""
)


@dataclass(frozen=True, slots=True)
class Guarantee:
    """A row of `guarantees` with the authorisation that it stands on."""

    return_id: str
    order_no: str
    amount_minor: int
    currency: str
    method: str
    token: str
    status: GuaranteeStatus
    claim_minor: int | None
    return_status: ReturnStatus
    parent_id: int | None
    parent_ref: str | None

    @property
    def unwanted(self) -> bool:
        """True when it came to nothing: what a provider answers all the same is given back."""
        return self.status in UNWANTED

    @property
    def due(self) -> PaymentKind | None:
        """What a provider is to be asked for now."""
        return call_due(self.status, self.return_status)


async def save(
    conn: AsyncConnection, return_id: str, order_no: str, amount_minor: int, method: str, token: str
) -> None:
    """Store the customer's offer; the order's workflow processes it."""
    values = {"return_id": return_id, "order_no": order_no, "amount": amount_minor, "method": method, "token": token}
    await conn.execute(_INSERT, values)


async def find(conn: AsyncConnection, return_id: str) -> Guarantee | None:
    """The return's guarantee, if the new goods go out first."""
    row = (await conn.execute(_FIND, {"return_id": return_id})).one_or_none()
    if row is None:
        return None
    statuses = {"status": GuaranteeStatus(row.status), "return_status": ReturnStatus(row.return_status)}
    return Guarantee(return_id, **{**row._mapping, **statuses})


async def open_call(conn: AsyncConnection, guarantee: Guarantee) -> StoredIntent | None:
    """The intent of what is due; None when nothing is. The caller has locked the order."""
    kind = guarantee.due
    if kind is None and guarantee.unwanted and await _left_over(conn, guarantee):
        kind = PaymentKind.AUTHORISE  # what became of it is found out, and given back
    if kind is None:
        return None
    amount = guarantee.claim_minor if kind is PaymentKind.CAPTURE and guarantee.claim_minor else guarantee.amount_minor
    values = {"order_no": guarantee.order_no, "kind": kind, "return_id": guarantee.return_id}
    failed = (await conn.execute(_FAILED, values)).scalar_one()
    key = idempotency_key(guarantee.order_no, f"guarantee/{guarantee.return_id}/{kind}", failed + 1)
    new = PaymentIntent(
        guarantee.order_no, amount, guarantee.currency, key, guarantee.token, kind=kind, provider=guarantee.method,
        purpose=PaymentPurpose.GUARANTEE, guarantee_return_id=guarantee.return_id,
    )  # fmt: skip
    if kind is not PaymentKind.AUTHORISE:
        new = replace(new, token="", parent_id=guarantee.parent_id, parent_ref=guarantee.parent_ref or "")
    return await transactions.begin(conn, new)


async def _left_over(conn: AsyncConnection, guarantee: Guarantee) -> bool:
    values = {"order_no": guarantee.order_no, "return_id": guarantee.return_id}
    return bool((await conn.execute(_LEFT_OVER, values)).scalar_one())


async def move(
    conn: AsyncConnection, guarantee: Guarantee, status: GuaranteeStatus, claim_minor: int | None = None
) -> None:
    """Move it to the status; the database refuses what the lifecycle does not know."""
    claim = claim_minor if status is GuaranteeStatus.CLAIM_DUE else guarantee.claim_minor
    await conn.execute(_MOVE, {"return_id": guarantee.return_id, "status": status, "claim_minor": claim})


async def on_goods_received(conn: AsyncConnection, return_id: str, shortfall_minor: int) -> None:
    """The old goods are here: all of it is given back, or what they are short of is claimed."""
    guarantee = await find(conn, return_id)
    if guarantee is None:
        return
    if guarantee.status is GuaranteeStatus.WANTED:
        await move(conn, guarantee, GuaranteeStatus.DROPPED)
    elif guarantee.status is GuaranteeStatus.AUTHORISED:
        step = amounts.step_minor(guarantee.method, guarantee.currency) or 1
        if claim := claim_of(guarantee.amount_minor, shortfall_minor, step):
            await move(conn, guarantee, GuaranteeStatus.CLAIM_DUE, claim)
        else:
            await move(conn, guarantee, GuaranteeStatus.RELEASE_DUE)


async def claimed_minor(conn: AsyncConnection, return_id: str) -> int:
    """What was taken of it, or is being taken, because the old goods did not come."""
    guarantee = await find(conn, return_id)
    return (guarantee.claim_minor or 0) if guarantee is not None and guarantee.status in CLAIMING else 0


async def release_or_report_claim(conn: AsyncConnection, return_id: str) -> int:
    """The new goods will not go out: give it back; answers with what was claimed already and must be refunded."""
    guarantee = await find(conn, return_id)
    if guarantee is None:
        return 0
    claiming = await conn.execute(_CLAIMING, {"return_id": return_id, "order_no": guarantee.order_no})
    unclaimed = guarantee.status is GuaranteeStatus.CLAIM_DUE and not claiming.scalar_one()
    if guarantee.status is GuaranteeStatus.WANTED:
        await move(conn, guarantee, GuaranteeStatus.DROPPED)
    elif guarantee.status is GuaranteeStatus.AUTHORISED or unclaimed:
        await move(conn, guarantee, GuaranteeStatus.RELEASE_DUE)
    elif guarantee.status in CLAIMING:
        return guarantee.claim_minor or 0
    return 0


async def is_closed(conn: AsyncConnection, return_id: str) -> bool:
    """True when no provider is to be asked for anything any more."""
    guarantee = await find(conn, return_id)
    return guarantee is None or guarantee.status not in HELD


async def skip(conn: AsyncConnection, order_no: str, return_id: str) -> GuaranteeStatus:
    """Support goes on without what is due on this return's guarantee; its status until now. The caller has locked the
    order. Raises Conflict `step_moved_on` where nothing is due any more."""
    guarantee = await find(conn, return_id)
    if guarantee is None or guarantee.order_no != order_no:
        raise Conflict("step_moved_on")
    requested = guarantee.unwanted and await _left_over(conn, guarantee)
    if not is_due(guarantee.status, authorisation_requested=requested):
        raise Conflict("step_moved_on")
    await conn.execute(_DROP_INTENTS, {"order_no": order_no, "return_id": guarantee.return_id})
    if not guarantee.unwanted:
        wanted = guarantee.status is GuaranteeStatus.WANTED
        await move(conn, guarantee, GuaranteeStatus.DECLINED if wanted else GuaranteeStatus.GIVEN_UP)
    return guarantee.status
