"""The console in a real browser, against the running stack."""

import re
import secrets
import time
from typing import Any

import pyotp
import pytest
from axe_playwright_python.async_playwright import DEFAULT_OPTIONS, Axe
from playwright.async_api import Browser, Page

from api.console.navigation import NAVIGATION
from tests.e2e.conftest import CHROMIUM
from tests.faults import driver
from tests.faults.console import hired
from tests.faults.stackrun import StackRun, until
from tests.infra.alerts.alert_servers import Robots
from tests.infra.servers import serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; .ci/run installs it"),
]


async def signed_in(live: StackRun, browser: Browser, role: str, **context: object) -> Page:
    """A page of somebody who typed name, password and code."""
    member = await hired(live, role)
    page = await (await browser.new_context(base_url=live.ready["api"], **context)).new_page()  # type: ignore[arg-type]
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    await page.goto("/console")
    await page.fill("input[name=name]", member["name"])
    await page.fill("input[name=password]", member["password"])
    await page.fill("input[name=code]", pyotp.TOTP(member["secret"]).generate_otp(int(time.time()) // 30))
    await page.press("input[name=code]", "Enter")
    await page.wait_for_selector(".topbar .account")
    return page


async def loaded_anew(page: Page) -> None:
    """Returns when a form in the side panel is accepted: the page has the same address before and after."""
    await page.locator("dialog[open]").wait_for(state="detached")


async def test_support_tries_one_then_moves_all(live: StackRun, browser: Browser) -> None:
    orders = await driver.stuck_at_booking(live, await driver.stocked(live, 100), 4)
    page = await signed_in(live, browser, "support", locale="en")
    await page.press("body", "/")
    await page.keyboard.type(orders[0])
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/console/orders/{orders[0]}")
    await page.locator("[data-action=retry_booking]").click()
    retry = page.locator("form", has=page.locator("input[value=retry]"))
    await retry.locator("input[name=reason]").fill("try one")
    await retry.get_by_role("button").click()
    await loaded_anew(page)
    await live.reaches(orders[0], "preparing")
    await page.get_by_text("preparing").first.wait_for()  # automatically

    await page.goto("/console/stuck/group?step=book&error=rejected&provider=sandbox")
    retry = page.locator("form", has=page.locator("input[value=retry]"))
    await retry.locator("input[name=reason]").fill("carrier is back")
    await retry.get_by_role("button").click()
    await page.fill("input[name=count]", await page.locator("dd.num").inner_text())
    await page.get_by_role("button", name=re.compile("Retry ×")).click()
    await page.wait_for_url("**/console/jobs/job_*")
    await page.locator("[data-ended]").wait_for(timeout=60_000)
    for order_no in orders[1:]:
        await live.reaches(order_no, "preparing")
        assert len(await live.items("/shipments", order_no=order_no)) == 1
    assert not await page.get_by_role("button", name=re.compile("Stop")).count()


async def test_support_pauses_lets_go_on_and_retries_a_step_while_the_carrier_is_down(
    live: StackRun, browser: Browser
) -> None:
    order_no = await driver.retrying_at_booking(live, await driver.stocked(live, 10))
    page = await signed_in(live, browser, "support", locale="en")
    await page.goto("/console/stuck")
    await page.locator("#main").get_by_role("link", name="Retrying steps").click()
    await page.get_by_role("link", name=order_no).click()
    await page.wait_for_url(f"**/console/orders/{order_no}/running")
    await confirm_action(page, "pause")
    await page.get_by_text("paused", exact=True).wait_for()

    async def waits() -> bool:
        return not (await page.locator("dl").inner_text()).count("running now")

    await until(waits, "the attempt that ran is over")
    tried = len(await live.sql("SELECT 1 FROM shipments WHERE order_no = %(o)s AND tries > 0", o=order_no))
    await live.sandbox("DELETE", "/faults")  # the carrier is back, and nobody asks it
    await page.goto("/console/retrying")
    await page.locator("tr", has_text=order_no).get_by_text("paused").wait_for()
    assert tried and (await live.order(order_no))["status"] == "paid"
    await page.goto(f"/console/orders/{order_no}/running")
    await live.sandbox("POST", "/faults", json={"target": "carriers", "mode": "down", "match": {"order_no": order_no}})
    await confirm_action(page, "unpause")
    await page.locator("input[value=retry_now]").wait_for(state="attached")
    await live.sandbox("DELETE", "/faults")
    await confirm_action(page, "retry_now")
    await live.reaches(order_no, "preparing")
    assert len(await live.items("/shipments", order_no=order_no)) == 1


async def confirm_action(page: Page, action: str) -> None:
    """Fill the form of an act on the page of what is under way, and send it; it may be replaced while it is filled."""
    form = page.locator("form", has=page.locator(f"input[value={action}]"))
    await form.locator("input[name=reason]").fill("the carrier telephoned")
    await form.get_by_role("button").click()
    await page.wait_for_load_state()


async def test_support_cancels_after_seeing_what_it_means(live: StackRun, browser: Browser) -> None:
    order_no = await driver.place(live, driver.basket(await driver.stocked(live, 10), quantity=2))
    await live.reaches(order_no, "preparing")
    page = await signed_in(live, browser, "support", locale="zh-CN", viewport={"width": 390, "height": 844})
    await page.goto(f"/console/orders/{order_no}")
    await page.get_by_role("link", name="取消订单").click()
    assert "¥20.00" in await page.locator("dialog[open] dl").inner_text()
    await page.fill("input[name=reason]", "客户改变主意")
    await page.get_by_role("button", name="取消订单").click()
    await live.reaches(order_no, "cancelled")
    await page.get_by_text("已取消").first.wait_for()
    await page.wait_for_load_state()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the telephone"


async def test_a_warehouse_sees_orders_and_no_queue(live: StackRun, browser: Browser) -> None:
    page = await signed_in(live, browser, "warehouse", locale="en")
    assert await page.get_by_role("link", name="Needs attention").get_attribute("href") == "/console/stock-cases"
    answer = await page.goto("/console/stuck")
    assert answer is not None and answer.status == 403
    await page.locator(".account > summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/console/sign-in")

    async def out() -> bool:
        again = await page.goto("/console")
        return again is not None and again.url.endswith("/console/sign-in?next=%2Fconsole")

    await until(out, "nobody is signed in any more")


async def test_the_audit_log_knows_who_did_it_and_is_whole(live: StackRun, browser: Browser) -> None:
    order_no = await driver.place(live, driver.basket(await driver.stocked(live, 10)))
    await live.reaches(order_no, "preparing")
    page = await signed_in(live, browser, "support", locale="en")
    await page.goto(f"/console/orders/{order_no}/cancel")
    await page.fill("input[name=reason]", "asked to")
    await page.get_by_role("button", name="Cancel").click()
    await live.reaches(order_no, "cancelled")
    entries = await live.sql("SELECT actor, action, after FROM audit_log WHERE order_no = %(o)s", o=order_no)
    assert [row["actor"].split("-")[0] for row in entries if row["action"] == "cancel_requested"] == ["support:support"]
    assert [row["after"] for row in entries if row["action"] == "order_cancelled"] == ["cancelled"]
    result = live.oms("audit", "verify")
    assert (result.returncode, result.stdout.strip()) == (0, "The audit log is whole."), result.stdout + result.stderr


GRAVE = {"serious", "critical"}
COLOURS = DEFAULT_OPTIONS | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


async def test_no_page_keeps_anybody_out(live: StackRun, browser: Browser) -> None:
    """axe-core finds nothing serious on any page, by day and by night."""
    sku = await driver.stocked(live, 10)
    (order_no,) = await driver.stuck_at_booking(live, sku, 1)
    page = await signed_in(live, browser, "support", locale="en")
    group = "stuck/group?step=book&error=rejected&provider=sandbox"
    order = f"orders/{order_no}"
    acted = ("stuck", group, f"stuck/{order_no}", "jobs", "bugs", order, f"{order}/running", f"{order}/cancel")
    acted = (*acted, f"{order}/audit", f"{order}/change")
    held = ("holds", f"{order}/hold", f"{order}/adjust", f"{order}/refund", f"{order}/notes", "approvals")
    held = (*held, "approvals?state=decided")
    held = (*held, "returns", "returns?status=received", f"{order}/return")
    acted = (*acted, f"{order}/audit", f"{order}/documents", "feedback")
    await driver.post(live, f"/v1/orders/{order_no}/feedback", {"rating": 1, "text": "<b>slow</b>"}, "support")
    tried = ("retrying", await being_tried(live), await batch_of_resets(live))
    paths = ["", *acted, *held, *tried, "orders?q=nothing", "orders/none", "sign-in"]
    grave: list[str] = []
    for path in paths:
        await page.goto(f"/console/{path}".rstrip("/"))
        grave += await found_day_and_night(page, path)
    await page.goto(f"/console/{group}")
    retry = page.locator("form", has=page.locator("input[value=retry]"))
    await retry.locator("input[name=reason]").fill("look at the question")
    await retry.get_by_role("button").click()
    await page.locator("input[name=count]").wait_for()
    grave += await found_day_and_night(page, "confirm")
    await driver.resolve(live, order_no, "compensate")
    # The pages of the navigation, and some more, in the other language and the other theme.
    page = await signed_in(live, browser, "admin", locale="zh-CN", color_scheme="dark", reduced_motion="reduce")
    goods = (
        "products",
        f"products/{sku}",
        f"products/{sku}/edit",
        "new/product",
        "stock",
        "warehouses",
        "new/warehouse",
    )
    entries = {child.href.removeprefix("/console/") for entry in NAVIGATION for child in (entry, *entry.children)}
    for path in sorted({*entries, *goods, "audit?actor=support:nobody"} - {"/console"}):
        await page.goto(f"/console/{path}")
        grave += await found_by_axe(page, f"{path} in Chinese by night")
    await page.goto("/console")
    grave += await found_by_axe(page, "home in Chinese by night")
    await live.sandbox("DELETE", "/faults")
    assert not grave, "\n".join(grave)


async def test_operations_add_a_channel_and_nobody_is_kept_out(live: StackRun, browser: Browser) -> None:
    """The relay of the running stack tells a channel, which the page adds, of an order that sticks."""
    robots = Robots()
    page = await signed_in(live, browser, "operations", locale="zh-CN")
    async with serving(robots.app) as base:
        await page.get_by_role("link", name="告警").click()
        await page.select_option("select[name=kind]", "dingtalk")
        await page.fill("input[name=name]", "值班群")
        await page.fill("input[name=target]", f"{base}/robot/send?access_token=t0ken")
        await page.check("input[name='cause.stuck']")
        await page.get_by_role("button", name="添加渠道").click()
        await page.get_by_role("button", name="向 值班群 发送测试告警").click()
        await page.get_by_text("渠道已接收测试告警").wait_for()
        (order_no,) = await driver.stuck_at_booking(live, await driver.stocked(live, 10), 1)

        async def reported() -> bool:
            return any("订单卡住 · 预约承运商" in text for text in robots.texts())

        await until(reported, "the relay tells of the stuck order")
        await page.goto("/console/notices")
        await page.get_by_text("订单卡住 · 预约承运商").first.wait_for()
        grave = await found_day_and_night(page, "notices")
        await page.get_by_role("button", name="移除 值班群").click()
        await page.get_by_text("尚未通知任何人").wait_for()
    grave += await found_day_and_night(page, "notices without channels")
    await driver.resolve(live, order_no, "compensate")
    assert not grave, "\n".join(grave)


async def being_tried(live: StackRun) -> str:
    """The page of an order whose booking is tried until the faults are deleted."""
    order_no = await driver.retrying_at_booking(live, await driver.stocked(live, 10))
    return f"orders/{order_no}/running"


async def batch_of_resets(live: StackRun) -> str:
    """The page of a batch that Temporal has forgotten."""
    batch = f"rst_{secrets.token_hex(16)}"
    await live.sql(
        "INSERT INTO workflow_resets (act_id, action, batch_id, total, actor, data_key, reason_enc)"
        " SELECT %(b)s, 'batch_reset', %(b)s, 3, 'support:ann', data_key, '' FROM staff LIMIT 1",
        b=batch,
    )
    return f"bugs/resets/{batch}"


async def found_by_axe(page: Page, where: str, options: dict[str, Any] | None = None) -> list[str]:
    """One line for each grave finding. A page that has axe-core is not given it again: it takes 40 ms."""
    await page.wait_for_load_state()
    axe = Axe("0") if await page.evaluate("'axe' in window") else Axe()
    answer = (await axe.run(page, options=options or DEFAULT_OPTIONS)).response
    return [
        f"{where}: {found['id']}: {node['html']}"
        for found in answer["violations"]
        if found["impact"] in GRAVE
        for node in found["nodes"]
    ]


async def found_day_and_night(page: Page, where: str) -> list[str]:
    """The same by day, and the colours also by night: nothing else of a page differs."""
    grave = await found_by_axe(page, where)
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    grave += await found_by_axe(page, f"{where} by night", COLOURS)
    await page.emulate_media(color_scheme="light")
    return grave
