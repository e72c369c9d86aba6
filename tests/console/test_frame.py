"""What all pages share: the kit's files, the navigation, acknowledgements, refusals."""

import re
from pathlib import Path

import pytest
from fastapi import Request

from api.console import navigation
from api.console.i18n import WORDS
from api.console.session import StaffMember
from api.http.acknowledgements import words_for
from api.pages import assets, notices
from api.pages.forms import csrf_of
from domain.access import Role
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.console.test_pages import hidden, placed

FIRST_VISIT_BYTES, LATER_BYTES = 150_000, 40_000
HREF = re.compile(r'(?:href|src)="(/console/static/[^"]+)"')


async def test_a_page_weighs_little(support: StaffBrowser) -> None:
    """All of it compressed: 150 KB on the first visit, 40 KB when the browser knows the static files."""
    for path in ("/console", f"/console/orders/{await placed(support)}", "/console/stuck"):
        page = await support.get(path)
        assert page.headers["content-encoding"] == "gzip", path
        files = [await support.get(file) for file in HREF.findall(page.text)]
        assert len(files) >= 5
        assert {file.headers["cache-control"] for file in files} == {"public, max-age=31536000, immutable"}
        sizes = [int(one.headers["content-length"]) for one in (page, *files)]
        assert sizes[0] < LATER_BYTES and sum(sizes) < FIRST_VISIT_BYTES, (path, sizes)


async def test_static_files_are_those_of_the_pages_and_of_the_kit_alone(support: StaffBrowser) -> None:
    kept = await support.http.get("/console/static/oms.css", params={"v": "older"})
    assert kept.headers["cache-control"] == "public, max-age=0, must-revalidate"
    assert "font-family" in kept.text and kept.headers["content-type"].startswith("text/css")
    again = await support.http.get("/console/static/oms.css", headers={"if-none-match": kept.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = await support.http.get("/console/static/tabler.min.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content == assets.asset("tabler.min.js").content
    for name in ("jquery.min.js", "../assets.py", "css/oms.css", "..%2fassets.py", ""):
        assert (await support.http.get(f"/console/static/{name}")).status_code == 404, name
    assert (await support.http.post("/console/static/oms.css")).status_code == 405


def test_what_the_kit_lays_out_in_a_row_holds_one_element() -> None:
    """Alerts and buttons are flexible boxes: parts of a sentence that stand in one directly lose the space between
    them, and paragraphs stand side by side."""
    parts = re.compile(r'class="alert [^>]*>\s*(?!\s|<div|\{\{)|class="btn[^>]*>\{\{ ?sentence\(')
    files = [file for site in ("console", "portal", "pages") for file in Path(f"api/{site}/templates").glob("*.html")]
    assert len(files) > 80
    assert [file.name for file in files if parts.search(file.read_text(encoding="utf-8"))] == []


def member(role: Role) -> StaffMember:
    return StaffMember("ann", role, "")


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.WAREHOUSE, Role.FINANCE, Role.OPERATIONS, Role.ADMIN])
async def test_whoever_sees_a_link_may_open_it(shop: ApiClient, role: Role) -> None:
    browser = await sign_in(shop, str(role))
    shown = {child.href for entry in navigation.NAVIGATION for child in (entry, *entry.children)}
    for start in sorted(shown):
        for link in navigation.links(member(role), start):
            for one in (link, *link.children):
                # No Temporal here: a page that reads it is unavailable.
                assert (await browser.get(one.href)).status_code in (200, 503), one


def test_the_navigation_shows_where_the_reader_is() -> None:
    def current(path: str) -> list[tuple[str, str]]:
        found = navigation.links(member(Role.ADMIN), path)
        return [(one.label, one.current) for link in found for one in (link, *link.children) if one.current]

    assert current("/console/stuck/group") == [("nav.attention", "true"), ("nav.failed", "page")]
    assert current("/console/returns/ret_1") == [("returns", "page")]
    assert current("/console/nothing") == []
    labels = [one.label for entry in navigation.NAVIGATION for one in (entry, *entry.children)]
    assert all(label in WORDS.catalogue() for label in labels)


async def test_counts_are_for_those_who_may_know_them(support: StaffBrowser, shop: ApiClient) -> None:
    known = (await support.get("/console/counts")).json()
    assert "attention" in known and re.fullmatch(r"\d*\+?", known["attention"])
    assert "attention" not in (await (await sign_in(shop, "finance")).get("/console/counts")).json()
    assert "stock_cases" not in known


async def test_the_navigation_counts_stock_cases_for_those_who_work_on_them(shop: ApiClient) -> None:
    browsers = [await sign_in(shop, role) for role in ("warehouse", "operations")]
    before = [(await browser.get("/console/counts")).json() for browser in browsers]
    await shop.sql(
        "INSERT INTO stock_cases (kind, subject, opened_by) VALUES ('check_failed', %s, 'system')", unique("S")
    )
    after = [(await browser.get("/console/counts")).json() for browser in browsers]
    for earlier, later in zip(before, after, strict=True):
        assert int(later["stock_cases"]) == int(earlier["stock_cases"] or 0) + 1
        assert int(later["attention"]) == int(earlier["attention"] or 0) + 1
    assert after[0]["attention"] == after[0]["stock_cases"], "the warehouse counts no orders"
    home = (await browsers[0].get("/console/stock-cases")).text
    assert 'data-count="stock_cases"' in home and f'ms-1">{after[0]["stock_cases"]}<' in home
    assert 'href="/console/stock-cases"' in (await browsers[1].get("/console/stuck")).text


@pytest.mark.parametrize(
    ("path", "status", "words"), [("nothing", 404, "Page not found"), ("audit", 403, "have access")]
)
async def test_a_refusal_keeps_the_navigation_and_helps(
    support: StaffBrowser, path: str, status: int, words: str
) -> None:
    answer = await support.get(f"/console/{path}")
    assert answer.status_code == status and words in answer.text
    assert 'href="/console/returns"' in answer.text and 'type="search"' in answer.text and support.name in answer.text
    assert "administrator" in answer.text if status == 403 else "order number" in answer.text


async def test_a_refusal_in_chinese_holds_no_english(shop: ApiClient) -> None:
    browser = await sign_in(shop, "support", "zh")
    text = re.sub(r"<code>.*?</code>|<[^>]*>", "", (await browser.get("/console/orders/none")).text)
    assert not re.findall(r"\b[a-z]{4,}\b", text.replace(browser.name, ""))


async def test_what_was_done_is_said_once(support: StaffBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a redirect carries it, and not to a fragment of a page that is loaded in between."""
    monkeypatch.setattr(notices, "_PREFIX", "board.")
    request = Request({"type": "http", "headers": [], "scheme": "http", "path": "/", "app": support.api.app})
    answer = notices.acknowledged(request, "/console/returns", "board.more_than", count="<b>7</b>")
    cookie = answer.headers["set-cookie"].partition(";")[0].partition("=")[2].strip('"')
    headers = {"cookie": f"oms_session={support.cookie}; oms_lang=en; {notices.COOKIE}={cookie}"}
    part = await support.http.get("/console", headers=headers | {"x-live": "1"})
    assert "data-toast" not in part.text and "set-cookie" not in part.headers
    page = await support.http.get("/console/returns", headers=headers)
    assert "&lt;b&gt;7" in page.text and "data-toast" in page.text
    assert f'{notices.COOKIE}="";' in page.headers["set-cookie"] and "Max-Age=0" in page.headers["set-cookie"]
    for forged in ("x", "W10=", "WyJuYXYiLHt9XQ==", "W1tb" * 900):
        headers["cookie"] = f"oms_session={support.cookie}; {notices.COOKIE}={forged}"
        page = await support.http.get("/console/returns", headers=headers)
        assert page.status_code == 200 and "data-toast" not in page.text


async def test_the_proof_of_a_form_is_another_in_each_page_and_the_same_proof(support: StaffBrowser) -> None:
    proof = csrf_of(support.cookie)
    pages = [(await support.get("/console")).text for _ in range(2)]
    found = [re.findall(r'name="csrf" value="([0-9a-f]+)"', page)[0] for page in pages]
    assert found[0] != found[1] and proof not in pages[0]
    out = await support.http.post("/console/sign-out", data={"csrf": found[0]})
    assert (out.status_code, out.headers["location"]) == (303, "/console/sign-in")


async def test_a_form_without_words_of_its_own_is_acknowledged_by_its_address(support: StaffBrowser) -> None:
    order_no = await placed(support)
    path = f"/console/orders/{order_no}"
    form = (await support.get(f"{path}/contact")).text
    contact = {"name": "Ann", "email": "ann@example.com", "reason": "a slip", "seen": hidden(form, "seen")}
    answer = await support.post(f"{path}/contact", **contact)
    assert answer.status_code == 303, answer.text
    assert "The contact is corrected." in (await support.get(path)).text
    assert "data-toast" not in (await support.get(path)).text
    assert words_for("/console/returns/{return_id}/{verb}", {"verb": "approve"}) == "done.returns.approve"
    request = Request({"type": "http", "headers": [], "scheme": "http", "path": "/", "app": support.api.app})
    unknown = notices.acknowledged(request, "/console", "done.nothing_like_it").headers["set-cookie"]
    headers = {"cookie": f"oms_session={support.cookie}; oms_lang=zh; {unknown.partition(';')[0]}"}
    assert "操作已完成" in (await support.http.get("/console/returns", headers=headers)).text
