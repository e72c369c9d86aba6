"""Approvals in the database: nobody approves their own request, nothing is decided twice, no money without a yes."""

import pytest

from domain.support.steps import STEPS, Step
from tests.factories.raw_writes import DirectDatabase

ASK = (
    "INSERT INTO approvals (approval_id, kind, order_no, action, orders, amount_minor, data_key, wish_enc, asked_by,"
    " expires_at) VALUES (%s, %s, %s, %s, 1, 5, '', '', 'support:ann', now() + interval '1 h')"
)
DECIDE = "UPDATE approvals SET decision = %s, decided_by = %s, decided_at = now() WHERE approval_id = %s"
RESOLVE = (
    "INSERT INTO resolutions (resolution_id, order_no, action, actor, reason_enc, approval_id)"
    " VALUES (%s, %s, %s, 'support:ann', '', %s)"
)
ACTION = (
    "INSERT INTO staff_actions (act_id, order_no, action, detail, actor, reason_enc, approval_id)"
    " VALUES (%s, %s, 'adjust', %s, 'support:ann', '', %s)"
)
CHECK, NOT_APPROVED, DECIDED = "23514", "OM007", "OM003"


@pytest.mark.parametrize("who", ["support:ann", "admin:ann", "finance:ann", "support:Ann", "finance: ANN "])
async def test_nobody_approves_for_themselves_in_any_role(db: DirectDatabase, who: str) -> None:
    order_no = await db.order()
    await db.app.execute(ASK, (order_no, "resolve", order_no, "compensate"))
    assert await db.refused(DECIDE, "approved", who, order_no) == CHECK
    assert await db.refused(DECIDE, "approved", who, order_no, by_owner=True) == CHECK


async def test_what_is_decided_stays_decided(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.app.execute(ASK, (order_no, "resolve", order_no, "compensate"))
    await db.app.execute(DECIDE, ("refused", "support:ben", order_no))
    assert await db.refused(DECIDE, "approved", "support:cal", order_no) == DECIDED
    trail = await db.rows("SELECT actor, action FROM audit_log WHERE reference = %s ORDER BY entry_id", order_no)
    assert [tuple(row) for row in trail] == [("support:ann", "approval_asked"), ("support:ben", "approval_refused")]


async def test_a_yes_is_for_this_act_of_this_order(db: DirectDatabase) -> None:
    order_no, other = await db.order(), await db.order()
    await db.app.execute(ASK, (order_no, "resolve", order_no, "compensate"))
    assert await db.refused(RESOLVE, order_no, order_no, "compensate", order_no) == NOT_APPROVED
    await db.app.execute(DECIDE, ("approved", "support:ben", order_no))
    assert await db.refused(RESOLVE, order_no, other, "compensate", order_no) == NOT_APPROVED
    assert await db.refused(RESOLVE, order_no, order_no, "skip", order_no) == NOT_APPROVED
    await db.app.execute(RESOLVE, (order_no, order_no, "compensate", order_no))


async def test_no_payment_is_recorded_manually_by_one_person(db: DirectDatabase) -> None:
    order_no = await db.order()
    assert await db.refused(ACTION, order_no, order_no, "payment_recorded", None) == CHECK
    await db.app.execute(ACTION, (order_no, order_no, "shipment_delivered", None))
    await db.app.execute(ASK, (order_no, "adjust", order_no, "payment_recorded"))
    assert await db.refused(ACTION, f"{order_no}-2", order_no, "payment_recorded", order_no) == NOT_APPROVED


async def test_a_lapsed_request_is_not_decided(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.app.execute(ASK, (order_no, "resolve", order_no, "compensate"))
    await db.rows("UPDATE approvals SET expires_at = now() WHERE approval_id = %s", order_no)
    assert await db.refused(DECIDE, "approved", "support:ben", order_no) == NOT_APPROVED


# What each act on a stuck step gives away of an order with 900 captured, of which 200 were refunded and 100 are
# promised, 150 captured beside, a guarantee of 300 that is to be released, and a difference of 400 that is not paid.
UNDOING = ("authorise", "review", "capture", "issue_codes", "produce", "book", "deliver")
GIVES = {
    ("capture", "skip", None): 900,
    ("return_payment", "skip", "all"): 850,
    ("return_payment", "skip", "stray"): 150,
    ("refund", "skip", "refund"): 100,
    ("refund", "amend", "refund"): 100,
    ("guarantee", "skip", "return"): 300,
    **{(step, "compensate", None): 850 for step in UNDOING},
    ("supplement", "compensate", "1"): 0,
}


async def test_what_an_act_on_a_stuck_step_moves_is_what_really_moves(db: DirectDatabase) -> None:
    order_no = await db.order(total_minor=900)
    paid = await db.paid_in(order_no, 900)
    await db.payment(order_no, "refund", "succeeded", 200, parent=paid)
    await db.payment(order_no, "capture", "succeeded", 150, purpose="stray")
    of = {"refund": f"rf_{order_no[-8:]}", "return": f"rt_{order_no[-8:]}"}
    async with db.owner.transaction():
        await db.rows("SET LOCAL session_replication_role = replica")
        await db.rows(
            "INSERT INTO refunds (refund_id, order_no, origin, amount_minor, goods_minor, shipping_minor, currency, "
            "status, asked_by, reason_enc) VALUES (%s, %s, 'support', 100, 100, 0, 'CNY', 'approved', 'a', '')",
            *(of["refund"], order_no),
        )
        await db.rows(
            "INSERT INTO refund_allocations (refund_id, payment_id, amount_minor) VALUES (%s, %s, 100)",
            of["refund"],
            paid,
        )
        await db.rows(
            "INSERT INTO guarantees (return_id, order_no, amount_minor, currency, method, token, status) "
            "VALUES (%s, %s, 300, 'CNY', 'sandbox', 't', 'release_due')",
            *(of["return"], order_no),
        )
        await db.rows(
            "INSERT INTO change_payments (order_no, payment_no, change_no, actor, what, lines, held, warehouse, "
            "total_before_minor, total_after_minor, amount_minor, currency, method, token, until) VALUES (%s, 1, 1, "
            "'a', '{lines}', '[]', '[]', 'WH-EAST', 900, 1300, 400, 'CNY', 'sandbox', 't', now())",
            order_no,
        )
    for park_no, ((step, action), subject) in enumerate(pairs(), 1):
        await db.app.execute(
            "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at, "
            "subject) VALUES (%s, %s, %s, 'x', 1, '{}', 0, now(), %s)",
            (order_no, park_no, step, of.get(subject or "", subject)),
        )
        moved = await db.one("SELECT amount_moved_by(%s, %s, %s, 0)", order_no, step, action)
        assert moved == GIVES.get((step, action, subject), 0), (step, action, subject)
        await db.app.execute("UPDATE parked_steps SET resolved_at = now() WHERE order_no = %s", (order_no,))


def pairs() -> list[tuple[tuple[str, str], str | None]]:
    """Every act that a step allows, with each thing that it may be about."""
    about = {"return_payment": ("all", "stray"), "refund": ("refund",), "guarantee": ("return",), "supplement": ("1",)}
    known = [
        ((str(step), str(action)), it)
        for step in Step
        for action in STEPS[step].options
        for it in about.get(step, (None,))
    ]
    assert {(step, action, it) for (step, action), it in known} >= set(GIVES)
    return known


PARK = (
    "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at)"
    " VALUES (%s, %s, 'refund', 'rejected', 1, '{retry,skip,compensate}', %s, now())"
)
RESOLVED = "UPDATE parked_steps SET resolved_at = now(), resolution_id = %s WHERE order_no = %s AND park_no = %s"
ANOTHER_STEP = "OM176"


async def test_an_act_resolves_the_step_it_was_kept_for_and_only_once(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.app.execute(PARK, (order_no, 1, 5))
    action = (
        "INSERT INTO resolutions (resolution_id, order_no, park_no, action, actor, reason_enc)"
        " VALUES (%s, %s, %s, 'retry', 'a', '')"
    )
    for name in ("taken", "late"):
        await db.app.execute(action, (f"{name} {order_no}", order_no, 1))
    await db.app.execute(RESOLVED, (f"taken {order_no}", order_no, 1))
    await db.app.execute(PARK, (order_no, 2, 5))
    assert await db.refused(action, f"other {order_no}", order_no, 1) == ANOTHER_STEP
    for name in ("taken", "late"):
        assert await db.refused(RESOLVED, f"{name} {order_no}", order_no, 2) == ANOTHER_STEP
        assert await db.refused(RESOLVED, f"{name} {order_no}", order_no, 2, by_owner=True) == ANOTHER_STEP


async def test_a_yes_is_for_one_step_and_for_so_much(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.app.execute(PARK, (order_no, 1, 6))
    await db.app.execute(ASK, (order_no, "resolve", order_no, "skip"))
    await db.app.execute(DECIDE, ("approved", "support:ben", order_no))
    assert await db.refused(RESOLVE, f"dearer {order_no}", order_no, "skip", order_no) == NOT_APPROVED
    await db.owner.execute("UPDATE parked_steps SET resolved_at = now() WHERE order_no = %s", (order_no,))
    await db.app.execute(PARK, (order_no, 2, 5))
    assert await db.refused(RESOLVE, f"next {order_no}", order_no, "skip", order_no) == NOT_APPROVED
