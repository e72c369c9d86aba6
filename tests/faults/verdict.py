"""What must hold after every fault, in the database and in the sandbox."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from infra.db.checks.consistency_checks import CHECKS
from tests.faults.stackrun import PATIENCE_S, StackRun, until

_UNSETTLED = """
SELECT order_no, status, cancelling FROM orders o
 WHERE NOT EXISTS (SELECT FROM parked_steps p WHERE p.order_no = o.order_no AND p.resolved_at IS NULL)
   AND (status NOT IN ('completed', 'cancelled') OR cancelling IS NOT NULL
        OR EXISTS (SELECT FROM inbox i WHERE i.order_no = o.order_no AND i.processed_at IS NULL)
        OR EXISTS (SELECT FROM workflow_requests r WHERE r.subject = o.order_no)
        OR EXISTS (SELECT FROM refunds f WHERE f.order_no = o.order_no AND f.status = 'approved')
        OR EXISTS (SELECT FROM payments p WHERE p.order_no = o.order_no AND p.status IN ('intent', 'pending'))
        OR EXISTS (SELECT FROM payments p JOIN payment_totals t USING (payment_id) WHERE p.order_no = o.order_no
                      AND p.purpose = 'stray' AND t.refunded_minor < t.captured_minor))
 ORDER BY order_no
"""
_ORDERS = """
SELECT o.order_no, o.status, o.total_minor,
       EXISTS (SELECT FROM parked_steps p WHERE p.order_no = o.order_no AND resolved_at IS NULL) AS parked,
       coalesce((SELECT sum(CASE p.kind WHEN 'capture' THEN l.amount_minor
                                        WHEN 'refund' THEN -l.amount_minor ELSE 0 END)
                   FROM payment_ledger l JOIN payments p USING (payment_id)
                  WHERE l.order_no = o.order_no), 0)::bigint AS kept_minor,
       coalesce((SELECT sum(f.amount_minor) FROM refunds f
                  WHERE f.order_no = o.order_no AND f.status = 'succeeded'), 0)::bigint AS refunded_minor,
       (SELECT array_agg(s.carrier_ref) FROM shipments s
         WHERE s.order_no = o.order_no AND s.status NOT IN ('cancelled', 'booking')) AS parcels,
       (SELECT count(*) FROM allocations a WHERE a.order_no = o.order_no AND a.state = 'reserved') AS held
  FROM orders o
"""


async def verify(stack: StackRun, orders: Iterable[str] | None = None, timeout_s: float = PATIENCE_S) -> None:
    """Waits until the orders (all by default) have ended or are parked, then checks them, database and sandbox."""
    chosen = None if orders is None else set(orders)
    await settled(stack, chosen, timeout_s)
    wrong = [*await _ledger(stack), *await _accepted(stack), *await _outside(stack, chosen)]
    assert not wrong, "\n".join(wrong)


async def settled(stack: StackRun, chosen: Collection[str] | None = None, timeout_s: float = PATIENCE_S) -> None:
    """Returns when every order is at its end with all news heard, or parked."""
    rest: list[dict[str, Any]] = []

    async def none() -> bool:
        nonlocal rest
        rest = [row for row in await stack.sql(_UNSETTLED) if chosen is None or row["order_no"] in chosen]
        return not rest

    try:
        await until(none, "all orders are settled", timeout_s)
    except AssertionError:
        scenarios = [f"{row['order_no']}{await stack.story(row['order_no'])}" for row in rest[:5]]
        raise AssertionError(f"{len(rest)} orders neither end nor park:\n" + "\n".join(scenarios)) from None


async def consistent(stack: StackRun) -> None:
    """The checks of `oms ledger check` find nothing."""
    wrong = await _ledger(stack)
    assert not wrong, "\n".join(wrong)


async def _ledger(stack: StackRun) -> list[str]:
    """Levels, reservations, ledgers, timelines: each question finds what is wrong."""
    wrong = []
    for question in CHECKS:
        for row in await stack.sql(question.sql):
            wrong.append(f"{question.name}: {row['place']} is {row['found']}, should be {row['expected']}")
    return wrong


async def _accepted(stack: StackRun) -> list[str]:
    """What was answered with 201 is in the database, as answered."""
    rows = {row["order_no"]: row["total_minor"] for row in await stack.sql("SELECT order_no, total_minor FROM orders")}
    return [
        f"{o} was accepted at {total}, kept: {rows.get(o)}"
        for o, total in stack.accepted.items()
        if rows.get(o) != total
    ]


async def _outside(stack: StackRun, chosen: set[str] | None) -> list[str]:
    payments, parcels = await stack.items("/payments"), await stack.items("/shipments")
    rows = [row for row in await stack.sql(_ORDERS) if chosen is None or row["order_no"] in chosen]
    money, goods = _by_order(payments), _by_order(parcels)
    wrong = []
    for row in rows:
        order_no = row["order_no"]
        found = [*_money(row, money.get(order_no, [])), *_goods(row, goods.get(order_no, []))]
        if found:
            wrong += [f"{order_no}: {one}" for one in found] + [await stack.story(order_no)]
    return wrong


def _by_order(items: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    sorted_out: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        sorted_out.setdefault(item["order_no"], []).append(item)
    return sorted_out


def _money(row: dict[str, Any], items: list[dict[str, Any]]) -> list[str]:
    done = [item for item in items if item["status"] == "succeeded"]
    sums: Counter[str] = Counter()
    for item in done:
        sums[item["kind"]] += item["amount_minor"]
    stored = sums["capture"] - sums["refund"]
    taken = [item for item in done if item["kind"] == "capture" and item.get("parent_id")]
    used = {item["parent_id"] for item in done if item["kind"] in ("capture", "void")}
    dangling = [item["id"] for item in done if item["kind"] == "authorise" and item["id"] not in used]
    wrong = []
    if stored != row["kept_minor"]:
        wrong.append(f"the sandbox keeps {stored}, the books {row['kept_minor']}")
    if len(taken) > 1:
        wrong.append(f"captured {len(taken)} times")
    if row["parked"]:
        return wrong
    if stored != (row["total_minor"] - row["refunded_minor"] if row["status"] == "completed" else 0):
        wrong.append(f"{row['status']} of {row['total_minor']}, but {stored} is kept")
    if dangling:
        wrong.append(f"authorisations hold money for nothing: {dangling}")
    return wrong


def _goods(row: dict[str, Any], items: list[dict[str, Any]]) -> list[str]:
    live = sorted(item["id"] for item in items if item["status"] != "cancelled")
    ours = sorted(row["parcels"] or [])
    wrong = []
    if len(live) > 1:
        wrong.append(f"{len(live)} live parcels")
    if row["parked"]:
        return wrong
    if live != ours:
        wrong.append(f"the carrier has {live}, the books {ours}")
    if len(live) != (row["status"] == "completed"):
        wrong.append(f"{row['status']} with {len(live)} parcels")
    if row["held"]:
        wrong.append(f"{row['status']}, but stock is still reserved")
    return wrong
