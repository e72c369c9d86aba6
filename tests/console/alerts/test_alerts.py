"""The console's page of notices: what is wrong now, the channels, and the forms for them, in both languages."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.api.conftest import ApiClient, open_api
from tests.conftest import DatabaseUrls
from tests.console.conftest import StaffBrowser, sign_in
from tests.console.test_pages import hidden
from tests.infra.alerts.alert_servers import Robots
from tests.infra.servers import serving

PAGE = "/console/notices"
ROBOT = {"kind": "wecom", "name": "on duty", "target": "https://1.1.1.1/send?key=k3y", "language": "zh"}


@pytest.fixture
async def browser(shop: ApiClient) -> AsyncIterator[StaffBrowser]:
    yield await sign_in(shop, "operations")
    # Not TRUNCATE: its lock on a whole table and a relay that reads two of them can wait for each other.
    for statement in ("DELETE FROM alerts", "DELETE FROM alert_channels"):
        await shop.sql(statement)


async def test_what_is_wrong_is_shown_with_since_count_and_when_it_was_reported(shop: ApiClient) -> None:
    operations, chinese, admin = [
        await sign_in(shop, *who) for who in (("operations",), ("operations", "zh"), ("admin",))
    ]
    assert "No active alerts" in (await operations.get(PAGE)).text
    assert "目前没有告警" in (await chinese.get(PAGE)).text
    facts = '{"step": "book", "error": "<script>alert(1)</script>", "provider": "sandbox"}'
    await shop.sql(
        "INSERT INTO alerts (cause, kind, facts, count, most, amounts) VALUES ('c', 'stuck', %s, 1234, 1234, %s)",
        facts,
        '[{"currency": "CNY", "amount_minor": 500}]',
    )
    live = await operations.http.get(PAGE, headers={"X-Live": "1"})
    assert "<html" not in live.text and "Orders: 1,234" in live.text and "not yet" in live.text
    assert "¥5.00" in live.text and "Orders are stuck · book the carrier" in live.text
    assert "<script>alert" not in live.text and "&lt;script&gt;" in live.text
    assert "订单卡住 · 预约承运商" in (await chinese.get(PAGE)).text
    # The orders of the cause are support's to see.
    assert "/console/stuck/group" not in live.text
    assert "/console/stuck/group?step=book" in (await admin.get(PAGE)).text
    await shop.sql("DELETE FROM alerts")


async def test_a_channel_is_added_once_shown_and_removed(browser: StaffBrowser) -> None:
    form = await browser.get(PAGE)
    assert "Alerts are not sent to anyone yet" in form.text and "E-mail" not in form.text
    key = hidden(form.text, "key")
    added = [
        await browser.post(PAGE, key=key, **{"cause.stuck": "1", "cause.escalated": "1"}, **ROBOT) for _ in range(2)
    ]
    assert [answer.status_code for answer in added] == [200, 200]
    assert "on duty was added" in added[0].text and "k3y" not in added[0].text
    rows = await browser.api.sql("SELECT channel_id, causes, created_by FROM alert_channels")
    assert [(row["causes"], row["created_by"]) for row in rows] == [
        (["escalated", "stuck"], f"operations:{browser.name}")
    ]  # fmt: skip
    page = (await browser.get(PAGE)).text
    assert "https://1.1.1.1" in page and "WeCom robot" in page and "k3y" not in page
    removed = await browser.post(f"{PAGE}/{rows[0]['channel_id']}/remove")
    assert (removed.status_code, removed.headers["location"]) == (303, PAGE)
    assert "Alerts are not sent to anyone yet" in (await browser.get(PAGE)).text
    assert (await browser.post(f"{PAGE}/{rows[0]['channel_id']}/remove")).status_code == 404
    assert (await browser.post(f"{PAGE}/{rows[0]['channel_id']}/test")).status_code == 404


async def test_a_webhooks_secret_is_shown_once(browser: StaffBrowser) -> None:
    added = await browser.post(PAGE, **(ROBOT | {"kind": "webhook"}))
    [secret] = re.findall(r"whsec_[^<]+", added.text)
    assert secret not in (await browser.get(PAGE)).text


async def test_a_name_is_only_a_name(browser: StaffBrowser) -> None:
    added = await browser.post(PAGE, **(ROBOT | {"name": '"><script>alert(1)</script>'}))
    assert added.status_code == 200
    assert "<script>alert" not in added.text and "&lt;script&gt;alert" in added.text


@pytest.mark.parametrize(
    ("fields", "code", "status"),
    [
        ({"kind": "telegram"}, "validation_failed", 422),
        ({"kind": ""}, "validation_failed", 422),
        ({"name": " "}, "validation_failed", 422),
        ({"name": "a\0b"}, "invalid_text", 422),
        ({"target": "https://127.0.0.1/"}, "webhook_target_refused", 422),
        ({"target": "http://1.1.1.1/"}, "webhook_target_refused", 422),
        ({"secret": "SEC"}, "validation_failed", 422),
        ({"kind": "email", "target": "nobody"}, "validation_failed", 422),
        ({"kind": "email", "target": "team@example.com"}, "email_not_configured", 422),
        ({"language": "xx"}, "validation_failed", 422),
        ({"cause.weather": "1"}, "validation_failed", 422),
        ({"csrf": "0" * 32}, "form_expired", 403),
    ],
)
async def test_a_form_that_does_not_fit_is_refused_in_words(
    browser: StaffBrowser, fields: dict[str, str], code: str, status: int
) -> None:
    answer = await browser.post(PAGE, **(ROBOT | fields))
    assert (answer.status_code, code in answer.text, "<h1>" in answer.text) == (status, True, True), answer.text
    assert await browser.api.sql("SELECT 1 FROM alert_channels") == []


async def test_operations_alone_see_and_change_channels(shop: ApiClient) -> None:
    for role in ("support", "warehouse", "finance"):
        browser = await sign_in(shop, role)
        assert (await browser.get(PAGE)).status_code == 403
        assert PAGE not in (await browser.get("/console")).text
        for path in ("", "/nch_1/test", "/nch_1/remove"):
            assert (await browser.post(f"{PAGE}{path}", **ROBOT)).status_code == 403, path
    for role in ("operations", "admin"):
        browser = await sign_in(shop, role)
        assert (await browser.get(PAGE)).status_code == 200
        assert PAGE in (await browser.get("/console")).text


async def test_a_test_shows_what_the_channel_said_and_a_failure_stays_visible(
    database_url: DatabaseUrls, shop: ApiClient
) -> None:
    server = Robots()
    async with serving(server.app) as base, open_api(database_url, allow_private_webhook_targets=True) as api:
        browser = await sign_in(api, "operations", "zh")
        await browser.post(PAGE, **(ROBOT | {"target": f"{base}/cgi-bin/webhook/send?key=k3y"}))
        [row] = await api.sql("SELECT channel_id FROM alert_channels WHERE active")
        good = await browser.post(f"{PAGE}/{row['channel_id']}/test")
        assert (good.status_code, "渠道已接收测试告警" in good.text) == (200, True)
        server.answer = {"errcode": 45009, "errmsg": "<b>api freq out of limit</b>"}
        bad = await browser.post(f"{PAGE}/{row['channel_id']}/test")
        assert "errcode_45009" in bad.text and "&lt;b&gt;api freq out of limit" in bad.text
        await api.sql("INSERT INTO alerts (cause, kind, facts, count, most) VALUES ('c', 'stuck', '{}', 1, 1)")
        await api.sql(
            "INSERT INTO alert_deliveries (alert_id, channel_id, number, phase, state, tries, last_error, done_at) "
            "SELECT alert_id, %s, 1, 'begun', 'failed', 10, 'http_503', now() FROM alerts",
            row["channel_id"],
        )
        page = (await browser.get(PAGE)).text
        assert "已放弃" in page and "http_503" in page and "已尝试 10 次" in page
    assert server.texts()[0].startswith("### OMS · 测试")


async def test_a_webhook_endpoint_that_was_switched_off_is_shown_and_replayed(shop: ApiClient) -> None:
    operations, chinese = await sign_in(shop, "operations"), await sign_in(shop, "operations", "zh")
    body = {"url": "https://1.1.1.1/hooks?a=<b>", "stock_channels": ["web", "tm<b>"]}
    added = await shop.as_("operations").post("/v1/webhook-endpoints", body)
    endpoint_id = added.json()["endpoint_id"]
    off = "UPDATE webhook_endpoints SET active = false, disabled_at = now(), last_error = 'timeout'"
    await shop.sql(off + " WHERE endpoint_id = %s", endpoint_id)
    form = (await operations.get("/console/webhooks")).text
    assert "disabled" in form and "timeout" in form and "?a=&lt;b&gt;" in form
    assert "Stock levels of web, tm&lt;b&gt;" in form
    in_chinese = (await chinese.get("/console/webhooks")).text
    assert "已停用" in in_chinese and "渠道库存：web" in in_chinese
    answer = await operations.post(f"/console/webhooks/{endpoint_id}/replay", key=hidden(form, "key"))
    assert answer.status_code == 200 and "0 messages are being resent" in answer.text
    (row,) = await shop.sql("SELECT active, disabled_at FROM webhook_endpoints WHERE endpoint_id = %s", endpoint_id)
    assert row == {"active": True, "disabled_at": None}
    support = await sign_in(shop, "support")
    assert (await support.get("/console/webhooks")).status_code == 403
    await shop.as_("operations").delete(f"/v1/webhook-endpoints/{endpoint_id}")
