"""Returns that are worth more than one person may give: a second person decides, whoever asked."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from api.return_acts import terms_of
from domain.after_sales import ReturnDue
from infra.db import events, return_tending, returns
from infra.db.return_settling import Settling
from tests.api.conftest import Door, open_door, unique
from tests.conftest import Books
from tests.console.conftest import sign_in
from tests.returning import a_return, delivered, found


@pytest.fixture
async def strict(database_url: Books, shop: Door) -> AsyncIterator[Door]:
    """A shop where one person gives back 40.00 at most; a piece of tea is worth 42.50."""
    async with open_door(database_url, approval_limit_minor=4_000) as door:
        yield door.as_("support", "amy")


async def received(strict: Door, resolution: str, customer: str = "c-17") -> tuple[str, str]:
    """(order, return): the goods are in the warehouse, nobody has looked at them."""
    person = {"id": customer, "name": "Li", "email": None, "phone": None}
    order_no = await delivered(strict, customer=person)
    made = await strict.post(f"/v1/orders/{order_no}/returns", a_return(resolution=resolution))
    return_id = str(made.json()["return_id"])
    answer = await strict.as_("warehouse", "wang").post(f"/v1/returns/{return_id}/receive", found())
    assert answer.status_code == 200, answer.text
    return order_no, return_id


async def nobody_looks_at_it(strict: Door, order_no: str, return_id: str) -> None:
    """The deadline of the inspection passes, as the return's own story sees it."""
    parts = strict.app.state.services
    await strict.sql("UPDATE returns SET deadline = now(), reminded_at = now() WHERE return_id = %s", return_id)
    async with parts.database.begin() as conn:
        await events.lock_order(conn, order_no)
        here = await returns.find(conn, return_id)
        await return_tending.tend(conn, here, ReturnDue.INSPECT, Settling(parts.keys, terms_of(parts), "system"))


async def approval_of(strict: Door, order_no: str) -> dict[str, Any]:
    rows = await strict.sql("SELECT approval_id FROM approvals WHERE order_no = %s", order_no)
    assert len(rows) == 1
    items = (await strict.get("/v1/support/approvals")).json()["items"]
    return dict(next(one for one in items if one["approval_id"] == rows[0]["approval_id"]))


@pytest.mark.parametrize("verb", ["approve", "refuse"])
async def test_what_a_deadline_asked_for_is_decided_by_a_person(strict: Door, verb: str) -> None:
    order_no, return_id = await received(strict, "refund")
    await nobody_looks_at_it(strict, order_no, return_id)
    asked = await approval_of(strict, order_no)
    assert (asked["asked_by"], asked["amount_minor"]) == ("system", 4_250)
    desk = await sign_in(strict, "support")
    page = await desk.get(f"/console/approvals/{asked['approval_id']}")
    assert page.status_code == 200 and f"/{verb}" in page.text
    done = await desk.post(f"/console/approvals/{asked['approval_id']}/{verb}", reason="seen")
    assert done.status_code == 303, done.text
    refund = (await strict.get(f"/v1/returns/{return_id}")).json()["refund"]
    assert refund["status"] == {"approve": "approved", "refuse": "refused"}[verb]
