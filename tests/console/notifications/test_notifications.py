"""The order's page shows the messages to the customer, and support has it sent again."""

from tests.api.conftest import ApiClient
from tests.api.notifications.test_notifications import placed, tried
from tests.console.conftest import sign_in


async def test_the_page_shows_what_was_reported_to_whom_and_when(shop: ApiClient) -> None:
    sent, _ = await placed(shop)
    await tried(shop, sent, None)
    finance = await sign_in(shop, "finance")
    page = (await finance.get(f"/console/orders/{sent}")).text
    assert "Message: " in page and "l***@example.com" in page and "Chinese · version 1" in page
    assert "Chinese" in page and "sent" in page and "li@example.com" not in page
    chinese = (await (await sign_in(shop, "finance", "zh")).get(f"/console/orders/{sent}")).text
    assert "消息" in chinese and "邮件" in chinese and "已发送" in chinese


async def test_a_message_is_opened_as_it_was_sent(shop: ApiClient) -> None:
    order_no, _ = await placed(shop)
    await tried(shop, order_no, None, {"subject": "Order <b>received</b>", "body": "First line\nSecond line"})
    path = f"/console/orders/{order_no}/messages/{order_no}.1.email"
    for lang, word in (("en", "Subject"), ("zh", "主题")):
        support = await sign_in(shop, "support", lang)
        assert f'href="{path}"' in (await support.get(f"/console/orders/{order_no}")).text
        page = (await support.get(path)).text
        assert word in page and "Order &lt;b&gt;received" in page and "First line\nSecond line" in page
        assert "l***@example.com" in page
    finance = await sign_in(shop, "finance")
    assert f'href="{path}"' not in (await finance.get(f"/console/orders/{order_no}")).text
    assert (await finance.get(path)).status_code == 403
    assert (await support.get(path.replace(".1.", ".9."))).status_code == 404


async def test_who_left_no_address_is_shown_with_the_reason(shop: ApiClient) -> None:
    order_no, _ = await placed(shop, email=None, phone=None)
    page = (await (await sign_in(shop, "support")).get(f"/console/orders/{order_no}")).text
    assert "not sent" in page and "the customer has no e-mail address and no telephone number" in page


async def test_support_has_a_failed_one_sent_again_and_nobody_else(shop: ApiClient) -> None:
    order_no, _ = await placed(shop)
    await tried(shop, order_no, "rejected")
    path = f"/console/orders/{order_no}/messages/{order_no}.1.email"
    warehouse = await sign_in(shop, "warehouse")
    assert "the provider rejected it" in (await warehouse.get(f"/console/orders/{order_no}")).text
    assert "Resend" not in (await warehouse.get(f"/console/orders/{order_no}")).text
    assert (await warehouse.post(path)).status_code == 403
    support = await sign_in(shop, "support")
    assert "Resend" in (await support.get(f"/console/orders/{order_no}")).text
    key = f"again {order_no}.1.email 0"
    for _ in range(2):
        answer = await support.post(path, key=key)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/console/orders/{order_no}")
    page = (await support.get(f"/console/orders/{order_no}")).text
    assert "sending" in page and "Resend" not in page
    late = await support.post(path)
    assert (late.status_code, "Only a failed message" in late.text) == (409, True)
