"""Customers at the portal of a running stack."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from infra.crypto import Vault
from tests.faults import driver
from tests.faults.stackrun import StackRun

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


@dataclass
class Customer:
    """Somebody who orders; he is nobody else."""

    id: str = field(default_factory=lambda: f"c-{secrets.token_hex(6)}")

    @property
    def email(self) -> str:
        return f"{self.id}@example.com"

    def basket(self, sku: str, **changes: Any) -> dict[str, Any]:
        person = {"id": self.id, "name": "李雷", "email": self.email, "phone": None}
        return driver.basket(sku, customer=person, **changes)


async def page_for(live: StackRun, browser: Browser, **context: Any) -> Page:
    """A page of somebody at the portal who is not signed in: on a telephone unless `viewport` says otherwise."""
    wanted = {"locale": "en", "viewport": PHONE, **context}
    page = await (await browser.new_context(base_url=live.ready["api"], **wanted)).new_page()
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    return page


async def visiting(live: StackRun, browser: Browser, customer: Customer, **context: Any) -> Page:
    """A page of this customer, signed in (how he does it himself is a test of its own)."""
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
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is too wide"
    small = await page.evaluate(
        """[...document.querySelectorAll('main :is(button, a.button, select, input:not([type=hidden])), .who a')]
             .filter(e => (e.closest('label.tick') || e).getBoundingClientRect().height < 44)
             .map(e => e.outerHTML)"""
    )
    assert not small, small
