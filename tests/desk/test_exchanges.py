"""Goods for goods, on real servers: even, cheaper, dearer, out of stock, sent back again; and store credit."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.db import audit_books
from infra.stack.temporal import TemporalServer
from tests.api.conftest import Door, an_order, open_door, unique
from tests.conftest import Books
from tests.desk.conftest import Office
from tests.returning import a_return, found
from tests.stage import eventually, staged

OLD, CHEAP, DEAR = "OLD", "CHEAPER", "DEARER"
SAME = ("task_queue", "deployment_name", "build_id", "master_key", "return_window_s")


@pytest.fixture(scope="module")
async def office(
    database_url: Books, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    folder = tmp_path_factory.mktemp("exchanges")
    async with staged(database_url, temporal.address, folder, return_window_s=3600) as stage:
        for sku, price_minor in ((OLD, 1_000), (CHEAP, 700), (DEAR, 1_600)):
            await stage.stock(sku, 1000, price_minor=price_minor)
        same = {name: getattr(stage.settings, name) for name in SAME}
        async with open_door(database_url, temporal_address=temporal.address, workflow_timeout_s=10, **same) as door:
            yield Office(stage, door)


class Buyer:
    """A customer who sends things back, and the warehouse that takes them."""

    def __init__(self, office: Office) -> None:
        self.office, self.name = office, unique("c-exchange")
        self.door: Door = office.door.as_("customer", self.name)
        self.keeper = office.person("wang", "warehouse")

    async def buys(self, sku: str = OLD, quantity: int = 1) -> str:
        """An order at his door."""
        wish = an_order(sku, quantity, customer={"id": self.name, "name": "Li", "email": None, "phone": None})
        order_no = (await self.door.post("/v1/orders", wish)).json()["order_no"]
        await self.gets(order_no)
        return str(order_no)

    async def gets(self, order_no: str) -> None:
        await self.office.stage.reaches(order_no, "preparing")
        await self.office.stage.carrier_says(order_no, "delivered")
        await self.office.stage.reaches(order_no, "delivered")

    async def asks(self, order_no: str, sku: str = OLD, quantity: int = 1, **how: Any) -> str:
        how = {"resolution": "exchange"} | how
        answer = await self.door.post(f"/v1/orders/{order_no}/returns", a_return(sku, quantity, **how))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["return_id"])

    async def previews(self, order_no: str, sku: str = OLD, quantity: int = 1, **how: Any) -> dict[str, Any]:
        how = {"resolution": "exchange"} | how
        path = f"/v1/orders/{order_no}/returns?preview=true"
        answer = await self.door.post(path, a_return(sku, quantity, **how))
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["consequence"]["exchange"])

    async def sends_back(self, return_id: str, sku: str = OLD, quantity: int = 1, condition: str = "as_new") -> None:
        for verb in ("receive", "inspect"):
            body = found(condition, sku, quantity)
            answer = await self.keeper.post(f"/v1/returns/{return_id}/{verb}", body)
            assert answer.status_code == 200, answer.text

    async def shown(self, return_id: str) -> dict[str, Any]:
        return dict((await self.door.get(f"/v1/returns/{return_id}")).json())

    async def becomes(self, return_id: str, status: str) -> dict[str, Any]:
        async def there() -> dict[str, Any] | None:
            shown = await self.shown(return_id)
            return shown if shown["status"] == status else None

        found_there: dict[str, Any] = await eventually(there)
        return found_there

    async def new_order(self, return_id: str) -> dict[str, Any]:
        async def there() -> str | None:
            exchange = (await self.shown(return_id))["exchange"]
            return exchange["order_no"] if exchange else None

        order_no = await eventually(there)
        return dict((await self.door.get(f"/v1/orders/{order_no}")).json())

    async def kept_minor(self, *orders: str) -> int:
        """What the provider has of his money."""
        kept = 0
        for order_no in orders:
            items = self.office.stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
            for item in items:
                sign = {"capture": 1, "refund": -1}.get(item["kind"], 0)
                kept += sign * item["amount_minor"] if item["status"] == "succeeded" else 0
        return kept


@pytest.fixture
def buyer(office: Office) -> Buyer:
    return Buyer(office)


@pytest.fixture(autouse=True)
async def the_books_are_right(office: Office) -> AsyncIterator[None]:
    yield
    async with office.stage.database.begin() as conn:
        answers = [await audit_books.ask(conn, question) for question in audit_books.QUESTIONS]
    assert not [f"{answer.question.name}: {answer.examples}" for answer in answers if answer.count]


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
    assert await buyer.kept_minor(order_no, new["order_no"]) == 2_000  # two pieces kept, two paid
    assert "exchange_sent" in await buyer.office.stage.events(order_no)


async def test_something_cheaper_leaves_money_that_goes_back(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    wanted = [{"sku": CHEAP, "quantity": 1}]
    told = await buyer.previews(order_no, exchange_lines=wanted)
    assert (told["to_pay_minor"], told["to_refund_minor"]) == (0, 300)
    return_id = await buyer.asks(order_no, exchange_lines=wanted)
    await buyer.sends_back(return_id)
    new = await buyer.new_order(return_id)
    await buyer.gets(new["order_no"])
    await buyer.becomes(return_id, "completed")
    assert (new["total_minor"], await buyer.kept_minor(order_no, new["order_no"])) == (0, 700)


async def test_something_dearer_is_paid_for(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no, exchange_lines=[{"sku": DEAR, "quantity": 1}])
    await buyer.sends_back(return_id)
    new = await buyer.new_order(return_id)
    assert (new["total_minor"], new["discount_minor"]) == (600, 1_000)
    await buyer.office.stage.reaches(new["order_no"], "pending_payment")
    pay = {"method": "sandbox", "token": "tok_ok"}
    paid = await buyer.door.post(f"/v1/orders/{new['order_no']}/payments", pay)
    assert (paid.status_code, paid.json()["outcome"]) == (201, "captured"), paid.text
    await buyer.gets(new["order_no"])
    await buyer.becomes(return_id, "completed")
    assert await buyer.kept_minor(order_no, new["order_no"]) == 1_600


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
    assert await buyer.kept_minor(order_no, new["order_no"]) == 0
    told = await buyer.office.stage.events(order_no)
    assert (told.count("exchange_fell_back"), told.count("payment_refunded")) == (1, 1)


async def test_a_dearer_one_that_is_given_up_falls_back_to_money(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no, exchange_lines=[{"sku": DEAR, "quantity": 1}])
    await buyer.sends_back(return_id)
    new = await buyer.new_order(return_id)
    await buyer.office.stage.reaches(new["order_no"], "pending_payment")
    given_up = await buyer.door.post(f"/v1/orders/{new['order_no']}/cancel", {"reason": "too dear"})
    assert given_up.status_code == 200, given_up.text
    await buyer.becomes(return_id, "completed")
    assert await buyer.kept_minor(order_no, new["order_no"]) == 0


async def test_what_was_exchanged_and_comes_back_is_refunded_where_it_was_paid(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    first = await buyer.asks(order_no, exchange_lines=[{"sku": DEAR, "quantity": 1}])
    await buyer.sends_back(first)
    new = await buyer.new_order(first)
    await buyer.office.stage.reaches(new["order_no"], "pending_payment")
    await buyer.door.post(f"/v1/orders/{new['order_no']}/payments", {"method": "sandbox", "token": "tok_ok"})
    await buyer.gets(new["order_no"])

    second = await buyer.asks(new["order_no"], DEAR, resolution="refund")
    await buyer.sends_back(second, DEAR)
    await buyer.becomes(second, "completed")
    assert await buyer.kept_minor(order_no) == 0
    assert await buyer.kept_minor(new["order_no"]) == 0


async def test_an_exchange_of_an_exchange_piece_by_piece_adds_up(buyer: Buyer) -> None:
    """1,000 for two cheaper ones at 700: 400 are paid; both come back, one as money, one for the same again."""
    order_no = await buyer.buys()
    first = await buyer.asks(order_no, exchange_lines=[{"sku": CHEAP, "quantity": 2}])
    await buyer.sends_back(first)
    new = (await buyer.new_order(first))["order_no"]
    await buyer.office.stage.reaches(new, "pending_payment")
    await buyer.door.post(f"/v1/orders/{new}/payments", {"method": "sandbox", "token": "tok_ok"})
    await buyer.gets(new)
    assert await buyer.kept_minor(order_no, new) == 1_400

    money = await buyer.asks(new, CHEAP, resolution="refund")
    await buyer.sends_back(money, CHEAP)
    await buyer.becomes(money, "completed")
    assert await buyer.kept_minor(order_no, new) == 700

    again = await buyer.asks(new, CHEAP)
    await buyer.sends_back(again, CHEAP)
    third = (await buyer.new_order(again))["order_no"]
    await buyer.gets(third)
    await buyer.becomes(again, "completed")
    assert await buyer.kept_minor(order_no, new, third) == 700

    last = await buyer.asks(third, CHEAP, resolution="refund")
    await buyer.sends_back(last, CHEAP)
    await buyer.becomes(last, "completed")
    assert await buyer.kept_minor(order_no, new, third) == 0


async def test_a_return_becomes_store_credit_that_pays_the_next_order(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no, resolution="store_credit")
    await buyer.sends_back(return_id)
    await buyer.becomes(return_id, "completed")
    credit = (await buyer.door.get(f"/v1/customers/{buyer.name}/store-credit")).json()
    assert credit["balances"] == [{"currency": "CNY", "balance_minor": 1_000, "held_minor": 0}]
    assert credit["items"][0]["return_id"] == return_id
    assert await buyer.kept_minor(order_no) == 1_000  # it stays, and is owed

    wish = an_order(CHEAP, 1, customer={"id": buyer.name, "name": "Li", "email": None, "phone": None})
    wish["payment"] = {"method": "store_credit", "token": "balance"}
    spent = (await buyer.door.post("/v1/orders", wish)).json()["order_no"]
    await buyer.gets(spent)
    back = await buyer.asks(spent, CHEAP, resolution="refund")
    await buyer.sends_back(back, CHEAP)
    await buyer.becomes(back, "completed")
    credit = (await buyer.door.get(f"/v1/customers/{buyer.name}/store-credit")).json()
    assert credit["balances"][0]["balance_minor"] == 1_000


async def test_what_came_broken_or_not_at_all_is_not_exchanged(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no)
    await buyer.sends_back(return_id, condition="missing")
    done = await buyer.becomes(return_id, "completed")
    assert (done["settled"], done["exchange"]["order_no"]) == ("nothing_due", None)
    assert await buyer.kept_minor(order_no) == 1_000


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"exchange_lines": [{"sku": "NOWHERE", "quantity": 1}]}, "unknown_sku"),
        ({"exchange_lines": [{"sku": OLD, "quantity": 0}]}, "invalid_quantity"),
        ({"resolution": "refund", "exchange_lines": [{"sku": OLD, "quantity": 1}]}, "exchange_lines_not_expected"),
    ],
)
async def test_bad_wishes_are_refused(buyer: Buyer, how: dict[str, Any], code: str) -> None:
    order_no = await buyer.buys()
    for path in (f"/v1/orders/{order_no}/returns", f"/v1/orders/{order_no}/returns?preview=true"):
        answer = await buyer.door.post(path, a_return(OLD, 1, **{"resolution": "exchange", **how}))
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
