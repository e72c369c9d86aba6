"""Goods for goods, on real servers: even, cheaper, more expensive, out of stock, sent back again; and store credit."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.stack.temporal.temporal_server import TemporalServer
from tests.api.conftest import an_order, unique
from tests.conftest import DatabaseUrls
from tests.factories.purchases import CHEAP, DEAR, OLD, Buyer, inconsistencies, shop_open
from tests.factories.returns import a_return
from tests.integration.conftest import Office


@pytest.fixture(scope="module")
async def office(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with shop_open(database_url, temporal, tmp_path_factory.mktemp("exchanges")) as opened:
        yield opened


@pytest.fixture
def buyer(office: Office) -> Buyer:
    return Buyer(office)


@pytest.fixture(autouse=True)
async def ledger_is_consistent(office: Office) -> AsyncIterator[None]:
    yield
    assert not await inconsistencies(office)


async def test_the_same_again_costs_nothing_and_comes(buyer: Buyer) -> None:
    order_no = await buyer.buys(quantity=2)
    assert (await buyer.previews(order_no))["to_pay_minor"] == 0
    return_id = await buyer.asks(order_no)
    await buyer.sends_back(return_id)

    new = await buyer.new_order(return_id)
    assert (new["type"], new["exchange_of"], new["exchange_return"]) == ("exchange", order_no, return_id)
    assert (new["total_minor"], new["discount_minor"], new["lines"][0]["sku"]) == (0, 1_000, OLD)
    assert new["ship_to"]["line1"] == "Made-up Road 1"
    await buyer.gets(new["order_no"])
    done = await buyer.becomes(return_id, "completed")
    assert (done["settled"], done["exchange"]["status"]) == ("exchange_placed", "placed")
    assert await buyer.retained_minor(order_no, new["order_no"]) == 2_000  # two pieces kept, two paid
    assert "exchange_sent" in await buyer.office.stage.events(order_no)


async def test_something_cheaper_leaves_money_that_goes_back(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    wanted = [{"sku": CHEAP, "quantity": 1}]
    reported = await buyer.previews(order_no, exchange_lines=wanted)
    assert (reported["to_pay_minor"], reported["to_refund_minor"]) == (0, 300)
    return_id = await buyer.asks(order_no, exchange_lines=wanted)
    await buyer.sends_back(return_id)
    new = await buyer.new_order(return_id)
    await buyer.gets(new["order_no"])
    await buyer.becomes(return_id, "completed")
    assert (new["total_minor"], await buyer.retained_minor(order_no, new["order_no"])) == (0, 700)


async def test_something_more_expensive_is_paid_for(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no, exchange_lines=[{"sku": DEAR, "quantity": 1}])
    await buyer.sends_back(return_id)
    new = await buyer.new_order(return_id)
    assert (new["total_minor"], new["discount_minor"]) == (600, 1_000)
    await buyer.office.stage.reaches(new["order_no"], "pending_payment")
    body = (await buyer.api.get(f"/v1/orders/{new['order_no']}")).json()
    waits = datetime.fromisoformat(body["waiting_for"]["until"]) - datetime.now(UTC)
    assert body["waiting_for"]["what"] == "payment"
    assert timedelta(days=2) < waits <= timedelta(days=3), "the goods may be inspected while he sleeps"
    pay = {"method": "sandbox", "token": "tok_ok"}
    paid = await buyer.api.post(f"/v1/orders/{new['order_no']}/payments", pay)
    assert (paid.status_code, paid.json()["outcome"]) == (201, "captured"), paid.text
    await buyer.gets(new["order_no"])
    await buyer.becomes(return_id, "completed")
    assert await buyer.retained_minor(order_no, new["order_no"]) == 1_600


async def test_out_of_stock_falls_back_to_money_once(buyer: Buyer) -> None:
    rare = unique("RARE")
    await buyer.office.stage.stock(rare, 1, price_minor=1_000)
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no, exchange_lines=[{"sku": rare, "quantity": 2}])
    await buyer.sends_back(return_id)
    new = await buyer.new_order(return_id)
    await buyer.office.stage.reaches(new["order_no"], "cancelled")
    done = await buyer.becomes(return_id, "completed")
    assert done["exchange"]["status"] == "fell_back"
    assert await buyer.retained_minor(order_no, new["order_no"]) == 0
    events = await buyer.office.stage.events(order_no)
    assert (events.count("exchange_fell_back"), events.count("payment_refunded")) == (1, 1)


async def test_a_more_expensive_one_that_is_given_up_falls_back_to_money(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no, exchange_lines=[{"sku": DEAR, "quantity": 1}])
    await buyer.sends_back(return_id)
    new = await buyer.new_order(return_id)
    await buyer.office.stage.reaches(new["order_no"], "pending_payment")
    given_up = await buyer.api.post(f"/v1/orders/{new['order_no']}/cancel", {"reason": "too dear"})
    assert given_up.status_code == 200, given_up.text
    await buyer.becomes(return_id, "completed")
    assert await buyer.retained_minor(order_no, new["order_no"]) == 0


async def test_what_was_exchanged_and_comes_back_is_refunded_where_it_was_paid(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    first = await buyer.asks(order_no, exchange_lines=[{"sku": DEAR, "quantity": 1}])
    await buyer.sends_back(first)
    new = await buyer.new_order(first)
    await buyer.office.stage.reaches(new["order_no"], "pending_payment")
    await buyer.api.post(f"/v1/orders/{new['order_no']}/payments", {"method": "sandbox", "token": "tok_ok"})
    await buyer.gets(new["order_no"])

    second = await buyer.asks(new["order_no"], DEAR, resolution="refund")
    await buyer.sends_back(second, DEAR)
    await buyer.becomes(second, "completed")
    assert await buyer.retained_minor(order_no) == 0
    assert await buyer.retained_minor(new["order_no"]) == 0


async def test_an_exchange_of_an_exchange_piece_by_piece_adds_up(buyer: Buyer) -> None:
    """1,000 for two cheaper ones at 700: 400 are paid; both come back, one as money, one for the same again."""
    order_no = await buyer.buys()
    first = await buyer.asks(order_no, exchange_lines=[{"sku": CHEAP, "quantity": 2}])
    await buyer.sends_back(first)
    new = (await buyer.new_order(first))["order_no"]
    await buyer.office.stage.reaches(new, "pending_payment")
    await buyer.api.post(f"/v1/orders/{new}/payments", {"method": "sandbox", "token": "tok_ok"})
    await buyer.gets(new)
    assert await buyer.retained_minor(order_no, new) == 1_400

    money = await buyer.asks(new, CHEAP, resolution="refund")
    await buyer.sends_back(money, CHEAP)
    await buyer.becomes(money, "completed")
    assert await buyer.retained_minor(order_no, new) == 700

    again = await buyer.asks(new, CHEAP)
    await buyer.sends_back(again, CHEAP)
    third = (await buyer.new_order(again))["order_no"]
    await buyer.gets(third)
    await buyer.becomes(again, "completed")
    assert await buyer.retained_minor(order_no, new, third) == 700

    last = await buyer.asks(third, CHEAP, resolution="refund")
    await buyer.sends_back(last, CHEAP)
    await buyer.becomes(last, "completed")
    assert await buyer.retained_minor(order_no, new, third) == 0


async def test_a_return_becomes_store_credit_that_pays_the_next_order(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no, resolution="store_credit")
    await buyer.sends_back(return_id)
    await buyer.becomes(return_id, "completed")
    credit = (await buyer.api.get(f"/v1/customers/{buyer.name}/store-credit")).json()
    assert credit["balances"] == [{"currency": "CNY", "balance_minor": 1_000, "held_minor": 0}]
    assert credit["items"][0]["return_id"] == return_id
    assert await buyer.retained_minor(order_no) == 1_000  # it stays, and is owed

    body = an_order(CHEAP, 1, customer={"id": buyer.name, "name": "Li", "email": None, "phone": None})
    body["payment"] = {"method": "store_credit", "token": "balance"}
    spent = (await buyer.api.post("/v1/orders", body)).json()["order_no"]
    await buyer.gets(spent)
    back = await buyer.asks(spent, CHEAP, resolution="refund")
    await buyer.sends_back(back, CHEAP)
    await buyer.becomes(back, "completed")
    credit = (await buyer.api.get(f"/v1/customers/{buyer.name}/store-credit")).json()
    assert credit["balances"][0]["balance_minor"] == 1_000


async def decides(buyer: Buyer, order_no: str, verb: str) -> None:
    """An approver's decision on what waits of this order."""
    rows = await buyer.office.stage.sql(
        "SELECT approval_id FROM approvals WHERE order_no = :o AND decision IS NULL AND action = 'store_credit'",
        o=order_no,
    )
    ((approval_id,),) = rows
    path = f"/v1/support/approvals/{approval_id}/{verb}"
    answer = await buyer.office.staff("fay", "finance").post(path, {"reason": "seen"})
    assert answer.status_code == 200, answer.text


async def balance(buyer: Buyer) -> int:
    credit = (await buyer.api.get(f"/v1/customers/{buyer.name}/store-credit")).json()
    return sum(one["balance_minor"] for one in credit["balances"])


@pytest.mark.parametrize(("verb", "granted"), [("approve", 101_000), ("refuse", 0)])
async def test_large_store_credit_waits_for_an_approver_and_then_the_return_ends(
    buyer: Buyer, verb: str, granted: int
) -> None:
    order_no = await buyer.buys(OLD, 101)
    return_id = await buyer.asks(order_no, OLD, 101, resolution="store_credit")
    await buyer.sends_back(return_id, OLD, 101)
    waiting = await buyer.detail(return_id)
    assert (waiting["status"], waiting["settled"]) == ("inspected", "credit_awaiting_approval")
    assert await balance(buyer) == 0
    await decides(buyer, order_no, verb)
    assert await balance(buyer) == granted
    await buyer.becomes(return_id, "completed")
    assert await buyer.retained_minor(order_no) == 101_000  # no money left, whatever was decided


async def test_large_store_credit_for_goods_that_were_exchanged_waits_too(buyer: Buyer) -> None:
    order_no = await buyer.buys(OLD, 101)
    first = await buyer.asks(order_no, OLD, 101)
    await buyer.sends_back(first, OLD, 101)
    new = (await buyer.new_order(first))["order_no"]
    await buyer.gets(new)
    second = await buyer.asks(new, OLD, 101, resolution="store_credit")
    await buyer.sends_back(second, OLD, 101)
    assert (await buyer.detail(second))["settled"] == "credit_awaiting_approval"
    assert await balance(buyer) == 0
    await decides(buyer, order_no, "approve")
    assert await balance(buyer) == 101_000
    await buyer.becomes(second, "completed")


async def test_what_came_broken_or_not_at_all_is_not_exchanged(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no)
    await buyer.sends_back(return_id, condition="missing")
    done = await buyer.becomes(return_id, "completed")
    assert (done["settled"], done["exchange"]["order_no"]) == ("nothing_due", None)
    assert await buyer.retained_minor(order_no) == 1_000


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"exchange_lines": [{"sku": "NOWHERE", "quantity": 1}]}, "unknown_sku"),
        ({"exchange_lines": [{"sku": OLD, "quantity": 0}]}, "invalid_quantity"),
        ({"resolution": "refund", "exchange_lines": [{"sku": OLD, "quantity": 1}]}, "exchange_lines_not_expected"),
    ],
)
async def test_bad_requests_are_refused(buyer: Buyer, options: dict[str, Any], code: str) -> None:
    order_no = await buyer.buys()
    for path in (f"/v1/orders/{order_no}/returns", f"/v1/orders/{order_no}/returns?preview=true"):
        answer = await buyer.api.post(path, a_return(OLD, 1, **{"resolution": "exchange", **options}))
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
