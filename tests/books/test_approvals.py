"""A second person in the database: nobody approves for himself, nothing is decided twice, no money without a yes."""

import pytest

from tests.books.writing import Desk

ASK = (
    "INSERT INTO approvals (approval_id, kind, order_no, action, orders, amount_minor, data_key, wish_enc, asked_by,"
    " expires_at) VALUES (%s, %s, %s, %s, 1, 5, '', '', 'support:ann', now() + interval '1 h')"
)
DECIDE = "UPDATE approvals SET decision = %s, decided_by = %s, decided_at = now() WHERE approval_id = %s"
RESOLVE = (
    "INSERT INTO resolutions (resolution_id, order_no, action, actor, reason_enc, approval_id)"
    " VALUES (%s, %s, %s, 'support:ann', '', %s)"
)
ACT = (
    "INSERT INTO order_acts (act_id, order_no, action, detail, actor, reason_enc, approval_id)"
    " VALUES (%s, %s, 'adjust', %s, 'support:ann', '', %s)"
)
CHECK, NOT_APPROVED, DECIDED = "23514", "OM007", "OM003"


@pytest.mark.parametrize("who", ["support:ann", "admin:ann", "finance:ann", "support:Ann", "finance: ANN "])
async def test_nobody_approves_for_himself_in_any_role(desk: Desk, who: str) -> None:
    order_no = await desk.order()
    await desk.app.execute(ASK, (order_no, "resolve", order_no, "compensate"))
    assert await desk.refused(DECIDE, "approved", who, order_no) == CHECK
    assert await desk.refused(DECIDE, "approved", who, order_no, by_owner=True) == CHECK


async def test_what_is_decided_stays_decided(desk: Desk) -> None:
    order_no = await desk.order()
    await desk.app.execute(ASK, (order_no, "resolve", order_no, "compensate"))
    await desk.app.execute(DECIDE, ("refused", "support:ben", order_no))
    assert await desk.refused(DECIDE, "approved", "support:cal", order_no) == DECIDED
    trail = await desk.rows("SELECT actor, action FROM audit_log WHERE reference = %s ORDER BY entry_id", order_no)
    assert [tuple(row) for row in trail] == [("support:ann", "approval_asked"), ("support:ben", "approval_refused")]


async def test_a_yes_is_for_this_act_of_this_order(desk: Desk) -> None:
    order_no, other = await desk.order(), await desk.order()
    await desk.app.execute(ASK, (order_no, "resolve", order_no, "compensate"))
    assert await desk.refused(RESOLVE, order_no, order_no, "compensate", order_no) == NOT_APPROVED
    await desk.app.execute(DECIDE, ("approved", "support:ben", order_no))
    assert await desk.refused(RESOLVE, order_no, other, "compensate", order_no) == NOT_APPROVED
    assert await desk.refused(RESOLVE, order_no, order_no, "skip", order_no) == NOT_APPROVED
    await desk.app.execute(RESOLVE, (order_no, order_no, "compensate", order_no))


async def test_no_payment_is_recorded_by_hand_by_one_person(desk: Desk) -> None:
    order_no = await desk.order()
    assert await desk.refused(ACT, order_no, order_no, "payment_recorded", None) == CHECK
    await desk.app.execute(ACT, (order_no, order_no, "shipment_delivered", None))
    await desk.app.execute(ASK, (order_no, "adjust", order_no, "payment_recorded"))
    assert await desk.refused(ACT, f"{order_no}-2", order_no, "payment_recorded", order_no) == NOT_APPROVED


async def test_a_lapsed_request_is_not_decided(desk: Desk) -> None:
    order_no = await desk.order()
    await desk.app.execute(ASK, (order_no, "resolve", order_no, "compensate"))
    await desk.rows("UPDATE approvals SET expires_at = now() WHERE approval_id = %s", order_no)
    assert await desk.refused(DECIDE, "approved", "support:ben", order_no) == NOT_APPROVED


async def test_what_an_act_moves(desk: Desk) -> None:
    order_no = await desk.order(total_minor=900)
    await desk.paid_in(order_no, 900)
    moved = "SELECT moved_minor(%s, %s, %s, 900)"
    for step, action, minor in (
        ("book", "compensate", 900),
        ("book", "retry", 0),
        ("book", "skip", 0),
        ("capture", "skip", 900),
        ("return_payment", "skip", 900),
        ("return_payment", "retry", 0),
        ("review", "skip", 0),
    ):
        assert await desk.one(moved, order_no, step, action) == minor, (step, action)


PARK = (
    "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at)"
    " VALUES (%s, %s, 'refund', 'rejected', 1, '{retry,skip,compensate}', %s, now())"
)
RESOLVED = "UPDATE parked_steps SET resolved_at = now(), resolution_id = %s WHERE order_no = %s AND park_no = %s"
ANOTHER_STEP = "OM176"


async def test_an_act_resolves_the_step_it_was_kept_for_and_only_once(desk: Desk) -> None:
    order_no = await desk.order()
    await desk.app.execute(PARK, (order_no, 1, 5))
    act = (
        "INSERT INTO resolutions (resolution_id, order_no, park_no, action, actor, reason_enc)"
        " VALUES (%s, %s, %s, 'retry', 'a', '')"
    )
    for name in ("taken", "late"):
        await desk.app.execute(act, (f"{name} {order_no}", order_no, 1))
    await desk.app.execute(RESOLVED, (f"taken {order_no}", order_no, 1))
    await desk.app.execute(PARK, (order_no, 2, 5))
    assert await desk.refused(act, f"other {order_no}", order_no, 1) == ANOTHER_STEP
    for name in ("taken", "late"):
        assert await desk.refused(RESOLVED, f"{name} {order_no}", order_no, 2) == ANOTHER_STEP
        assert await desk.refused(RESOLVED, f"{name} {order_no}", order_no, 2, by_owner=True) == ANOTHER_STEP


async def test_a_yes_is_for_one_step_and_for_so_much(desk: Desk) -> None:
    order_no = await desk.order()
    await desk.app.execute(PARK, (order_no, 1, 6))
    await desk.app.execute(ASK, (order_no, "resolve", order_no, "skip"))
    await desk.app.execute(DECIDE, ("approved", "support:ben", order_no))
    assert await desk.refused(RESOLVE, f"dearer {order_no}", order_no, "skip", order_no) == NOT_APPROVED
    await desk.owner.execute("UPDATE parked_steps SET resolved_at = now() WHERE order_no = %s", (order_no,))
    await desk.app.execute(PARK, (order_no, 2, 5))
    assert await desk.refused(RESOLVE, f"next {order_no}", order_no, "skip", order_no) == NOT_APPROVED
