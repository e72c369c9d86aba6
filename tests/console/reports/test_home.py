"""Home: figures that lead to their lists, charts with their tables, and nothing that a role may not see."""

import re

import pytest

from tests.api.conftest import ApiClient, an_order, unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.console.test_pages import parked


async def fresh(browser: StaffBrowser, **params: str) -> str:
    browser.api.app.state.services.home.forget()
    answer = await browser.get("/console", **params)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("role", ["support", "warehouse", "finance", "operations", "admin"])
async def test_figures_lead_to_the_lists_behind_them(shop: ApiClient, role: str) -> None:
    await parked(await sign_in(shop, "support"), unique("code").replace("-", "_"))
    tried = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    await shop.sql(
        "INSERT INTO retrying_steps (order_no, activity, attempt, error, event_seq, max_attempts, next_try_at,"
        " provider, step) SELECT order_no, 'a', 2, 'timeout', event_seq, 5, now(), 'other', 'book' FROM orders"
        " WHERE order_no = %s RETURNING order_no",
        tried,
    )
    reader = await sign_in(shop, role)
    main = (await fresh(reader)).partition("<main")[2].partition("</main>")[0]
    targets = {link.replace("&amp;", "&") for link in re.findall(r'href="(/console[^"]*)"', main)}
    for link in sorted(targets):
        assert (await reader.get(link)).status_code == 200, link
    assert any("placed_from=" in link for link in targets) and any("status=shipped" in link for link in targets)
    leads = any("/console/stuck/group?step=book" in link for link in targets)
    assert leads == (role in ("support", "operations", "admin"))


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_chart_has_a_title_a_description_and_a_table(shop: ApiClient, lang: str) -> None:
    assert (await shop.post("/v1/orders", an_order())).status_code == 201
    page = await fresh(await sign_in(shop, "finance", lang))
    chart = re.findall(r'<svg[^>]*role="img".*?</svg>', page, re.DOTALL)[0]
    titled = re.findall(r'aria-labelledby="([^"]*)"', chart)[0].split()
    assert all(f'id="{name}">' in chart for name in titled) and "<title" in chart and "<desc" in chart
    assert "<rect" in chart and "style=" not in page and "<script>" not in page
    assert page.count("<tr><td>") >= 24, "each hour stands in the table"


async def test_what_a_role_may_not_see_is_not_on_the_page(shop: ApiClient) -> None:
    warehouse, finance = [await fresh(await sign_in(shop, role)) for role in ("warehouse", "finance")]
    for words in ("Sales today", "Money at stake", "Refunds"):
        assert words not in warehouse
    assert "Sales today" in finance and "Refunds" in finance and "Orders today" in warehouse
    assert "/console/stuck" not in finance.partition("<main")[2]


async def test_the_live_part_is_a_fragment(support: StaffBrowser) -> None:
    answer = await support.http.get("/console", headers={"X-Live": "1"})
    assert answer.status_code == 200 and "<html" not in answer.text and "Orders today" in answer.text


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_reports_are_for_who_may_see_money(shop: ApiClient, lang: str) -> None:
    assert (await shop.post("/v1/orders", an_order())).status_code == 201
    shop.app.state.services.home.forget()
    finance, warehouse = await sign_in(shop, "finance", lang), await sign_in(shop, "warehouse", lang)
    for days in ("7", "30", "90"):
        page = await finance.get("/console/reports", days=days)
        assert page.status_code == 200 and page.text.count('role="img"') == 2
        assert page.text.count('href="/console') > int(days), "each day leads to its orders"
    assert (await finance.get("/console/reports", days="x")).status_code == 422
    assert (await warehouse.get("/console/reports")).status_code == 403
    assert "/console/reports" not in (await warehouse.get("/console")).text
