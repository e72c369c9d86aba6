"""Everything that waits for approval, in one list: requested actions and counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api import pagination
from api.dependencies import Services
from api.services.approvals.approval_queries import ApprovalRecord, decided_before
from domain.stock.counting import CountStatus
from infra.db.approvals import approval_requests
from infra.db.stock import counts
from infra.db.stock.counts import StockCount


@dataclass(frozen=True, slots=True)
class ListedCount:
    """A count beside the requests. `units` is what it changes: the differences of all lines, gains and losses alike."""

    count_id: str
    reference: str
    warehouse: str
    units: int
    asked_by: str
    asked_at: datetime
    decision: str | None
    decided_by: str | None
    kind: str = "count"


@dataclass(frozen=True, slots=True)
class ApprovalListPage:
    """What waits or was decided, the newest first; no cursor on the last page."""

    items: Sequence[ApprovalRecord | ListedCount]
    next_cursor: str | None


async def listed(
    services: Services, *, undecided: bool, cursor: str | None, limit: int, requests: bool
) -> ApprovalListPage:
    """A page; without `requests` of the counts alone. Raises Problem `invalid_cursor`."""
    before = decided_before(cursor)
    found: list[ApprovalRecord | ListedCount] = []
    async with services.database.begin() as conn:
        waiting = await counts.for_approval(conn, undecided=undecided, before=before, limit=limit + 1)
        if requests:
            found += await approval_requests.listed(
                conn, services.keys, undecided=undecided, before=before, limit=limit
            )  # fmt: skip
    found = sorted([*found, *(_listed(one) for one in waiting)], key=_place, reverse=True)
    more = len(found) > limit
    moment, last = _place(found[limit - 1]) if more else (None, "")
    return ApprovalListPage(found[:limit], pagination.encoded([moment.isoformat(), last]) if moment else None)


def _place(one: ApprovalRecord | ListedCount) -> tuple[datetime, str]:
    return one.asked_at, one.count_id if isinstance(one, ListedCount) else one.approval_id


def _listed(count: StockCount) -> ListedCount:
    decision = "refused" if count.status is CountStatus.REFUSED else "approved"
    return ListedCount(
        count.count_id,
        count.reference,
        count.warehouse,
        sum(abs(line.difference) for line in count.lines),
        count.counted_by,
        count.created_at,
        decision if count.decided_by else None,
        count.decided_by,
    )
