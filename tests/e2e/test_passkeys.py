"""A passkey in a real browser: made on the page of the own account, and used instead of a code at the next sign-in."""

import time
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.async_api import Browser, Page

from tests.e2e.conftest import CHROMIUM
from tests.faults.console import hired
from tests.faults.stackrun import StackRun

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; .ci/run installs it"),
]
KEY = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}


async def with_security_key(page: Page) -> None:
    """Chromium's virtual security key answers for the person."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {**KEY, "isUserVerified": True, "automaticPresenceSimulation": True}
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


async def signs_in(page: Page, member: dict[str, str], code: str) -> None:
    await page.goto("/console/sign-in?next=/console/account")
    await page.fill("input[name=name]", member["name"])
    await page.fill("input[name=password]", member["password"])
    await page.fill("input[name=code]", code)
    await page.press("input[name=code]", "Enter")


async def test_a_passkey_is_made_and_signs_in_without_a_code(live: StackRun, browser: Browser) -> None:
    member = await hired(live, "support")
    base = f"http://localhost:{urlsplit(live.ready['api']).port}"
    page = await (await browser.new_context(base_url=base, locale="en")).new_page()
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    await with_security_key(page)
    await signs_in(page, member, pyotp.TOTP(member["secret"]).generate_otp(int(time.time()) // 30))
    await page.fill("#pk-label", "work laptop")
    await page.fill("#pk-old", member["password"])
    await page.get_by_role("button", name="Add passkey").click()
    await page.get_by_role("button", name="Create passkey").click()
    await page.get_by_text("Passkey work laptop added").wait_for()
    await page.context.clear_cookies()
    await signs_in(page, member, "")
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await page.get_by_text("work laptop").first.wait_for()
    assert page.url.endswith("/console/account")
