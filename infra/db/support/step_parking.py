"""Parked steps as the order's workflow writes them: opened, escalated, resolved; and resolutions that were refused."""

from dataclasses import asdict, dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.support.parked_steps import STEPS_WITH_SUBJECT, subject_of
from domain.support.steps import Action, Step
from infra.db.orders.state.state_facts import load_facts

_PARK = text(
    """
    INSERT INTO parked_steps (order_no, park_no, step, error, provider, attempts, options, subject, amount_minor,
                              escalate_at)
    SELECT o.order_no, (SELECT count(*) + 1 FROM parked_steps p WHERE p.order_no = o.order_no), :step, :error,
           nullif(:provider, ''), :attempts, :options, CAST(:subject AS text),
           at_stake_minor(o.order_no, :step, CAST(:subject AS text)), now() + make_interval(secs => :escalation_s)
      FROM orders o
     WHERE o.order_no = :order_no AND NOT EXISTS
        (SELECT FROM parked_steps p WHERE p.order_no = o.order_no AND p.resolved_at IS NULL)
    RETURNING park_no
    """
)
_OPEN = text(
    """SELECT step, subject, amount_minor FROM parked_steps
        WHERE order_no = :order_no AND park_no = :park_no AND resolved_at IS NULL"""
)
_MOVES = text("SELECT amount_moved_by(:order_no, :step, :action, :amount_minor)")
_CLOSE = text(
    """UPDATE parked_steps SET resolved_at = now(), resolution_id = :resolution_id
        WHERE order_no = :order_no AND park_no = :park_no"""
)
_ESCALATE = text(
    """UPDATE parked_steps SET escalated_at = now() WHERE order_no = :order_no AND resolved_at IS NULL
          AND escalated_at IS NULL RETURNING step"""
)
_RESOLUTION = text(
    """SELECT r.action, r.actor, r.value_enc, r.park_no, r.amount_minor, c.data_key
         FROM resolutions r JOIN orders USING (order_no) JOIN customers c USING (customer_id)
        WHERE r.resolution_id = :resolution_id AND r.order_no = :order_no"""
)
_REFUSED = text(
    """INSERT INTO refused_resolutions (resolution_id, order_no, park_no, code)
       SELECT r.resolution_id, r.order_no, :park_no, left(:code, 100) FROM resolutions r
        WHERE r.resolution_id = :resolution_id AND r.order_no = :order_no
       ON CONFLICT DO NOTHING RETURNING resolution_id"""
)
_FAIL_ITEM = text(
    """UPDATE support_job_items SET state = 'failed', error = :code
        WHERE resolution_id = :resolution_id AND order_no = :order_no AND state IN ('open', 'done')"""
)


@dataclass(frozen=True, slots=True)
class NewParkedStep:
    """A step that failed for good, and what resolves it. Without a `subject` it is about what is due next."""

    order_no: str
    step: str
    error: str
    provider: str
    attempts: int
    options: list[str]
    subject: str
    escalation_s: float


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A parked step that is not resolved; `amount_minor` is the money that it is about."""

    step: Step
    subject: str | None
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class StoredResolution:
    """A person's decision as it is stored. It is for the step `park_no` and moves at most `amount_minor`; None where
    it was stored before these were named."""

    action: Action
    actor: str
    value_enc: bytes | None
    park_no: int | None
    amount_minor: int | None
    data_key: bytes | None


async def park(conn: AsyncConnection, step: NewParkedStep) -> int | None:
    """Open the parked step; its number. None where the order is parked already."""
    subject = step.subject or await _due_subject(conn, step)
    park_no: int | None = (await conn.execute(_PARK, {**asdict(step), "subject": subject})).scalar_one_or_none()
    return park_no


async def _due_subject(conn: AsyncConnection, parked: NewParkedStep) -> str | None:
    """What the step works on next, where it is about one thing of several."""
    step = Step(parked.step)
    if step not in STEPS_WITH_SUBJECT:
        return None
    return subject_of(step, (await load_facts(conn, parked.order_no)).subjects)


async def open_step(conn: AsyncConnection, order_no: str, park_no: int) -> OpenStep | None:
    """The parked step; None where it is resolved."""
    row = (await conn.execute(_OPEN, {"order_no": order_no, "park_no": park_no})).one_or_none()
    return OpenStep(Step(row.step), row.subject, row.amount_minor) if row else None


async def close(conn: AsyncConnection, order_no: str, park_no: int, resolution_id: str | None) -> None:
    """The step is resolved."""
    await conn.execute(_CLOSE, {"order_no": order_no, "park_no": park_no, "resolution_id": resolution_id})


async def escalate(conn: AsyncConnection, order_no: str) -> str | None:
    """Mark the open step as escalated; its name. None where none is open, or it is marked already."""
    step: str | None = (await conn.execute(_ESCALATE, {"order_no": order_no})).scalar_one_or_none()
    return step


async def resolution(conn: AsyncConnection, order_no: str, resolution_id: str) -> StoredResolution | None:
    """The decision; None where the order has no such resolution."""
    about = {"order_no": order_no, "resolution_id": resolution_id}
    row = (await conn.execute(_RESOLUTION, about)).mappings().one_or_none()
    return StoredResolution(**{**row, "action": Action(row["action"])}) if row else None


async def amount_moved_by(
    conn: AsyncConnection, order_no: str, step: str, action: str, amount_minor: int | None
) -> int:
    """How much money the action moves."""
    about = {"order_no": order_no, "step": step, "action": action, "amount_minor": amount_minor}
    return int((await conn.execute(_MOVES, about)).scalar_one())


async def refuse(conn: AsyncConnection, order_no: str, park_no: int, resolution_id: str, code: str) -> bool:
    """Keep that the resolution is not carried out, also at the item of its bulk job. False where that is kept."""
    about = {"order_no": order_no, "park_no": park_no, "resolution_id": resolution_id, "code": code}
    if (await conn.execute(_REFUSED, about)).first() is None:
        return False
    await conn.execute(_FAIL_ITEM, about)
    return True
