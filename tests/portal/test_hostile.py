"""What nobody types, in every form of the portal: refused in words, never a failure of ours, never run."""

from urllib.parse import quote

import pytest

from tests.portal.conftest import ApiClient, a_customer, browser_of, placed, signed_in

HOSTILE = {
    "null": "\0", "controls": "a\x01\x1b[31m", "crlf": "x\r\nBcc: a@b.c", "template": "{{ 7 * 7 }}{% raw %}",
    "format": "{0.__class__} {amount}", "script": "<script>alert(1)</script>", "rtl": "\u202egnp.exe",
    "astral": "\U0001f600" * 300, "huge": "9" * 5_000, "negative": "-1", "surrogate": "\ud800",
}  # fmt: skip
FORMS = {
    "/cancel": ("reason", "more"),
    "/pay": ("by",),
    "/return": ("pieces.TEA-1", "reason_code", "resolution", "reason"),
    "/return/do": ("pieces.TEA-1", "reason_code", "resolution", "reason", "key"),
    "/change/address": ("name", "phone", "country", "province", "city", "line1", "postcode", "seen"),
    "/change/lines": ("pieces.TEA-1", "seen"),
    "/change/note/do": ("note", "seen", "key"),
    "/invoice": ("title", "tax_number", "address", "key"),
    "/feedback": ("rating", "kind", "text", "key"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_no_form_breaks_on_what_nobody_types(shop: ApiClient, hostile: str) -> None:
    customer = a_customer()
    order_no = await placed(shop, customer)
    browser = await signed_in(shop, customer)
    text = HOSTILE[hostile].encode("utf-8", "surrogatepass")
    for path, names in FORMS.items():
        body = "&".join([f"csrf={browser.csrf}", *(f"{name}={quote(text)}" for name in names)])
        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = await browser.http.post(f"/portal/orders/{order_no}{path}", content=body, headers=kind)
        assert answer.status_code < 500 or answer.status_code == 503, (path, answer.text)
        assert "<script>alert" not in answer.text and "default-src 'none'" in answer.headers["content-security-policy"]
    page = await browser.get(f"/orders/{order_no}")
    assert page.status_code == 200 and "<script>alert" not in page.text


@pytest.mark.parametrize("path", ["/sign-in", "/code", "/enter"])
@pytest.mark.parametrize("hostile", HOSTILE)
async def test_nor_does_signing_in(shop: ApiClient, path: str, hostile: str) -> None:
    text = quote(HOSTILE[hostile].encode("utf-8", "surrogatepass"))
    body = "&".join(f"{name}={text}" for name in ("contact", "code", "token", "next"))
    kind = {"content-type": "application/x-www-form-urlencoded", "cookie": "oms_portal_ask=x; oms_portal=y"}
    answer = await browser_of(shop).http.post(f"/portal{path}", content=body, headers=kind)
    assert answer.status_code < 500 and "evil" not in answer.headers.get("location", ""), answer.text
