"""Idempotency keys of forms: sent twice unchanged is one request, changed is another, refused is none."""

import re
from pathlib import Path

from fastapi.routing import APIRoute

from api.console.mount import ROUTERS
from api.pages.forms import FormFields, key_of
from tests.api.conftest import ApiClient, an_order
from tests.api.notifications.test_notifications import placed
from tests.console.conftest import sign_in
from tests.factories.returns import delivered

KEY = "k" * 32
_KEYS = re.compile(r'name="key" value="([^"]*)"')


def form(sent_to: str = "/console/x", **fields: str) -> FormFields:
    found = FormFields(fields)
    found.sent_to = sent_to
    return found


def test_the_key_is_that_of_the_page_with_what_was_typed() -> None:
    first = key_of(form(key=KEY, reason="late", count="2"))
    assert first == key_of(form(key=KEY, count="2", reason="late"))
    others = [
        form(key=KEY, reason="later", count="2"),
        form(key=KEY, reason="late"),
        form(key="another page", reason="late", count="2"),
        form("/console/y", key=KEY, reason="late", count="2"),
    ]
    assert len({first, *map(key_of, others)}) == 5
    assert key_of(form(reason="late")) != key_of(form(reason="late")), "without a page, each is a request of its own"


def test_no_page_makes_keys_by_another_rule() -> None:
    own = re.compile(r'fields\.get\("key"\)|fields\["key"\]')
    pages = [path for site in ("console", "portal") for path in Path("api", site).rglob("*.py")]
    assert [str(path) for path in pages if own.search(path.read_text(encoding="utf-8"))] == []


async def test_every_form_that_is_refused_comes_back_with_the_key_of_its_page(shop: ApiClient) -> None:
    admin = await sign_in(shop, "admin")
    order_no = str((await shop.post("/v1/orders", an_order())).json()["order_no"])
    known = {"{order_no}": order_no, "{sku}": "TEA-1", "{code}": "WH-EAST"}
    known |= {"{action}": "receipt", "{product_code}": "TEA-1"}
    came_back = set()
    for route in [route for router in ROUTERS for route in router.routes]:
        if not isinstance(route, APIRoute) or "POST" not in route.methods or not route.path.startswith("/console/"):
            continue
        path = route.path
        for name, value in known.items():
            path = path.replace(name, value)
        if "{" in path or path.startswith(("/console/sign", "/console/account", "/console/join")):
            continue
        answer = await admin.post(path, key=KEY)
        if answer.status_code in (409, 412, 422) and (keys := _KEYS.findall(answer.text)):
            assert {key[:32] for key in keys} == {KEY}, path
            came_back.add(route.path)
    assert {"/console/orders/{order_no}/contact", "/console/new/warehouse"} <= came_back
    assert len(came_back) >= 15, sorted(came_back)


async def test_a_corrected_contact_is_no_repeat_of_what_was_refused(shop: ApiClient) -> None:
    number, _ = await placed(shop)
    path, support = f"/console/orders/{number}/contact", await sign_in(shop, "support")
    seen = re.findall(r'name="seen" value="([^"]*)"', (await support.get(path)).text)[0]
    typed = {"name": "Li Lei", "email": "no address", "phone": "", "reason": "rang", "seen": seen, "key": KEY}
    refused = await support.post(path, **typed)
    assert refused.status_code == 422 and set(_KEYS.findall(refused.text)) == {KEY}
    corrected = typed | {"email": "li.lei@example.com"}
    assert [(await support.post(path, **corrected)).status_code for _ in "ab"] == [303, 303]
    rows = await shop.sql("SELECT 1 FROM audit_log WHERE order_no = %s AND action LIKE 'contact%%'", number)
    assert len(rows) == 1, "sent twice, done once"


async def test_a_corrected_return_is_no_repeat_of_what_was_refused(shop: ApiClient) -> None:
    support = await sign_in(shop, "support")
    order_no = await delivered(support.api)
    path = f"/console/orders/{order_no}/return"
    typed = {"reason": "the customer rang", "reason_code": "changed_mind", "resolution": "refund", "confirm": "1"}
    refused = await support.post(path, **typed, key=KEY, **{"units.TEA-1": "9"})
    assert refused.status_code == 409, "its page has a form of its own for the preview, without a key"
    answers = [await support.post(path, **typed, key=KEY, **{"units.TEA-1": "1"}) for _ in "ab"]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(await shop.sql("SELECT 1 FROM returns WHERE order_no = %s", order_no)) == 1
