"""One running stack and one browser for the tests that look at it from outside."""

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.faults.stackrun import StackRun

# The shell is the same engine without windows: half of the processor time. docs/decisions/0023
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, "--disable-sync"])
        yield opened
        await opened.close()


@pytest.fixture
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """One process for all tests; the pages that a test opened are closed after it, with what they know."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


@pytest.fixture(scope="package")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackRun]:
    """`oms up` with parcels moved manually, a payment deadline that nobody meets by accident and attempts that last."""
    unhurried = {"OMS_PAYMENT_TIMEOUT_S": "600", "OMS_SANDBOX_MANUAL_CARRIER": "1", "OMS_GATEWAY_ATTEMPTS": "12"}
    unhurried |= {"OMS_GATEWAY_PATIENCE_S": "600", "OMS_GATEWAY_TIMEOUT_S": "60"}
    unhurried["OMS_RETURN_WINDOW_S"] = "600"  # customers have time to send things back
    async with StackRun(
        tmp_path_factory.mktemp("live"), unhurried, ("--manual-carrier", "--allow-private-webhooks")
    ).standing() as stack:
        yield stack
