"""Returns that are worth more than one person may give: an approver decides, whoever asked."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.after_sales.returns import ReturnDue
from infra.db.after_sales import return_deadlines, returns
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.settlement import SettlementContext
from infra.db.orders.state import timeline
from tests.api.conftest import ApiClient, open_api, unique
from tests.conftest import DatabaseUrls
from tests.console.conftest import sign_in
from tests.factories.returns import a_return, delivered, found


@pytest.fixture
async def strict(database_url: DatabaseUrls, shop: ApiClient) -> AsyncIterator[ApiClient]:
    """A shop where one person gives back 40.00 at most; a piece of tea is worth 42.50."""
    async with open_api(database_url, approval_limit_minor=4_000) as api:
        yield api.as_("support", "amy")


async def received(strict: ApiClient, resolution: str, customer: str = "c-17") -> tuple[str, str]:
    """(order, return): the goods are in the warehouse, nobody has looked at them."""
    buyer = {"id": customer, "name": "Li", "email": None, "phone": None}
    order_no = await delivered(strict, customer=buyer)
    made = await strict.post(f"/v1/orders/{order_no}/returns", a_return(resolution=resolution))
    return_id = str(made.json()["return_id"])
    answer = await strict.as_("warehouse", "wang").post(f"/v1/returns/{return_id}/receive", found())
    assert answer.status_code == 200, answer.text
    return order_no, return_id


async def nobody_looks_at_it(strict: ApiClient, order_no: str, return_id: str) -> None:
    """The deadline of the inspection passes, as the return's own story sees it."""
    services = strict.app.state.services
    await strict.sql("UPDATE returns SET deadline = now(), reminded_at = now() WHERE return_id = %s", return_id)
    async with services.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        order_return = await returns.find(conn, return_id)
        context = SettlementContext(services.keys, ReturnPolicy.from_settings(services.settings), "system")
        await return_deadlines.process_due(conn, order_return, ReturnDue.INSPECT, context)


async def approval_of(strict: ApiClient, order_no: str) -> dict[str, Any]:
    rows = await strict.sql("SELECT approval_id FROM approvals WHERE order_no = %s", order_no)
    assert len(rows) == 1
    items = (await strict.get("/v1/support/approvals")).json()["items"]
    return dict(next(one for one in items if one["approval_id"] == rows[0]["approval_id"]))


@pytest.mark.parametrize("verb", ["approve", "refuse"])
async def test_what_a_deadline_asked_for_is_decided_by_a_person(strict: ApiClient, verb: str) -> None:
    order_no, return_id = await received(strict, "refund")
    await nobody_looks_at_it(strict, order_no, return_id)
    approval = await approval_of(strict, order_no)
    assert (approval["asked_by"], approval["amount_minor"]) == ("system", 4_250)
    browser = await sign_in(strict, "support")
    page = await browser.get(f"/console/approvals/{approval['approval_id']}")
    assert page.status_code == 200 and f"/{verb}" in page.text
    done = await browser.post(f"/console/approvals/{approval['approval_id']}/{verb}", reason="seen")
    assert done.status_code == 303, done.text
    refund = (await strict.get(f"/v1/returns/{return_id}")).json()["refund"]
    assert refund["status"] == {"approve": "approved", "refuse": "refused"}[verb]


async def inspected(strict: ApiClient, return_id: str) -> dict[str, Any]:
    answer = await strict.as_("warehouse", "wang").post(f"/v1/returns/{return_id}/inspect", found())
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def credit_of(strict: ApiClient, customer: str) -> int:
    balances = (await strict.get(f"/v1/customers/{customer}/store-credit")).json()["balances"]
    return sum(one["balance_minor"] for one in balances)


async def test_large_store_credit_waits_and_is_there_once_another_person_agrees(strict: ApiClient) -> None:
    customer = unique("c-large")
    order_no, return_id = await received(strict, "store_credit", customer)
    done = await inspected(strict, return_id)
    assert (done["settled"], done["refund"]["status"]) == ("credit_awaiting_approval", "awaiting_approval")
    assert await credit_of(strict, customer) == 0
    approval = await approval_of(strict, order_no)
    assert (approval["kind"], approval["action"], approval["amount_minor"]) == ("refund", "store_credit", 4_250)
    left = (await strict.get(f"/v1/orders/{order_no}")).json()
    assert "refund" in left["allowed_actions"]  # the other piece; the room of this one is taken
    too_much = await strict.post(f"/v1/orders/{order_no}/refunds", {"amount_minor": 4_251, "reason": "x"})
    assert too_much.json()["code"] == "refund_exceeds_captured"

    path = f"/v1/support/approvals/{approval['approval_id']}/approve"
    own = await strict.as_("finance", "wang").post(path, {"reason": "mine"})
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
    keys = [unique("key"), unique("key")]
    answers = await asyncio.gather(*(strict.post(path, {"reason": "seen"}, key=key) for key in (*keys, keys[0])))
    assert {200, 409} >= {answer.status_code for answer in answers}
    assert await credit_of(strict, customer) == 4_250
    again = await strict.post(path, {"reason": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "approval_decided")
    assert (await strict.get(f"/v1/returns/{return_id}")).json()["refund"]["status"] == "succeeded"
    due = await strict.sql("SELECT status FROM refunds WHERE order_no = %s AND status = 'approved'", order_no)
    assert not due  # nothing is left that the order's workflow would pay in money
    paid = await strict.sql(
        "SELECT provider, amount_minor FROM payments WHERE order_no = %s AND kind = 'refund'", order_no
    )
    assert paid == [{"provider": "store_credit", "amount_minor": 4_250}]
    trail = await strict.sql(
        "SELECT actor, action FROM audit_log WHERE order_no = %s AND action ~ 'approv|credit'", order_no
    )
    assert [(row["actor"], row["action"]) for row in trail] == [
        ("warehouse:wang", "approval_asked"),
        ("support:amy", "approval_approved"),
        ("support:amy", "refund_approved"),
        ("warehouse:wang", "store_credit_granted"),
    ]


async def test_large_store_credit_that_is_refused_is_not_there_and_frees_its_room(strict: ApiClient) -> None:
    customer = unique("c-refused")
    order_no, return_id = await received(strict, "store_credit", customer)
    await nobody_looks_at_it(strict, order_no, return_id)
    approval = await approval_of(strict, order_no)
    assert approval["asked_by"] == "system"
    browser = await sign_in(strict, "finance", "zh")
    page = (await browser.get(f"/console/approvals/{approval['approval_id']}")).text
    assert "发放店铺余额" in page and "¥42.50" in page
    assert (await browser.post(f"/console/approvals/{approval['approval_id']}/refuse", reason="no")).status_code == 303
    assert await credit_of(strict, customer) == 0
    assert (await strict.get(f"/v1/returns/{return_id}")).json()["refund"]["status"] == "refused"
    all_of_it = {"amount_minor": 8_500, "reason": "instead"}
    assert (await strict.post(f"/v1/orders/{order_no}/refunds?preview=true", all_of_it)).status_code == 200


async def test_small_store_credit_is_there_at_once(shop: ApiClient) -> None:
    customer = unique("c-small")
    order_no, return_id = await received(shop, "store_credit", customer)
    assert (await inspected(shop, return_id))["settled"] == "credit_granted"
    assert await credit_of(shop, customer) == 4_250
    assert not await shop.sql("SELECT 1 FROM approvals WHERE order_no = %s", order_no)
