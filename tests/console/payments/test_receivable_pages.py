"""Receivables in the console: credit is set, what is owed is listed, transfers are recorded."""

from typing import Any

import pytest

from tests.api.conftest import ApiClient, an_order, unique
from tests.api.payments.test_credit import begin_terms, customer, place
from tests.console.conftest import sign_in


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_finance_sets_credit_and_records_the_transfer_that_pays_an_order(shop: ApiClient, lang: str) -> None:
    known, finance = await customer(shop, 1), await sign_in(shop, "finance", lang)
    body: dict[str, Any] = {"customer_id": known, "currency": "cny", "limit": "100", "terms_days": "30"}
    done = await finance.post("/console/credit", **body)
    assert done.status_code == 303, done.text
    assert "¥100.00" in (await finance.get("/console/credit", customer=known)).text
    order_no = (await place(shop, known, 2, purchase_order="PO <b>9")).json()["order_no"]
    waits = (await finance.get(f"/console/receivables/{order_no}")).text
    assert "PO &lt;b&gt;9" in waits and 'name="amount"' not in waits
    await begin_terms(shop, order_no)
    page = f"/console/receivables/{order_no}"
    assert order_no in (await finance.get("/console/receivables", customer=known)).text
    assert order_no not in (await finance.get("/console/receivables", customer=known, late="true")).text
    assert "PO &lt;b&gt;9" in (await finance.get(f"/console/orders/{order_no}")).text
    for typed, at in ((("x", "R"), "amount"), (("100000", "R"), "amount"), (("1", ""), "reference")):
        refused = await finance.post(page, key=unique("k"), amount=typed[0], reference=typed[1])
        assert refused.status_code in (409, 422) and f'id="f-{at}-error"' in refused.text, refused.text
    assert (await finance.post(page, key=unique("k"), amount="85", reference="BANK 1")).status_code == 303
    assert {"en": "¥0.00", "zh": "¥0.00"}[lang] in (await finance.get(page)).text
    assert (await shop.sql("SELECT used_minor FROM credit_accounts WHERE customer_id = %s", known)) == [
        {"used_minor": 0}
    ]


@pytest.mark.parametrize(
    ("changed", "at"),
    [
        ({"limit": "-1"}, "limit"),
        ({"limit": "a lot"}, "limit"),
        ({"terms_days": "0"}, "terms_days"),
        ({"terms_days": "366"}, "terms_days"),
        ({"currency": "XXY"}, "currency"),
    ],
)
async def test_what_does_not_fit_stands_at_its_field(shop: ApiClient, changed: dict[str, str], at: str) -> None:
    for lang in ("en", "zh"):
        finance = await sign_in(shop, "finance", lang)
        body = {"customer_id": await customer(shop), "currency": "CNY", "limit": "1", "terms_days": "1"} | changed
        refused = await finance.post("/console/credit", **body)
        assert refused.status_code in (404, 422) and f'id="f-{at}-error"' in refused.text, refused.text


async def test_support_reads_and_changes_nothing(shop: ApiClient) -> None:
    support, known = await sign_in(shop, "support"), await customer(shop)
    assert 'name="limit"' not in (await support.get("/console/credit", customer=known)).text
    body = {"customer_id": known, "currency": "CNY", "limit": "1", "terms_days": "1"}
    assert (await support.post("/console/credit", **body)).status_code == 403
    plain = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    assert (await support.get(f"/console/receivables/{plain}")).status_code == 409
