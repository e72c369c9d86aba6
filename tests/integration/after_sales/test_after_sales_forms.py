"""After-sales that support does in the console for a customer, over a real worker."""

import re

import pytest

from tests.api.conftest import unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.integration.after_sales.test_delivery_exceptions import _booked, level, troubled
from tests.integration.conftest import DEAR, Office
from tests.order_stage import eventually


def hidden(html: str, name: str) -> str:
    return re.findall(rf'name="{name}" value="([^"]*)"', html)[0]


@pytest.fixture
async def ann(office: Office) -> StaffBrowser:
    return await sign_in(office.api, "support")


async def trail(office: Office, order_no: str, action: str) -> list[tuple[str, str]]:
    rows = await office.stage.sql(
        "SELECT actor, after FROM audit_log WHERE order_no = :o AND action = :a", o=order_no, a=action
    )
    return [tuple(row) for row in rows]


async def test_support_has_a_lost_parcel_sent_again_once(office: Office, ann: StaffBrowser) -> None:
    sku = unique("AGAIN")
    await office.stage.stock(sku, 4, price_minor=500)
    order_no, _ = await troubled(office, "lost", sku)
    path = f"/console/orders/{order_no}/parcel"
    assert f'href="{path}/reship"' in (await ann.get(f"/console/orders/{order_no}")).text
    page = (await ann.get(path)).text
    assert "The carrier has lost the parcel" in page and "WH-EAST" in page and "10.00" in page
    assert await level(office, sku) == (2, 0, 0)  # looking changes nothing

    fields = {"choice": "reship", "reason": "<i>she rang</i>", "key": hidden(page, "key")}
    assert (await ann.post(path, **fields | {"reason": " "})).status_code == 422
    for _ in range(2):
        done = await ann.post(path, **fields)
        assert (done.status_code, done.headers["location"]) == (303, f"/console/orders/{order_no}")
    await eventually(lambda: _booked(office, order_no))
    assert await level(office, sku) == (2, 2, 0)
    assert await trail(office, order_no, "order_parcel") == [(f"support:{ann.name}", "reship")]
    assert "&lt;i&gt;she rang" in (await ann.get(f"/console/orders/{order_no}/audit")).text
    order = (await ann.get(f"/console/orders/{order_no}")).text
    assert "&lt;i&gt;she rang" in order and f'href="{path}/' not in order
    late = await ann.post(path, choice="refund", reason="too late")
    assert (late.status_code, "No parcel of this order is lost or refused" in late.text) == (409, True)


async def test_support_gives_the_money_back_where_nothing_is_left_to_send(office: Office) -> None:
    browser = await sign_in(office.api, "support", "zh")
    sku = unique("SHORT")
    await office.stage.stock(sku, 2, price_minor=500)
    order_no, _ = await troubled(office, "refused", sku)
    path = f"/console/orders/{order_no}/parcel"
    page = (await browser.get(path)).text
    assert "包裹被拒收" in page and "目前没有仓库能够重新发出全部商品" in page and "10.00" in page
    assert page.count('name="choice"') == 1  # the one choice that is left
    short = await browser.post(path, choice="reship", reason="客户来电")
    assert short.status_code == 409 and not await trail(office, order_no, "order_parcel")
    assert (await browser.post(path, choice="refund", reason="客户来电")).status_code == 303
    await office.stage.reaches(order_no, "cancelled")
    assert office.stage.payments(order_no)[-1] == ("refund", "succeeded")
    assert await trail(office, order_no, "order_parcel") == [(f"support:{browser.name}", "refund")]


async def test_more_money_than_one_person_gives_back_is_led_to_a_second(office: Office, ann: StaffBrowser) -> None:
    order_no, _ = await troubled(office, "lost", DEAR)
    path = f"/console/orders/{order_no}/parcel"
    page = (await ann.get(path)).text
    assert "Actions above your limit need approval" in page and f'href="/console/stuck/{order_no}"' in page
    alone = await ann.post(path, choice="refund", reason="she rang")
    assert alone.status_code == 403 and "Another person must decide" in alone.text
    response = await ann.post(f"/console/stuck/{order_no}", action="compensate", reason="lost")
    assert response.headers["location"].startswith("/console/approvals/")


async def test_the_parcel_of_others_is_not_theirs_to_decide(office: Office, ann: StaffBrowser) -> None:
    order_no, _ = await troubled(office, "lost")
    path = f"/console/orders/{order_no}/parcel"
    for role in ("warehouse", "finance", "operations"):
        browser = await sign_in(office.api, role)
        assert f"{path}/" not in (await browser.get(f"/console/orders/{order_no}")).text
        assert (await browser.get(path)).status_code == 403
        assert (await browser.post(path, choice="refund", reason="x")).status_code == 403
        body = {"choice": "refund", "reason": "x"}
        over_http = await office.staff(browser.name, role).post(f"/v1/orders/{order_no}/delivery-problem", body)
        assert over_http.status_code == 403
    foreign = await ann.http.post(path, data={"csrf": "x", "choice": "refund", "reason": "x"})
    assert foreign.status_code == 403
    assert (await ann.post(path, choice="wait", reason="x")).status_code == 422
    nothing = await ann.get(f"/console/orders/{await office.unpaid()}/parcel")
    assert (nothing.status_code, "No parcel of this order" in nothing.text) == (409, True)
    assert (await ann.get("/console/orders/OM-NONE/parcel")).status_code == 404
