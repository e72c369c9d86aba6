"""What nobody types, in every form and every query of the console: refused in words, never a failure of ours, never
run."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from api.console.mount import ROUTERS
from api.console.session import csrf_of
from tests.api.conftest import ApiClient, an_order
from tests.console.after_sales.test_returns import request_return
from tests.console.conftest import StaffBrowser, sign_in
from tests.portal.test_hostile import HOSTILE

FORM = re.compile(r"<form[^>]*>.*?</form>", re.DOTALL)
NAMED = re.compile(r'<(?:input|select|textarea)[^>]*?\bname="([^"]+)"')
KIND = {"content-type": "application/x-www-form-urlencoded"}


def pages() -> list[str]:
    """Every page of the console, by its route."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return sorted({route.path for route in routes if "GET" in route.methods})


def forms(page: str, path: str) -> Iterator[tuple[str, str, list[str]]]:
    """(method, action, names) of a page's forms."""
    for form in FORM.findall(page):
        method = re.search(r'method="(\w+)"', form)
        action = re.search(r'action="([^"]*)"', form)
        yield method.group(1) if method else "get", action.group(1) if action else path, NAMED.findall(form)


async def rendered(browser: StaffBrowser, ids: dict[str, str]) -> dict[str, str]:
    """The pages that can be had here, with what is in them."""
    found = {}
    for path in pages():
        for name, value in ids.items():
            path = path.replace("{" + name + "}", value)
        answer = await browser.get(path)
        assert answer.status_code < 500 or answer.status_code == 503, (path, answer.text)
        if answer.status_code == 200 and "text/html" in answer.headers["content-type"]:
            found[path] = answer.text
    return found


@pytest.mark.parametrize("role", ["support", "warehouse", "admin"])
async def test_no_form_breaks_on_what_nobody_types(shop: ApiClient, role: str) -> None:
    browser = await sign_in(shop, role)
    order_no, return_id = await request_return(browser if role == "admin" else await sign_in(shop, "support"))
    open_one = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    ids = {"order_no": order_no, "return_id": return_id, "customer_id:path": "c-17", "sku": "TEA-1", "code": "WH-EAST"}
    ids["name"] = (await sign_in(shop, "support")).name
    found = await rendered(browser, ids)
    found |= await rendered(browser, {"order_no": open_one})
    tried = {form for path, page in found.items() for form in ((m, a, tuple(n)) for m, a, n in forms(page, path))}
    assert len(tried) > 3
    assert ("/console/customers/c-17/store-credit" in found) == (role != "warehouse")
    for method, action, names in sorted(tried):
        if "sign-out" in action:
            continue
        for hostile, text in HOSTILE.items():
            typed = quote(text.encode("utf-8", "surrogatepass"))
            fields = "&".join(f"{name}={typed}" for name in names if name != "csrf")
            if method == "post":
                body = f"csrf={csrf_of(browser.cookie)}&{fields}"
                answer = await browser.http.post(action, content=body, headers=KIND)
            else:
                answer = await browser.http.get(f"{action.partition('?')[0]}?{fields}")
            assert answer.status_code < 500 or answer.status_code == 503, (hostile, method, action, answer.text)
            assert "<script>alert" not in answer.text, (hostile, method, action)
