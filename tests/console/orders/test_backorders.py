"""Support ships now what is there, and decides about the rest as the customer says."""

from tests.api.conftest import ApiClient
from tests.api.sourcing.test_backorders import partly, relay_of, slipped
from tests.console.conftest import sign_in
from tests.console.orders.test_drafting import ADDRESS, PERSON, sent
from tests.console.test_pages import hidden
from tests.factories.order_changes import stocked


async def test_a_telephone_order_ships_now_what_is_there(shop: ApiClient) -> None:
    support, sku = await sign_in(shop, "support"), await stocked(shop, units=1)
    fields = {"sku.0": sku, "quantity.0": "3", **PERSON, **ADDRESS, "ship_now": "1"}
    draft = (await sent(support, "/console/orders/new", do="save", **fields)).partition("?")[0]
    page = (await support.get(draft)).text
    assert "Ship now what is there" in page
    proof = {name: hidden(page, name) for name in ("version", "key", "seen_total")}
    await sent(support, draft, do="place", **proof, **fields)
    (row,) = await shop.sql(
        "SELECT o.backorder, o.ship_complete FROM orders o JOIN order_lines l USING (order_no) WHERE l.sku = %s", sku
    )
    assert (row["backorder"], row["ship_complete"]) == (True, False)


async def test_support_decides_about_what_is_missing_with_a_reason(shop: ApiClient) -> None:
    support, finance = await sign_in(shop, "support"), await sign_in(shop, "finance")
    sku = await stocked(shop, units=1)
    number = await partly(shop, sku)
    path = f"/console/orders/{number}"
    page = (await support.get(path)).text
    assert f"{path}/backorder/cancel" in page and f"{path}/backorder/wait" not in page
    assert f"{path}/backorder/cancel" not in (await finance.get(path)).text
    await slipped(shop, sku, number, relay_of(shop))
    assert f"{path}/backorder/wait" in (await support.get(path)).text
    form = (await support.get(f"{path}/backorder/cancel")).text
    assert "the other parts of the order go on" in form
    without = await support.post(f"{path}/backorder", choice="cancel", key=hidden(form, "key"), reason="")
    assert without.status_code == 422
    fields = {"choice": "cancel", "key": hidden(form, "key"), "reason": "does not wait"}
    assert (await support.post(f"{path}/backorder", **fields)).status_code == 303
    assert "cancelled" in (await support.get(path)).text
    acts = await shop.sql("SELECT action, detail FROM staff_actions WHERE order_no = %s", number)
    assert [tuple(one.values()) for one in acts] == [("backorder", "cancel")]
    assert (await finance.get(f"{path}/backorder/wait")).status_code == 403
    gone = await support.get(f"{path}/backorder/cancel")
    assert "Nothing of this order waits for stock" in gone.text
