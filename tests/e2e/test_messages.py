"""A customer of the running stack is notified of an order; support sees it, and has a refused message sent again."""

import secrets
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.e2e.test_console import found_by_axe, pytestmark, signed_in  # noqa: F401
from tests.faults import driver
from tests.faults.stackrun import StackRun, until


async def placed(live: StackRun, **customer: Any) -> str:
    """An order of somebody with an address; its number."""
    who = {"id": f"c-{secrets.token_hex(6)}", "name": "Made Up", "email": "made.up@example.com", **customer}
    answer = await driver.post(live, "/v1/orders", driver.basket(await driver.stocked(live, 10), customer=who))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def message_states(live: StackRun, order_no: str) -> dict[str, str]:
    """Fact to state."""
    async with live.client("support") as http:
        items = (await http.get(f"/v1/orders/{order_no}/messages")).json()["items"]
    return {item["fact"]: item["state"] for item in items}


async def test_a_customer_is_notified_with_a_link_into_the_portal(live: StackRun) -> None:
    order_no = await placed(live, language="zh")

    async def both() -> bool:
        states = await message_states(live, order_no)
        return all(states.get(step) == "sent" for step in ("order_placed", "payment_captured"))

    await until(both, "placed and paid are told")
    first, second, *_ = await live.items("/messages", order_no=order_no)
    assert (first["template"], second["template"]) == ("order_placed", "payment_captured")
    message = await live.sandbox("GET", f"/messages/{first['id']}/content")
    assert message["to"] == "made.up@example.com" and "已收到" in message["subject"]
    assert f"{live.ready['portal']}/orders/{order_no}" in message["body"]


@pytest.mark.parametrize("width", [1280, 390])
async def test_support_has_a_refused_message_sent_again(live: StackRun, browser: Browser, width: int) -> None:
    order_no = await placed(live)
    await live.fault("messages", "reject", order_no=order_no)  # whichever of its messages comes next

    async def refused() -> str | None:
        return next((fact for fact, state in (await message_states(live, order_no)).items() if state == "failed"), None)

    fact = await until(refused, "the provider refuses it")
    page = await signed_in(live, browser, "support", locale="en", viewport={"width": width, "height": 900})
    await page.goto(f"/console/orders/{order_no}")
    table = page.locator("#timeline")
    await table.get_by_text("the provider rejected it").wait_for()
    grave = await found_by_axe(page, f"a failed message at {width}")
    await table.get_by_role("button", name="Resend", exact=True).click()
    await page.wait_for_url(f"**/console/orders/{order_no}")

    async def sent() -> bool:
        return (await message_states(live, order_no))[fact] == "sent"

    await until(sent, "it is sent again")
    await page.locator("#timeline").get_by_text("m***@example.com").first.wait_for()
    assert not await page.get_by_role("button", name="Resend", exact=True).count()
    assert not grave, "\n".join(grave)
