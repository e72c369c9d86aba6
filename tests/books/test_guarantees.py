"""Guarantees and exchanges in the books: what no code may do, however wrong it is."""

import secrets

import pytest

from tests.books.writing import Desk


async def guaranteed(desk: Desk) -> tuple[str, str, int]:
    """(order, return, authorisation) of an advance exchange whose guarantee is authorised."""
    order_no, return_id = await desk.order(), f"rt_{secrets.token_hex(8)}"
    for event, source, target in (
        ("stock_reserved", "received", "pending_payment"), ("payment_captured", "pending_payment", "paid"),
        ("shipment_booked", "paid", "preparing"), ("shipment_picked_up", "preparing", "shipped"),
        ("shipment_delivered", "shipped", "delivered"),
    ):  # fmt: skip
        await desk.event(order_no, event, source, target)
    await desk.rows(
        "INSERT INTO returns (return_id, order_no, resolution, reason_code, reason_enc, requested_by, warehouse) "
        "VALUES (%s, %s, 'exchange', 'other', '', 'test', 'WH-EAST')", return_id, order_no
    )  # fmt: skip
    await desk.rows("INSERT INTO exchanges (return_id, order_no, advance) VALUES (%s, %s, true)", return_id, order_no)
    await desk.rows(
        "INSERT INTO guarantees (return_id, order_no, amount_minor, currency, method, token) "
        "VALUES (%s, %s, 1000, 'CNY', 'sandbox', 'tok_ok')", return_id, order_no
    )  # fmt: skip
    authorisation = await desk.payment(order_no, "authorise", "succeeded", purpose="guarantee")
    await desk.rows("UPDATE guarantees SET status = 'authorised' WHERE return_id = %s", return_id)
    return order_no, return_id, authorisation


@pytest.mark.parametrize(("first", "second"), [("capture", "capture"), ("capture", "void"), ("void", "capture")])
async def test_a_guarantee_ends_once(desk: Desk, first: str, second: str) -> None:
    order_no, _, authorisation = await guaranteed(desk)
    await desk.payment(order_no, first, "intent", parent=authorisation, purpose="guarantee")
    with pytest.raises(Exception, match=r"payments_guarantee_ends_once|payments_one_void"):
        await desk.payment(order_no, second, "intent", parent=authorisation, purpose="guarantee")


async def test_what_becomes_of_the_return_decides(desk: Desk) -> None:
    _, return_id, _ = await guaranteed(desk)
    for status in ("approved", "expired"):
        await desk.rows("UPDATE returns SET status = %s WHERE return_id = %s", status, return_id)
    told = "SELECT status, claim_minor FROM guarantees WHERE return_id = %s"
    assert await desk.rows(told, return_id) == [("claim_due", 1000)]
    await desk.rows("UPDATE returns SET status = 'received' WHERE return_id = %s", return_id)
    assert await desk.rows(told, return_id) == [("authorised", None)]


async def test_a_claim_under_way_is_not_turned_back(desk: Desk) -> None:
    order_no, return_id, authorisation = await guaranteed(desk)
    for status in ("approved", "expired"):
        await desk.rows("UPDATE returns SET status = %s WHERE return_id = %s", status, return_id)
    key = f"{order_no}/guarantee/{return_id}/capture/1"
    await desk.payment(order_no, "capture", "intent", parent=authorisation, purpose="guarantee", key=key)
    await desk.rows("UPDATE returns SET status = 'received' WHERE return_id = %s", return_id)
    assert await desk.one("SELECT status FROM guarantees WHERE return_id = %s", return_id) == "claim_due"
    back = "UPDATE guarantees SET status = 'release_due' WHERE return_id = %s"
    assert await desk.refused(back, return_id) == "OM173"


@pytest.mark.parametrize("status", ["wanted", "claimed", "released", "declined"])
async def test_no_step_is_skipped(desk: Desk, status: str) -> None:
    _, return_id, _ = await guaranteed(desk)
    assert await desk.refused("UPDATE guarantees SET status = %s WHERE return_id = %s", status, return_id) == "OM173"


async def test_an_exchange_falls_back_once(desk: Desk) -> None:
    _, return_id, _ = await guaranteed(desk)
    await desk.rows("UPDATE exchanges SET status = 'fell_back' WHERE return_id = %s", return_id)
    for status in ("wanted", "placed"):
        assert await desk.refused("UPDATE exchanges SET status = %s WHERE return_id = %s", status, return_id) == "OM172"
