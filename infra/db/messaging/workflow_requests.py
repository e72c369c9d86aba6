"""Starts and signals on their way to Temporal: claimed under a lease, deleted when Temporal has taken them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales import guarantees, returns
from domain.json_types import JsonValue
from domain.payments.change_payments import ChangePaymentStatus
from infra.db.literals import literals
from infra.db.orders.state.state_facts import COLUMNS, NEWEST_ATTEMPT, facts_of

LEASE_S = 10.0


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """What a run of an order's workflow shows to the people who look at Temporal; nothing of it is personal."""

    order_no: str
    status: str
    channel: str
    total_minor: int
    currency: str
    lines: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class WorkflowRequest:
    """One claimed row. `tries` counts this claim too; `age_s` is the time from its commit to the claim.

    `order` is None for a job, and for an order that the database does not hold.
    """

    request_id: int
    kind: str
    subject: str
    name: str | None
    payload: JsonValue
    trace: str | None
    tries: int
    age_s: float
    order: OrderSummary | None


# Only the earliest row of a subject may be claimed: events of one order are delivered in the order they happened,
# however many processes dispatch and whichever of them is slow.
_CLAIM = """
       WITH settled AS (DELETE FROM workflow_requests WHERE request_id = ANY(CAST(:done AS bigint[]))),
       heads AS (
         SELECT r.request_id FROM workflow_requests r
          WHERE r.claimed_until <= now() AND r.request_id <> ALL(CAST(:done AS bigint[])){kinds}
            AND (r.tries > 0 OR r.created_at <= now() - make_interval(secs => :min_age_s))
            AND NOT EXISTS (SELECT FROM workflow_requests e
                             WHERE e.subject = r.subject AND e.request_id < r.request_id
                               AND e.request_id <> ALL(CAST(:done AS bigint[])))
          ORDER BY r.rank, r.request_id LIMIT :limit
            FOR UPDATE OF r SKIP LOCKED),
       claimed AS (
         UPDATE workflow_requests r
            SET claimed_until = now() + make_interval(secs => :lease_s), tries = r.tries + 1
          WHERE r.request_id = ANY(ARRAY(SELECT request_id FROM heads))
         RETURNING r.*)
       SELECT c.request_id, c.kind, c.subject, c.name, c.payload, c.trace, c.tries,
              extract(epoch FROM clock_timestamp() - c.created_at) AS age_s, o.order_no,
              o.status, o.channel, o.total_minor, o.currency,
              (SELECT count(*) FROM order_lines l WHERE l.order_no = o.order_no) AS lines, o.priority
         FROM claimed c LEFT JOIN orders o ON c.kind <> 'start_job' AND o.order_no =
              CASE c.kind WHEN 'signal_return' THEN c.payload ->> 'order_no' ELSE c.subject END
        ORDER BY c.rank, c.request_id"""
_CLAIMS = {
    None: text(_CLAIM.format(kinds="")),
    "starts": text(_CLAIM.format(kinds=" AND r.kind = 'start_order'")),
    "begun": text(_CLAIM.format(kinds=" AND r.kind <> 'start_order'")),
}

_SETTLE = text("DELETE FROM workflow_requests WHERE request_id = ANY(CAST(:done AS bigint[]))")

_RELEASE = text(
    """UPDATE workflow_requests r
          SET claimed_until = now() + make_interval(secs => f.delay_s), last_error = f.code
         FROM unnest(CAST(:ids AS bigint[]), CAST(:codes AS text[]), CAST(:delays_s AS float8[]))
                AS f (request_id, code, delay_s)
        WHERE r.request_id = f.request_id"""
)


async def settle_and_claim(
    connection: AsyncConnection,
    done: Sequence[int],
    limit: int,
    *,
    min_age_s: float = 0.0,
    lease_s: float = LEASE_S,
    only: Literal["starts", "begun"] | None = None,
) -> list[WorkflowRequest]:
    """Delete what is `done` and claim up to `limit` further requests, at most one per subject, by their rank; `only`
    orders to be started, or only the events of those that have begun.

    Requests younger than `min_age_s` are left alone unless they were claimed before and released.
    """
    bound = {"done": list(done), "limit": limit, "min_age_s": min_age_s, "lease_s": lease_s}
    return [_request(row) for row in (await connection.execute(_CLAIMS[only], bound)).mappings()]


async def settle(connection: AsyncConnection, done: Sequence[int]) -> None:
    """Delete requests that Temporal has taken."""
    await connection.execute(_SETTLE, {"done": list(done)})


async def release(connection: AsyncConnection, failures: Sequence[tuple[int, str | None, float]]) -> None:
    """Give requests back: (request_id, error code, seconds until they may be claimed again)."""
    ids, codes, delays_s = (list(column) for column in zip(*failures, strict=True))
    await connection.execute(_RELEASE, {"ids": ids, "codes": codes, "delays_s": delays_s})


def _request(row: RowMapping) -> WorkflowRequest:
    return WorkflowRequest(
        row["request_id"], row["kind"], row["subject"], row["name"], row["payload"], row["trace"], row["tries"],
        float(row["age_s"]), None if row["channel"] is None else _summary(row),
    )  # fmt: skip


_OPEN_RETURN = literals(returns.OPEN)
# Closed orders are many and open ones few: each half of the union walks an index of open rows only.
_OPEN_ORDERS = text(
    f"""WITH open AS (
         (SELECT order_no FROM orders
           WHERE status NOT IN ('completed', 'cancelled') AND order_no > :after ORDER BY order_no LIMIT :limit)
         UNION
         (SELECT DISTINCT order_no FROM inbox
           WHERE processed_at IS NULL AND order_no > :after ORDER BY order_no LIMIT :limit)
         UNION
         (SELECT DISTINCT order_no FROM refunds
           WHERE status = 'approved' AND order_no > :after ORDER BY order_no LIMIT :limit)
         UNION
         (SELECT DISTINCT order_no FROM returns
           WHERE status IN ({_OPEN_RETURN}) AND order_no > :after
           ORDER BY order_no LIMIT :limit))
       SELECT o.order_no, o.status, o.channel, o.total_minor, o.currency,
              (SELECT count(*) FROM order_lines l WHERE l.order_no = o.order_no) AS lines, o.priority
         FROM open JOIN orders o USING (order_no) ORDER BY o.order_no LIMIT :limit"""  # noqa: S608
)
_COUNT_OPEN = text(
    f"""SELECT count(*) FROM (
         SELECT order_no FROM orders WHERE status NOT IN ('completed', 'cancelled')
         UNION SELECT i.order_no FROM inbox i JOIN orders USING (order_no) WHERE i.processed_at IS NULL
         UNION SELECT order_no FROM refunds WHERE status = 'approved'
         UNION SELECT order_no FROM returns
                WHERE status IN ({_OPEN_RETURN})) open"""  # noqa: S608
)
# Orders begin their returns' workflows themselves; what an order that runs on believes to be followed may be gone. A
# return that is over is followed until its label is given back.
_OPEN_RETURNS = text(
    f"""SELECT return_id, order_no FROM returns
        WHERE (status IN ({_OPEN_RETURN})
               OR (status IN ('cancelled', 'expired') AND parcel IS NULL
                   AND (label = 'booked' OR (label = 'wanted' AND label_tries > 0))))
          AND (order_no, return_id) > (:order_no, :return_id) ORDER BY order_no, return_id LIMIT :limit"""  # noqa: S608
)
# So many orders are walked over for one page of those that owe.
_WINDOW = 20_000
_WINDOW_END = text(
    """SELECT coalesce((SELECT order_no FROM orders WHERE order_no > :after ORDER BY order_no OFFSET :window LIMIT 1),
                       (SELECT max(order_no) FROM orders WHERE order_no > :after))"""
)
_IN_WINDOW = "order_no > :after AND order_no <= :until"
# Closed orders whose workflow may find something to do, with the facts that decide. They are few: authorisations that
# nothing has ended, what a provider is to decide, money beside the order's own, guarantees, change payments, parked
# steps; the rest of what may be open on a closed order is among the open ones above.
_OWING_ORDERS = text(
    f"""WITH candidates AS (
         SELECT order_no FROM payments a
          WHERE {_IN_WINDOW} AND (a.purpose <> 'order' OR a.status = 'pending'
             OR (a.kind = 'authorise' AND a.status = 'succeeded' AND NOT EXISTS (
                   SELECT FROM payments v WHERE v.order_no = a.order_no AND v.parent_id = a.payment_id
                      AND v.kind IN ('void', 'capture') AND v.status = 'succeeded')))
         UNION SELECT order_no FROM guarantees
                WHERE status IN ({literals(guarantees.DUE)}) AND {_IN_WINDOW}
         UNION SELECT order_no FROM change_payments
                WHERE status = '{ChangePaymentStatus.AWAITING_PAYMENT}' AND {_IN_WINDOW}
         UNION SELECT order_no FROM parked_steps WHERE resolved_at IS NULL AND {_IN_WINDOW})
       SELECT o.order_no, o.status, o.channel, o.total_minor, o.currency,
              (SELECT count(*) FROM order_lines l WHERE l.order_no = o.order_no) AS lines, o.priority,
              EXISTS (SELECT FROM parked_steps k WHERE k.order_no = o.order_no AND k.resolved_at IS NULL) AS parked,
              o.cancelling, {COLUMNS}
         FROM candidates JOIN orders o USING (order_no)
         {NEWEST_ATTEMPT}
        WHERE o.status IN ('completed', 'cancelled')
          AND NOT EXISTS (SELECT FROM refunds r WHERE r.order_no = o.order_no AND r.status = 'approved')
          AND NOT EXISTS (SELECT FROM inbox i WHERE i.order_no = o.order_no AND i.processed_at IS NULL)
          AND NOT EXISTS (SELECT FROM returns r WHERE r.order_no = o.order_no
                             AND r.status IN ({_OPEN_RETURN}))
        ORDER BY o.order_no LIMIT :limit"""  # noqa: S608
)
_RUNNING_JOBS = text("SELECT job_id, rate_per_s FROM support_jobs WHERE state = 'running' ORDER BY job_id")


async def open_orders(connection: AsyncConnection, after: str, limit: int) -> list[OrderSummary]:
    """A page of orders that are not over, or that have events to apply, beyond number `after`."""
    rows = await connection.execute(_OPEN_ORDERS, {"after": after, "limit": limit})
    return [_summary(row) for row in rows.mappings()]


async def owing_orders(connection: AsyncConnection, after: str, limit: int) -> tuple[list[OrderSummary], str | None]:
    """Closed orders that still owe or hold something, of up to `limit` that may, beyond number `after`; and the number
    behind which to go on, None at the end: unapplied money, authorisations, guarantees, change payments, parked steps.
    None of them is among `open_orders`; a page may be empty before the end."""
    until = (await connection.execute(_WINDOW_END, {"after": after, "window": _WINDOW})).scalar_one()
    if until is None:
        return [], None
    about = {"after": after, "until": until, "limit": limit}
    rows = (await connection.execute(_OWING_ORDERS, about)).mappings().all()
    page = [_summary(row) for row in rows if _owes(row)]
    return page, rows[-1]["order_no"] if len(rows) == limit else until


def _summary(row: RowMapping) -> OrderSummary:
    return OrderSummary(
        row["order_no"], row["status"], row["channel"], row["total_minor"], row["currency"], row["lines"],
        row["priority"],
    )  # fmt: skip


def _owes(row: RowMapping) -> bool:
    facts = facts_of(row)
    return bool(row["parked"] or facts.operation or facts.unapplied)


async def count_open_orders(connection: AsyncConnection) -> int:
    """How many orders `open_orders` gives in all."""
    return int((await connection.execute(_COUNT_OPEN)).scalar_one())


async def running_jobs(connection: AsyncConnection) -> list[tuple[str, float]]:
    """(job id, orders per second) of bulk jobs that are neither stopped nor finished."""
    return [(row.job_id, row.rate_per_s) for row in await connection.execute(_RUNNING_JOBS)]


async def open_returns(connection: AsyncConnection, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
    """A page of (return id, order number) beyond (order number, return id): returns that are open, or over with a label
    that nobody has used."""
    rows = await connection.execute(_OPEN_RETURNS, {"order_no": after[0], "return_id": after[1], "limit": limit})
    return [(row.return_id, row.order_no) for row in rows]
