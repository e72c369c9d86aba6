"""`make screens`: a picture of every page of console and portal, at two widths, in two themes and two languages.

ARGS="--out FOLDER" (build/screens), ARGS="--only REGEX" for the pages whose address fits, ARGS="--looks REGEX" for
some of desk-light-en, phone-dark-zh and so on.
"""

import argparse
import asyncio
import re
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pyotp
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from api.console.navigation import NAVIGATION
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.visitors import Customer, visiting
from tests.faults import driver
from tests.faults.console import hired
from tests.faults.stackrun import StackRun

SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
LOOKS = list(product(SIZES, ("light", "dark"), ("en", "zh")))
WAITS = {"OMS_PAYMENT_TIMEOUT_S": "86400", "OMS_RETURN_WINDOW_S": "604800", "OMS_WORKFLOW_TIMEOUT_S": "10"}
FORMS = (
    "",
    "/audit",
    "/documents",
    "/cancel",
    "/change",
    "/refund",
    "/hold",
    "/return",
    "/adjust",
    "/contact",
    "/running",
    "/notes",
)
HELD = {"kind": "address", "reason": "asks for another address"}
SHIP_TO = {
    "name": "Ann Miller", "phone": "+1 212 555 0101", "country": "US", "province": "OH", "city": "Cincinnati",
    "district": "-", "line1": "1 Main St", "postcode": "45202",
}  # fmt: skip
SHOWS = {"TEA-GREEN": "Green tea, 250 g", "POT-IRON": "Teapot, cast iron", "CUP-2": "Cups, set of two"}


@dataclass
class Shop:
    """What the pages show: an order in each state, by its name."""

    orders: dict[str, str]
    customer: Customer

    def console(self) -> list[str]:
        """Addresses of the console's pages, each once."""
        entries = [child for entry in NAVIGATION for child in (entry, *entry.children)]
        order = [f"/console/orders/{self.orders['delivered']}{form}" for form in FORMS]
        others = [f"/console/orders/{number}" for number in self.orders.values()]
        parked = self.orders["failed"]
        queue = ["/console/stuck/group?step=book&error=rejected&provider=sandbox", f"/console/stuck/{parked}"]
        customer = f"/console/customers/{self.customer.id}"
        found = [
            customer,
            f"/console/orders/new?customer={self.customer.id}",
            "/console/orders?q=Ann",
            "/console/nothing",
            f"/console/orders/{self.orders['retrying']}/running",
        ]
        return list(dict.fromkeys([*(entry.href for entry in entries), *order, *others, *queue, *found]))

    def portal(self) -> list[str]:
        """Addresses of the portal's pages."""
        waiting, done = (f"/portal/orders/{self.orders[name]}" for name in ("unpaid", "delivered"))
        forms = ("", "/cancel", "/change/address", "/change/lines", "/change/note", "/change/delivery_slot", "/pay")
        after = ("", "/return", "/feedback", "/documents")
        return ["/portal", *(waiting + form for form in forms), *(done + form for form in after), "/portal/nothing"]


async def stocked(stack: StackRun) -> None:
    """Products with the names of a shop."""
    for price, (sku, name) in zip((4200, 12900, 2800), SHOWS.items(), strict=True):
        body = {"sku": f"{sku}-S", "name": name, "price_minor": price, "currency": "USD"}
        await driver.post(stack, "/v1/products", body, "operations")
        await driver.receipt(stack, f"{sku}-S", 500)


async def filled(stack: StackRun) -> Shop:
    """Orders of several states."""
    await stocked(stack)
    customer = Customer()
    buyer = {"id": customer.id, "name": "Ann Miller", "email": customer.email, "phone": "+1 212 555 0101"}
    skus = [f"{sku}-S" for sku in SHOWS]

    def basket(*, token: str | None = "tok_ok", quantity: int = 1) -> dict[str, Any]:
        lines = [{"sku": sku, "quantity": quantity + n} for n, sku in enumerate(skus)]
        changes = {"currency": "USD", "customer": buyer, "ship_to": SHIP_TO, "lines": lines}
        return driver.basket(skus[0], token=token, **changes)

    async def reached(status: str, **changes: Any) -> str:
        order_no = await driver.place(stack, basket(**changes))
        await stack.reaches(order_no, status)
        return order_no

    orders = {"waiting": await reached("preparing"), "shipped": await reached("preparing", quantity=2)}
    await driver.carry(stack, orders["shipped"], "picked_up")
    orders["delivered"] = await reached("preparing", quantity=2)
    await driver.carry(stack, orders["delivered"], "picked_up", "delivered")
    await stack.reaches(orders["delivered"], "delivered")
    orders["unpaid"] = await reached("pending_payment", token=None)
    orders["held"] = await reached("pending_payment", token=None)
    await driver.post(stack, f"/v1/orders/{orders['held']}/holds", HELD)
    orders["cancelled"] = await reached("pending_payment", token=None)
    await driver.cancel(stack, orders["cancelled"])
    await driver.post(
        stack, f"/v1/orders/{orders['delivered']}/feedback", {"rating": 5, "text": "Lovely tea."}, "support"
    )
    note = {"text": "Ann calls back at five: check the address before the parcel leaves."}
    await driver.post(stack, f"/v1/orders/{orders['delivered']}/notes", note, "support")
    tea = await driver.stocked(stack, 50)
    orders["failed"], _ = await driver.stuck_at_booking(stack, tea, 2)
    orders["retrying"] = await driver.retrying_at_booking(stack, tea)
    return Shop(orders, customer)


async def staff_cookies(stack: StackRun, browser: Browser) -> list[Any]:
    """The cookies of an administrator who has signed in."""
    member = await hired(stack, "admin")
    page = await (await browser.new_context(base_url=stack.ready["api"])).new_page()
    await page.goto("/console/sign-in")
    await page.screenshot()
    await page.fill("input[name=name]", member["name"])
    await page.fill("input[name=password]", member["password"])
    await page.fill("input[name=code]", pyotp.TOTP(member["secret"]).generate_otp(int(time.time()) // 30))
    await page.press("input[name=code]", "Enter")
    await page.wait_for_url(re.compile("/console(/home)?$"))
    return list(await page.context.cookies())


@asynccontextmanager
async def looking(
    stack: StackRun, browser: Browser, look: tuple[str, str, str], cookies: list[Any]
) -> AsyncIterator[Page]:
    size, theme, lang = look
    context: BrowserContext = await browser.new_context(
        base_url=stack.ready["api"], viewport=SIZES[size], color_scheme=theme, reduced_motion="reduce",
        locale="zh-CN" if lang == "zh" else "en-US",
    )  # type: ignore[arg-type]  # fmt: skip
    await context.add_cookies(cookies)
    yield await context.new_page()
    await context.close()


async def taken(page: Page, address: str, folder: Path) -> None:
    """One picture of the first screen; a page wider than the screen is named."""
    await page.goto(address)
    name = re.sub(r"[^\w]+", "-", re.sub(r"[0-9A-Z]{6}-[0-9A-Z]{6}-[0-9A-Z]{6}", "NO", address)).strip("-")
    await page.screenshot(path=folder / f"{name}.png", full_page=True)
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        print(f"wider than the screen: {folder.name} {address}")


async def run(out: Path, only: str, looks: str) -> None:
    """Start a stack, fill it, take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        options = ("--manual-carrier", "--allow-private-webhooks")
        async with StackRun(Path(folder), WAITS, options).standing() as stack, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
            shop = await filled(stack)
            staff = await staff_cookies(stack, browser)
            customer = await (await visiting(stack, browser, shop.customer)).context.cookies()
            signed_out = ["/console/sign-in", "/portal/sign-in"]
            sets = [(shop.console(), staff), (shop.portal(), list(customer)), (signed_out, [])]
            for look in (one for one in LOOKS if re.search(looks, "-".join(one))):
                place = out / "-".join(look)
                place.mkdir(parents=True, exist_ok=True)
                for addresses, cookies in sets:
                    async with looking(stack, browser, look, cookies) as page:
                        for address in addresses:
                            if re.search(only, address):
                                await taken(page, address, place)
            await stack.sandbox("DELETE", "/faults")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path("build/screens"))
    arguments.add_argument("--only", default="")
    arguments.add_argument("--looks", default="")
    chosen = arguments.parse_args()
    asyncio.run(run(chosen.out, chosen.only, chosen.looks))
    print(f"pictures are in {chosen.out}")


if __name__ == "__main__":
    main()
