"""Passkeys in a real browser: made on the page of the own account, used instead of a code, removed."""

import time
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.async_api import Browser, CDPSession, Page

from tests.e2e.conftest import CHROMIUM
from tests.faults.console import hired
from tests.faults.stackrun import StackRun

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; .ci/run installs it"),
]
KEY = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}


class SecurityKeys:
    """Chromium's virtual security keys; the one that is present answers for the person."""

    def __init__(self, session: CDPSession) -> None:
        self.session, self.present = session, ""

    async def take(self) -> None:
        """Another one, in the place of the one before."""
        if self.present:
            await self.session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.present})
        options = {**KEY, "isUserVerified": True, "automaticPresenceSimulation": True}
        added = await self.session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self.present = added["authenticatorId"]


async def security_keys(page: Page) -> SecurityKeys:
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    keys = SecurityKeys(session)
    await keys.take()
    return keys


async def adds_passkey(page: Page, member: dict[str, str], label: str) -> None:
    await page.fill("#pk-label", label)
    await page.fill("#pk-old", member["password"])
    await page.get_by_role("button", name="Add passkey").click()
    await page.get_by_role("button", name="Create passkey").click()
    await page.get_by_text(f"Passkey {label} added").wait_for()


async def signs_in(page: Page, member: dict[str, str], code: str) -> None:
    await page.goto("/console/sign-in?next=/console/account")
    await page.fill("input[name=name]", member["name"])
    await page.fill("input[name=password]", member["password"])
    await page.fill("input[name=code]", code)
    await page.press("input[name=code]", "Enter")


async def test_passkeys_are_made_sign_in_without_a_code_and_are_removed(live: StackRun, browser: Browser) -> None:
    member = await hired(live, "support")
    base = f"http://localhost:{urlsplit(live.ready['api']).port}"
    page = await (await browser.new_context(base_url=base, locale="en")).new_page()
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    keys = await security_keys(page)
    await signs_in(page, member, pyotp.TOTP(member["secret"]).generate_otp(int(time.time()) // 30))
    await adds_passkey(page, member, "work laptop")
    await page.context.clear_cookies()
    await signs_in(page, member, "")
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await page.locator("summary", has_text="work laptop").wait_for()
    assert page.url.endswith("/console/account")
    # A second one, on another key; then the first is removed, and the second signs in alone.
    await keys.take()
    await adds_passkey(page, member, "blue key")
    removed = page.locator("details", has_text="work laptop")
    await removed.locator("summary").click()
    await removed.locator("input[type=password]").fill(member["password"])
    await removed.get_by_role("button", name="work laptop").click()
    await page.get_by_text("Passkey removed").wait_for()
    await page.context.clear_cookies()
    await signs_in(page, member, "")
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await page.locator("summary", has_text="blue key").wait_for()
    assert page.url.endswith("/console/account") and await page.locator("summary", has_text="work laptop").count() == 0
