"""Orders that need attention, the longest first, each with the facts of its situation."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.situations.facts import SituationFacts
from infra.db.orders.state import situation_facts
from infra.db.support.parked_steps import ParkedStepFilter

_QUEUE = text(
    f"""
    SELECT p.order_no, p.provider, p.options, p.amount_minor, p.since, o.currency, o.status, o.cancelling, o.waiting,
           {situation_facts.selected("o")}
      FROM parked_steps p JOIN orders o USING (order_no)
     WHERE p.resolved_at IS NULL
       AND (CAST(:step AS text) IS NULL OR p.step = :step)
       AND (CAST(:error AS text) IS NULL OR p.error = :error)
       AND (CAST(:provider AS text) IS NULL OR p.provider = :provider)
       AND (CAST(:after AS timestamptz) IS NULL OR (p.since, p.order_no) > (CAST(:after AS timestamptz), :after_no))
     ORDER BY p.since, p.order_no LIMIT :limit
    """  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class QueuedOrder:
    """`amount_minor` is the money that the failed step is about, None where it is about none."""

    order_no: str
    provider: str | None
    options: tuple[str, ...]
    amount_minor: int | None
    currency: str
    since: datetime
    facts: SituationFacts


async def queue(conn: AsyncConnection, wanted: ParkedStepFilter) -> list[QueuedOrder]:
    """One more than `wanted.limit` where there are more."""
    after, after_no = wanted.after or (None, "")
    question = {
        "step": wanted.step,
        "error": wanted.error,
        "provider": wanted.provider,
        "after": after,
        "after_no": after_no,
        "limit": wanted.limit + 1,
    }
    rows = (await conn.execute(_QUEUE, question)).mappings()
    return [
        QueuedOrder(
            row["order_no"], row["provider"], tuple(row["options"]), row["amount_minor"], row["currency"], row["since"],
            situation_facts.facts_of(dict(row)),
        )
        for row in rows
    ]  # fmt: skip
