"""Returns in the console: found, answered, received, inspected, each by whom it is for."""

import re

import pytest

from api.console import i18n
from domain.after_sales.returns import Condition, Reason, Resolution, ReturnDue, ReturnStatus
from tests.api.after_sales.test_lines import at_home
from tests.api.conftest import ApiClient
from tests.console.catalogue.test_product_pages import wrong
from tests.console.conftest import StaffBrowser, sign_in
from tests.factories.returns import a_return, delivered, found


def hidden(html: str, name: str) -> str:
    return re.findall(rf'name="{name}" value="([^"]*)"', html)[0]


async def request_return(browser: StaffBrowser) -> tuple[str, str]:
    """(order number, return id)."""
    order_no = await delivered(browser.api)
    answer = await browser.api.post(f"/v1/orders/{order_no}/returns", a_return(reason="<b>too green</b>"))
    return order_no, str(answer.json()["return_id"])


async def test_a_return_is_asked_for_shown_first_and_followed(support: StaffBrowser) -> None:
    order_no = await delivered(support.api)
    form = await support.get(f"/console/orders/{order_no}/return")
    assert form.status_code == 200 and "Quantity of TEA-1 (of 2)" in form.text
    body = {"units.TEA-1": "2", "reason": "the customer rang", "reason_code": "changed_mind"}
    means = await support.post(f"/console/orders/{order_no}/return", **body)
    assert "85.00" in means.text and not await support.api.sql("SELECT 1 FROM returns WHERE order_no = %s", order_no)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', means.text))
    fields.pop("csrf")
    done = await support.post(f"/console/orders/{order_no}/return", **fields, confirm="1")
    assert done.status_code == 303
    page = await support.get(f"/console/orders/{order_no}")
    (return_id,) = set(re.findall(r"/console/returns/(rt_[0-9a-z]+)", page.text))
    assert return_id in (await support.get("/console/returns", status="approved")).text
    assert return_id not in (await support.get("/console/returns", status="rejected")).text
    nothing = await support.get(f"/console/orders/{order_no}/return")
    assert "This order has nothing that can be returned" in nothing.text


@pytest.mark.parametrize("body", [{"units.TEA-1": "9"}, {"units.TEA-1": "x"}, {}, {"units.TEA-1": "1", "reason": ""}])
async def test_a_bad_request_is_refused_in_words(support: StaffBrowser, body: dict[str, str]) -> None:
    order_no = await delivered(support.api)
    answer = await support.post(f"/console/orders/{order_no}/return", **{"reason": "x", **body})
    assert answer.status_code in (409, 422) and "<h1" in answer.text


async def test_the_warehouse_receives_and_inspects(shop: ApiClient) -> None:
    browser = await sign_in(shop, "warehouse")
    _, return_id = await request_return(browser)
    path = f"/console/returns/{return_id}"
    page = await browser.get(path)
    assert "42.50" in page.text and "&lt;b&gt;too green" in page.text and f"{path}/cancel" not in page.text
    none = await browser.post(f"{path}/receive", key=hidden(page.text, "key"))
    assert none.status_code == 422
    counted = {"as_new.1": "0", "damaged.1": "1", "missing.1": "0", "wrong_item.1": ""}
    received = await browser.post(f"{path}/receive", key=hidden(page.text, "key"), **counted)
    assert received.status_code == 303
    page = await browser.get(path)
    assert 'name="damaged.1" type="text" value="1"' in page.text
    nowhere = await browser.post(f"{path}/inspect", key="first", location="NONE", **{"as_new.1": "1"})
    assert (nowhere.status_code, wrong(nowhere.text)) == (422, {"location"}) and 'value="NONE"' in nowhere.text
    assert (await browser.post(f"{path}/inspect", key=hidden(page.text, "key"), **counted)).status_code == 303
    page = await browser.get(path)
    assert "1 damaged" in page.text and "Inspected" in page.text and f"{path}/inspect" not in page.text
    twice = await browser.post(f"{path}/receive", key="other", **counted)
    assert twice.status_code == 409 and "return_already_received" in twice.text


def invalid(html: str) -> set[str]:
    """The fields that an error stands at."""
    return set(re.findall(r'class="form-control is-invalid" id="[^"]*" name="([^"]+)"', html))


@pytest.mark.parametrize(
    ("counts", "wrong"),
    [
        ({"damaged.1": "x"}, {"damaged.1"}),
        ({"as_new.1": "1", "missing.1": "7"}, {"as_new.1", "missing.1"}),
        ({"as_new.1": "0"}, {"as_new.1"}),
    ],
)
async def test_counts_that_are_refused_stay_in_the_form_with_the_error_at_the_field(
    shop: ApiClient, counts: dict[str, str], wrong: set[str]
) -> None:
    browser = await sign_in(shop, "warehouse")
    _, return_id = await request_return(browser)
    refused = await browser.post(f"/console/returns/{return_id}/receive", key="k", **counts)
    assert refused.status_code in (409, 422) and invalid(refused.text) == wrong
    assert all(f'name="{name}" type="text" value="{typed}"' in refused.text for name, typed in counts.items())


async def test_a_rejection_without_a_reason_is_refused_at_the_field(shop: ApiClient) -> None:
    browser = await sign_in(shop, "support")
    order_no = await delivered(browser.api, lines=[{"sku": "TEA-1", "quantity": 30}])
    answer = await browser.api.post(f"/v1/orders/{order_no}/returns", a_return(quantity=30))
    assert answer.json()["status"] == "requested"
    return_id = answer.json()["return_id"]
    refused = await browser.post(f"/console/returns/{return_id}/reject", key="k", reason=" ")
    assert refused.status_code == 422 and invalid(refused.text) == {"reason"}


async def test_who_may_what(shop: ApiClient) -> None:
    browsers = {role: await sign_in(shop, role) for role in ("support", "warehouse", "finance", "operations", "admin")}
    order_no, return_id = await request_return(browsers["support"])
    path = f"/console/returns/{return_id}"
    response = {role: (await browser.get(path)).text for role, browser in browsers.items()}
    assert {role for role, text in response.items() if f"{path}/receive" in text} == {"support", "warehouse", "admin"}
    assert {role for role, text in response.items() if f"{path}/cancel" in text} == {"support", "admin"}
    assert {role for role, text in response.items() if "too green" in text} == {"support", "warehouse", "admin"}
    actions = {role: (await browser.post(f"{path}/approve", key="k")).status_code for role, browser in browsers.items()}
    assert {role for role, status in actions.items() if status == 303} == {"support", "warehouse", "admin"}
    asks = {
        role: (await browser.get(f"/console/orders/{order_no}/return")).status_code
        for role, browser in browsers.items()
    }
    assert {role for role, status in asks.items() if status == 200} == {"support", "admin"}
    labels = {role: (await browser.get(f"{path}/label")).status_code for role, browser in browsers.items()}
    assert labels == {"support": 404, "warehouse": 404, "admin": 404, "finance": 403, "operations": 403}
    gone = await browsers["support"].get("/console/returns/rt_none")
    assert gone.status_code == 404 and "no such return" in gone.text


async def test_a_form_of_another_session_does_nothing(support: StaffBrowser) -> None:
    _, return_id = await request_return(support)
    for verb in ("approve", "reject", "cancel", "receive", "inspect"):
        answer = await support.http.post(f"/console/returns/{return_id}/{verb}", data={"csrf": "x", "reason": "x"})
        assert answer.status_code == 403


async def test_the_pages_speak_chinese(shop: ApiClient) -> None:
    browser = await sign_in(shop, "support", "zh")
    order_no, return_id = await request_return(browser)
    for path, there in (
        ("returns", "退货"),
        (f"returns/{return_id}", "确认收货"),
        (f"orders/{order_no}/return", "创建退货"),
        (f"orders/{order_no}", "已同意"),
    ):
        assert there in (await browser.get(f"/console/{path}")).text


def test_every_code_of_a_return_has_words() -> None:
    wanted = {f"return_status.{one}" for one in ReturnStatus} | {f"return_due.{one}" for one in ReturnDue}
    wanted |= {f"condition.{one}" for one in Condition} | {f"return_reason.{one}" for one in Reason}
    wanted |= {f"resolution.{one}" for one in Resolution}
    assert wanted <= set(i18n.catalogue())


async def test_the_board_counts_returns_that_wait_for_somebody(shop: ApiClient) -> None:
    browser = await sign_in(shop, "warehouse")

    def tile(html: str, status: str) -> int:
        return int(re.findall(rf'/console/returns\?status={status}">[^<]*<span[^>]*>(\d+)</span>', html)[0])

    before = (await browser.get("/console/orders")).text
    _, return_id = await request_return(browser)
    await shop.post(f"/v1/returns/{return_id}/receive", found())
    order_no = await delivered(shop)
    await shop.sql(
        """INSERT INTO returns (return_id, order_no, resolution, reason_code, reason_enc, requested_by, warehouse)
           VALUES ('rt_board', %s, 'refund', 'other', '', 'customer:c-17', 'WH-EAST')""",
        order_no,
    )
    after = (await browser.get("/console/orders")).text
    assert tile(after, "received") == tile(before, "received") + 1
    assert tile(after, "requested") == tile(before, "requested") + 1
    assert "Returns to approve" in after
    assert "/console/returns?status=" not in (await (await sign_in(shop, "finance")).get("/console/orders")).text


async def test_each_line_of_a_sku_is_sent_back_received_and_inspected_separately(support: StaffBrowser) -> None:
    order_no = await at_home(support.api)
    form = (await support.get(f"/console/orders/{order_no}/return")).text
    assert "Quantity of TEA-1, line 2 at ¥8.00 (of 2)" in form and 'name="units_of_line.1"' in form
    body = {"units_of_line.2": "1", "reason": "the customer rang", "reason_code": "changed_mind"}
    means = await support.post(f"/console/orders/{order_no}/return", **body)
    assert "¥8.00" in means.text and "line 2" in means.text
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', means.text))
    fields.pop("csrf")
    done = await support.post(f"/console/orders/{order_no}/return", **fields, confirm="1")
    path = done.headers["location"]
    page = await support.get(path)
    assert "line 2" in page.text and 'name="as_new.2"' in page.text and 'name="as_new.1"' not in page.text
    for verb in ("receive", "inspect"):
        answer = await support.post(f"{path}/{verb}", key=hidden(page.text, "key"), **{"as_new.2": "1"})
        assert answer.status_code == 303, answer.text
    rows = await support.api.sql("SELECT amount_minor FROM refunds WHERE order_no = %s", order_no)
    assert rows == [{"amount_minor": 800}]
    unknown = await support.post(f"/console/orders/{order_no}/return", **(body | {"units_of_line.x": "1"}))
    assert unknown.status_code == 422 and "unknown_line" in unknown.text
