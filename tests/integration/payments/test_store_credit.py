"""Store credit, from the money that became it to the order that it paid, on real servers."""

from typing import Any

import httpx

from infra.db.checks import consistency_checks
from infra.db.orders.state import timeline
from infra.db.payments import store_credit
from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.holds import hold
from tests.factories.order_changes import change
from tests.integration.conftest import CHEAP, Office
from tests.order_stage import eventually
from tests.workflows.scenarios import noted


async def ordered(office: Office, customer: str, quantity: int = 1, method: str = "sandbox") -> str:
    """An order as the customer places it."""
    token = "tok_ok" if method == "sandbox" else "balance"
    body = an_order(
        CHEAP, quantity, customer={"id": customer, "name": "Li", "email": None, "phone": None},
        payment={"method": method, "token": token},
    )  # fmt: skip
    answer = await office.api.as_("customer", customer).post("/v1/orders", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def credited(office: Office, customer: str, amount_minor: int) -> str:
    """A paid order of the customer's of which `amount_minor` became store credit."""
    order_no = await ordered(office, customer, 5)
    await office.stage.reaches(order_no, "preparing")
    async with office.stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        await store_credit.grant(conn, customer, "CNY", amount_minor, order_no, None, f"{order_no}/credit/1")
    return order_no


async def credit_of(api: ApiClient, customer: str) -> dict[str, Any]:
    answer = await api.get(f"/v1/customers/{customer}/store-credit")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def only(body: dict[str, Any]) -> tuple[int, int]:
    (balance,) = body["balances"]
    return balance["balance_minor"], balance["held_minor"]


async def nothing_is_wrong(office: Office) -> None:
    async with office.stage.database.begin() as conn:
        answers = [await consistency_checks.run_checks(conn, question) for question in consistency_checks.CHECKS]
    assert not [f"{answer.question.name}: {answer.examples}" for answer in answers if answer.count]


async def test_credit_pays_an_order_and_comes_back_when_it_is_cancelled(office: Office) -> None:
    customer = unique("c-credit")
    me = office.api.as_("customer", customer)
    first = await credited(office, customer, 5_000)
    assert only(await credit_of(me, customer)) == (5_000, 0)

    order_no = await ordered(office, customer, 2, "store_credit")
    await office.stage.reaches(order_no, "preparing")
    assert only(await credit_of(me, customer)) == (1_000, 0)
    assert office.stage.payments(order_no) == []  # no provider outside was asked for anything

    cancelled = await me.post(f"/v1/orders/{order_no}/cancel", {"reason": "changed my mind"})
    assert cancelled.status_code == 200, cancelled.text
    await office.stage.reaches(order_no, "cancelled")
    body = await credit_of(office.staff("fin", "finance"), customer)
    assert only(body) == (5_000, 0)
    reported = [(item["kind"], item["amount_minor"], item["order_no"]) for item in body["items"]]
    assert reported == [
        ("returned", 4_000, order_no), ("spent", 4_000, order_no), ("held", 4_000, order_no),
        ("granted", 5_000, first),
    ]  # fmt: skip
    await nothing_is_wrong(office)


async def test_what_the_balance_does_not_cover_is_declined_and_paid_otherwise(office: Office) -> None:
    customer = unique("c-credit")
    me = office.api.as_("customer", customer)
    await credited(office, customer, 3_999)
    order_no = await ordered(office, customer, 2, "store_credit")
    await office.stage.reaches(order_no, "pending_payment")

    async def declined() -> httpx.Response:
        return await me.post(f"/v1/orders/{order_no}/payments", {"method": "store_credit", "token": "balance"})

    answer = await declined()
    while answer.status_code == 409 and answer.json()["code"] == "payment_in_progress":
        answer = await declined()
    assert (answer.status_code, answer.json()["outcome"]) == (201, "failed"), answer.text
    codes = await office.stage.sql(
        "SELECT DISTINCT data ->> 'code' FROM order_events WHERE order_no = :o AND type = 'payment_declined'",
        o=order_no,
    )
    assert [row[0] for row in codes] == ["insufficient_credit"]
    assert only(await credit_of(me, customer)) == (3_999, 0)

    paid = await me.post(f"/v1/orders/{order_no}/payments", {"method": "sandbox", "token": "tok_ok"})
    assert (paid.status_code, paid.json()["outcome"]) == (201, "captured"), paid.text
    await nothing_is_wrong(office)


async def test_the_last_cent_pays_one_of_two_orders(office: Office) -> None:
    customer = unique("c-credit")
    await credited(office, customer, 4_000)
    orders = [await ordered(office, customer, 2, "store_credit") for _ in range(2)]

    async def decided(order_no: str) -> str:
        declined = "payment_declined" in await office.stage.events(order_no)
        status = await office.stage.status(order_no)
        return "declined" if declined else status if status == "preparing" else ""

    ends = [await eventually(lambda order_no=order_no: decided(order_no)) for order_no in orders]
    assert sorted(ends) == ["declined", "preparing"]
    assert only(await credit_of(office.staff("ann"), customer)) == (0, 0)


async def test_store_credit_is_the_owners_and_the_staffs_business(office: Office) -> None:
    customer, stranger = unique("c-credit"), unique("c-credit")
    await credited(office, customer, 100)
    answer = await office.api.as_("customer", stranger).get(f"/v1/customers/{customer}/store-credit")
    assert (answer.status_code, answer.json()["code"]) == (404, "customer_not_found")
    answer = await office.staff("fin", "finance").get("/v1/customers/nobody/store-credit")
    assert (answer.status_code, answer.json()["code"]) == (404, "customer_not_found")
    page = await office.staff("ann").get(f"/v1/customers/{customer}/store-credit", limit=1, cursor="!!")
    assert (page.status_code, page.json()["code"]) == (422, "invalid_cursor")


async def paid_and_held(office: Office, customer: str) -> tuple[str, ApiClient]:
    """An order of one unit for 2,000 that waits for support, and its customer's door."""
    me = office.api.as_("customer", customer)
    body = an_order(CHEAP, 1, customer={"id": customer, "name": "Li", "email": None, "phone": None}, payment=None)
    order_no = str((await me.post("/v1/orders", body)).json()["order_no"])
    await office.stage.reaches(order_no, "pending_payment")
    await hold(office.stage, order_no, "address")
    answer = await me.post(f"/v1/orders/{order_no}/payments", {"method": "sandbox", "token": "tok_ok"})
    assert answer.is_success, answer.text
    await office.stage.reaches(order_no, "paid")
    return order_no, me


async def more_expensive(me: ApiClient, order_no: str) -> httpx.Response:
    body = {"lines": [{"sku": CHEAP, "quantity": 2}], "payment": {"method": "store_credit", "token": "balance"}}
    return await change(me, order_no, body, tag="*")


async def test_credit_pays_what_a_change_costs_more_and_comes_back_first(office: Office) -> None:
    customer = unique("c-credit")
    await credited(office, customer, 3_000)
    order_no, me = await paid_and_held(office, customer)
    assert (await more_expensive(me, order_no)).json()["state"] == "awaiting_payment"
    await noted(office.stage, order_no, "supplement_captured")
    assert only(await credit_of(me, customer)) == (1_000, 0)
    answer = await office.staff("ann").post(f"/v1/orders/{order_no}/cancel", {"reason": "not wanted"})
    assert answer.is_success, answer.text
    await office.stage.reaches(order_no, "cancelled")
    await eventually(lambda: _is(me, customer, (3_000, 0)))
    await nothing_is_wrong(office)


async def test_a_change_is_undone_when_the_credit_is_not_enough(office: Office) -> None:
    customer = unique("c-credit")
    await credited(office, customer, 1_999)
    order_no, me = await paid_and_held(office, customer)
    assert (await more_expensive(me, order_no)).json()["state"] == "awaiting_payment"
    await noted(office.stage, order_no, "change_undone")
    (rows,) = await office.stage.sql(
        "SELECT data->>'code' AS code FROM order_events WHERE order_no = :o AND type = 'change_undone'", o=order_no
    )
    assert rows.code == "insufficient_credit"
    assert only(await credit_of(me, customer)) == (1_999, 0)
    order = (await me.get(f"/v1/orders/{order_no}")).json()
    assert (order["total_minor"], order["pending_change"]) == (2_000, None)
    await nothing_is_wrong(office)


async def _is(me: ApiClient, customer: str, wanted: tuple[int, int]) -> bool:
    return only(await credit_of(me, customer)) == wanted
