"""Customers at the portal of a running stack."""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from infra.security.crypto import Vault
from tests.faults import driver
from tests.faults.stackrun import StackRun, until

PHONE = {"width": 390, "height": 844}
STAFF = {"width": 1280, "height": 900}


@dataclass
class Customer:
    """A customer who exists only in this test."""

    id: str = field(default_factory=lambda: f"c-{secrets.token_hex(6)}")

    @property
    def email(self) -> str:
        return f"{self.id}@example.com"

    def basket(self, sku: str, **changes: Any) -> dict[str, Any]:
        customer = {"id": self.id, "name": "李雷", "email": self.email, "phone": None}
        return driver.basket(sku, customer=customer, **changes)


async def page_for(live: StackRun, browser: Browser, **context: Any) -> Page:
    """A page of somebody at the portal who is not signed in: on a telephone unless `viewport` says otherwise."""
    wanted = {"locale": "en", "viewport": PHONE, **context}
    page = await (await browser.new_context(base_url=live.ready["api"], **wanted)).new_page()
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    return page


async def visiting(live: StackRun, browser: Browser, customer: Customer, **context: Any) -> Page:
    """A page of this customer, signed in (signing in is a test of its own)."""
    page, cookie = await page_for(live, browser, **context), secrets.token_urlsafe(32)
    key = json.loads((live.data_dir / "secrets.json").read_text())["master_key"]
    index = Vault(base64.b64decode(key)).blind_index("email", customer.email)
    await live.sql(
        "INSERT INTO portal_sessions (session_hash, contact_kind, contacts, expires_at)"
        " VALUES (%(h)s, 'email', ARRAY[%(i)s::bytea], now() + interval '1 h')",
        h=hashlib.sha256(cookie.encode()).digest(),
        i=index,
    )
    await page.context.add_cookies([{"name": "oms_portal", "value": cookie, "domain": "127.0.0.1", "path": "/portal"}])
    return page


async def fits(page: Page) -> None:
    """Nothing is wider than the screen, and what is touched is large enough to be touched."""
    await page.wait_for_load_state()  # a page just begun has no root yet
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is too wide"
    small = await page.evaluate(
        """[...document.querySelectorAll('main :is(button, a.btn, a.button, select, input:not([type=hidden])), .who a')]
             .filter(e => e.checkVisibility()
                          && (e.closest('label.tick, label.form-check') || e).getBoundingClientRect().height < 44)
             .map(e => e.outerHTML)"""
    )
    assert not small, small


async def code_and_link(live: StackRun, to: str) -> tuple[str, str]:
    """What the sandbox sent to this address: the six digits, and the link."""
    address = hashlib.sha256(to.encode()).hexdigest()

    async def sent() -> list[dict[str, Any]]:
        return await live.items("/messages", template="sign_in_code", to_hash=address)

    message = (await until(sent, "a code is sent"))[-1]
    sent_message = await live.sandbox("GET", f"/messages/{message['id']}/content")
    code, link = (
        re.search(r"\b\d{6}\b", sent_message["body"]),
        re.search(r"http\S+/portal/enter\?token=\S+", sent_message["body"]),
    )
    assert code and link, sent_message
    return code[0], link[0]


async def delivered_order(live: StackRun, customer: Customer, sku: str, quantity: int = 2) -> str:
    """A delivered order of this customer."""
    order_no = await driver.place(live, customer.basket(sku, quantity=quantity))
    await live.reaches(order_no, "preparing")
    (parcel,) = await live.items("/shipments", order_no=order_no)
    for status in ("picked_up", "delivered"):
        await live.sandbox("POST", f"/shipments/{parcel['id']}/advance", json={"status": status})
    await live.reaches(order_no, "delivered")
    return order_no
