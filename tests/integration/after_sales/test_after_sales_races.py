"""Two acts of after-sales at the same moment on real servers: one way or the other, and money goes back once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.db.autocommit import autocommit
from infra.db.orders.state import timeline
from infra.stack.temporal.temporal_server import TemporalServer
from tests.api.conftest import an_order, unique
from tests.conftest import DatabaseUrls
from tests.factories.order_changes import change, lines
from tests.factories.purchases import OLD, Buyer, shop_open
from tests.factories.refunds import given_back
from tests.factories.returns import a_return, found
from tests.integration.after_sales.test_delivery_exceptions import choose, moves, nothing_is_wrong
from tests.integration.conftest import CHEAP, Office
from tests.integration.orders.test_changes import WHATEVER, let_go, paid_and_held
from tests.integration.payments.test_refunds import refund
from tests.integration.test_races import NOTHING, cancel, held_by_the_world
from tests.order_stage import eventually

ROUNDS = 3


@pytest.fixture(scope="module")
async def office(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with shop_open(database_url, temporal, tmp_path_factory.mktemp("races")) as opened:
        await opened.stage.stock(CHEAP, 1000, price_minor=2_000)
        yield opened


@pytest.fixture(autouse=True)
async def ledger_is_consistent(office: Office) -> AsyncIterator[None]:
    yield
    await nothing_is_wrong(office)


@pytest.fixture
def buyer(office: Office) -> Buyer:
    return Buyer(office)


async def all_refunds_paid(office: Office, order_no: str) -> None:
    open_ones = "SELECT 1 FROM refunds WHERE order_no = :o AND status IN ('approved', 'awaiting_approval')"

    async def paid() -> bool:
        return not await office.stage.sql(open_ones, o=order_no)

    await eventually(paid)


async def test_support_refunds_the_pieces_while_their_return_is_settled(buyer: Buyer) -> None:
    """Both want the same two pieces: what one gives the other does not give again."""
    office = buyer.office
    for _ in range(ROUNDS):
        order_no = await buyer.buys(quantity=2)
        return_id = await buyer.asks(order_no, quantity=2, resolution="refund")
        body = found("as_new", OLD, 2)
        assert (await buyer.keeper.post(f"/v1/returns/{return_id}/receive", body)).status_code == 200
        inspected, refunded = await asyncio.gather(
            buyer.keeper.post(f"/v1/returns/{return_id}/inspect", body),
            refund(office, order_no, lines=[{"sku": OLD, "quantity": 2}]),
        )
        assert inspected.status_code == 200, inspected.text
        assert refunded.status_code in (201, 409), refunded.text
        done = await buyer.becomes(return_id, "completed")
        assert (refunded.status_code, done["settled"]) in ((201, "nothing_due"), (409, "refund_approved"))
        await all_refunds_paid(office, order_no)
        assert given_back(office.stage, order_no) == [2_000]


async def test_a_return_is_asked_for_when_the_window_closes(buyer: Buyer) -> None:
    """Never both: a completed order, and a return that nobody processes."""
    office = buyer.office

    async def close(order_no: str) -> bool:
        async with autocommit(office.stage.database) as conn:
            try:
                return await timeline.complete(conn, order_no)
            except Exception as error:
                assert "return_open" in str(error), error
                return False

    orders = [await buyer.buys() for _ in range(ROUNDS)]
    response = await asyncio.gather(
        *(close(order_no) for order_no in orders),
        *(buyer.api.post(f"/v1/orders/{order_no}/returns", a_return(OLD, 1)) for order_no in orders),
    )
    for order_no, closed, requested in zip(orders, response[:ROUNDS], response[ROUNDS:], strict=True):
        assert (closed, requested.status_code) in ((True, 409), (False, 201)), requested.text
        status = await office.stage.status(order_no)
        assert status == ("completed" if closed else "delivered")
        if not closed:
            return_id = requested.json()["return_id"]
            await buyer.sends_back(return_id)
            await buyer.becomes(return_id, "completed")
            assert given_back(office.stage, order_no) == [1_000]


async def test_two_exchanges_for_the_last_piece(buyer: Buyer) -> None:
    """One gets it; the other's new order is cancelled and refunded once."""
    office, rare = buyer.office, unique("LAST")
    await office.stage.stock(rare, 1, price_minor=1_000)
    pairs = []
    for _ in range(2):
        order_no = await buyer.buys()
        pairs.append((order_no, await buyer.asks(order_no, exchange_lines=[{"sku": rare, "quantity": 1}])))
    await asyncio.gather(*(buyer.sends_back(return_id) for _, return_id in pairs))
    ended: list[Any] = []
    for order_no, return_id in pairs:
        new = (await buyer.new_order(return_id))["order_no"]

        async def decided(number: str = new) -> str | None:
            status = await office.stage.status(number)
            return status if status in ("preparing", "cancelled") else None

        if await eventually(decided) == "preparing":
            await buyer.gets(new)
        await buyer.becomes(return_id, "completed")
        ended.append((await office.stage.status(new), sum(given_back(office.stage, order_no))))
    assert sorted(ended) == [("cancelled", 1_000), ("delivered", 0)]


async def test_lines_are_changed_while_the_order_is_cancelled(office: Office) -> None:
    for _ in range(ROUNDS):
        order_no = await paid_and_held(office, 3)
        changed, cancelled = await asyncio.gather(
            change(office.staff("ann"), order_no, lines(**{CHEAP: 1}), tag=WHATEVER), cancel(office, order_no)
        )
        assert cancelled.status_code == 200, cancelled.text
        assert changed.status_code == 200 or changed.json()["code"] == "order_closed", changed.text
        await office.stage.reaches(order_no, "cancelled")
        assert await held_by_the_world(office, order_no) == NOTHING
        assert sum(given_back(office.stage, order_no)) == 6_000


async def test_lines_are_changed_while_support_refunds_them(office: Office) -> None:
    for _ in range(ROUNDS):
        order_no = await paid_and_held(office, 2)
        changed, refunded = await asyncio.gather(
            change(office.staff("ann"), order_no, lines(**{CHEAP: 1}), tag=WHATEVER),
            refund(office, order_no, "ben", lines=[{"sku": CHEAP, "quantity": 2}]),
        )
        assert sorted((changed.status_code, refunded.status_code)) in ([200, 409], [201, 409]), changed.text
        await let_go(office, order_no)
        await all_refunds_paid(office, order_no)
        assert given_back(office.stage, order_no) == [2_000 if changed.status_code == 200 else 4_000]


async def test_support_refunds_while_the_customer_gives_the_lost_parcel_up(office: Office) -> None:
    for _ in range(ROUNDS):
        customer = unique("c-lost")
        body = an_order(OLD, 2, customer={"id": customer, "name": "Li", "email": None, "phone": None})
        me = office.api.as_("customer", customer)
        order_no = (await me.post("/v1/orders", body)).json()["order_no"]
        await office.stage.reaches(order_no, "preparing")
        await moves(office, order_no, "picked_up", "lost")
        await office.stage.parked(order_no)
        chosen, refunded = await asyncio.gather(
            choose(me, order_no, "refund"), refund(office, order_no, amount_minor=700)
        )
        assert chosen.status_code == 200, chosen.text
        assert refunded.status_code == 201 or refunded.json()["code"] == "order_closed", refunded.text
        await office.stage.reaches(order_no, "cancelled")
        assert sum(given_back(office.stage, order_no)) == 2_000
        assert (await held_by_the_world(office, order_no))["kept"] == 0
