"""Photographs in the form of a return and of a parcel: kept when another field is refused, checked, seen by staff."""

import re
from html import unescape

import httpx
import psycopg
import pytest

from api.services.files import uploads
from infra.db.files import stored_files
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import sign_in
from tests.factories.pictures import HOSTILE, bomb, picture
from tests.portal.after_sales.test_returns import FORM, at_home
from tests.portal.conftest import Browser, a_customer, placed, signed_in

KEPT = re.compile(r'name="(kept\.[0-9a-f]{64})"')
ONE = FORM | {"pieces.TEA-1": "1"}


async def send(browser: Browser, path: str, fields: dict[str, str], *files: tuple[str, bytes]) -> httpx.Response:
    """A multipart form, as a browser sends it."""
    sent = [("photographs", file) for file in files]
    return await browser.http.post(f"/portal{path}", data={"csrf": browser.csrf, **fields}, files=sent)


def carried(html: str) -> dict[str, str]:
    """The hidden fields of the form that confirms."""
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', html.rpartition("<form")[2])
    return {unescape(name): unescape(value) for name, value in found}


async def test_photographs_go_with_the_form_and_stay_when_a_field_is_refused(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop)
    path = f"/orders/{order_no}/return"
    assert 'enctype="multipart/form-data"' in (await browser.get(path)).text
    files = ("front.png", picture()), ("back.jpg", picture("JPEG"))
    refused = await send(browser, path, ONE | {"reason_code": "", "reason": "broken <b>"}, *files)
    kept = KEPT.findall(refused.text)
    assert refused.status_code == 422 and len(kept) == 2 and "broken &lt;b&gt;" in refused.text
    small = re.findall(rf'src="/portal({path}/photographs/[0-9a-f]+)"', refused.text)
    assert (await browser.get(small[0])).headers["content-type"] == "image/webp"
    # A box that is cleared takes its photograph away, and another file is added.
    preview = await send(browser, path, ONE | {kept[0]: "1"}, ("more.webp", picture("WEBP", (9, 9))))
    assert preview.status_code == 200 and "2 photos go with it" in preview.text
    changed = await browser.post(path, **carried(preview.text), step="edit")
    assert len(KEPT.findall(changed.text)) == 2 and 'id="f-photographs"' in changed.text
    for _ in range(2):
        made = await browser.post(f"{path}/do", **carried(preview.text))
        assert made.status_code == 303
    there = made.headers["location"]
    assert len(re.findall(r"photographs/[0-9a-f]{64}\?size=small", (await browser.http.get(there)).text)) == 2
    staff = await sign_in(shop, "support")
    for page in (f"/console/orders/{order_no}", f"/console/returns/{there.rpartition('/')[2]}"):
        [first, *_] = re.findall(r'src="(/console/[^"]+/photographs/[^"]+)"', (await staff.get(page)).text)
        assert (await staff.get(first)).headers["content-type"] == "image/webp", page
    assert (await (await sign_in(shop, "finance")).get(first)).status_code == 403


async def test_each_file_that_is_no_picture_is_named_at_the_field_and_the_others_stay(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop)
    bad = {**HOSTILE, "nothing": b"", "bomb": bomb(), "polyglot": HOSTILE["a page"] + picture()}
    files = [(f"{name}.png", content) for name, content in bad.items()]
    answer = await send(browser, f"/orders/{order_no}/return", ONE, ("good.png", picture()), *files)
    assert answer.status_code == 422 and len(KEPT.findall(answer.text)) == 1
    assert 'id="f-photographs-error"' in answer.text
    for name in bad:
        assert f"{name}.png: " in answer.text, name
    hostile = await send(browser, f"/orders/{order_no}/return", ONE, ("<script>alert(1)</script>.svg", b"<svg/>"))
    assert "<script>alert" not in hostile.text and "&lt;script&gt;alert(1)" in hostile.text


async def test_ten_photographs_and_a_form_that_is_too_large_are_said_at_the_field(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop)
    path = f"/orders/{order_no}/return"
    many = await send(browser, path, ONE, *[(f"{n}.png", picture(size=(n + 1, 2))) for n in range(20)])
    assert many.status_code == 422 and len(KEPT.findall(many.text)) == 10 and "At most 10 photos" in many.text
    large = await send(browser, path, ONE, ("large.png", b"x" * 8_100_000))
    assert large.status_code == 422 and "large.png: The picture is too large" in large.text
    whole = await send(browser, path, ONE, ("all.png", b"x" * 46_000_000))
    assert whole.status_code == 413 and 'id="f-photographs-error"' in whole.text


async def test_nobody_sends_or_sees_the_photographs_of_another(
    shop: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, order_no = await at_home(shop)
    other, others = await at_home(shop)
    path = f"/orders/{order_no}/return"
    [kept] = KEPT.findall((await send(browser, path, ONE | {"reason_code": ""}, ("a.png", picture()))).text)
    stolen = await send(other, f"/orders/{others}/return", ONE | {kept: "1", "kept.x": "1", "kept." + "0" * 64: "1"})
    assert stolen.status_code == 200 and "kept." not in stolen.text
    made = await other.post(f"/orders/{others}/return/do", **carried(stolen.text), **{kept: "1"})
    assert made.status_code == 303 and "?size=small" not in (await other.http.get(made.headers["location"])).text
    assert (await other.get(f"/orders/{others}/return/photographs/{kept.removeprefix('kept.')}")).status_code == 404
    monkeypatch.setattr(uploads, "MAX_UNUSED", 1)
    full = await send(browser, path, ONE, ("b.png", picture()))
    assert full.status_code == 422 and 'id="f-photographs-error"' in full.text


async def test_photographs_of_a_parcel_are_seen_by_staff_on_the_order(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop)
    path = f"/orders/{order_no}/photographs"
    assert path in (await browser.get(f"/orders/{order_no}")).text
    fields = {"key": unique("key")}
    for _ in range(2):
        assert (await send(browser, path, fields, ("box.png", picture()))).status_code == 303
    page = (await browser.get(path)).text
    [small] = re.findall(r'src="/portal([^"]+\?size=small)"', page)
    assert (await browser.get(small)).status_code == 200 and f"/portal/orders/{order_no}/return" in page
    stranger = await signed_in(shop, a_customer())
    assert [(await stranger.get(one)).status_code for one in (path, small)] == [404, 404]
    assert (await send(stranger, path, {}, ("a.png", picture()))).status_code == 404
    wu = await sign_in(shop, "warehouse")
    staff_page = (await wu.get(f"/console/orders/{order_no}")).text
    [seen] = re.findall(r'src="(/console/orders/[^"]+/photographs/[^"]+)"', staff_page)
    assert (await wu.get(seen)).status_code == 200
    assert "/photographs/" not in (await (await sign_in(shop, "finance")).get(f"/console/orders/{order_no}")).text
    for content in (b"", HOSTILE["a script as SVG"]):
        refused = await send(browser, path, {}, ("bad.png", content))
        assert refused.status_code == 422 and 'id="f-photographs-error"' in refused.text
    empty = await send(browser, path, {"x": "1"})
    assert empty.status_code == 422 and "Choose at least one photo" in empty.text


async def test_before_the_parcel_is_sent_there_is_nothing_to_photograph(shop: ApiClient) -> None:
    customer = a_customer()
    order_no = await placed(shop, customer)
    browser = await signed_in(shop, customer, "zh")
    path = f"/orders/{order_no}/photographs"
    assert "包裹寄出后即可添加照片" in (await browser.get(path)).text
    assert (await send(browser, path, {}, ("a.png", picture()))).status_code == 409


async def test_a_file_goes_once_nothing_refers_to_it_and_it_is_old(shop: ApiClient) -> None:
    """Neither before, nor while somebody is about to refer to it; what refers to it keeps it."""
    browser, order_no = await at_home(shop)
    await send(browser, f"/orders/{order_no}/photographs", {}, ("kept.png", picture()))
    await send(browser, f"/orders/{order_no}/return", ONE | {"reason_code": ""}, ("unsent.png", picture(size=(5, 5))))
    owner = (await shop.sql("SELECT customer_id FROM orders WHERE order_no = %s", order_no))[0]["customer_id"]
    database = shop.app.state.services.database

    async def files() -> int:
        return len(await shop.sql("SELECT 1 FROM stored_files WHERE owner_id = %s", owner))

    async with database.begin() as conn:
        await stored_files.forget_unused(conn, 7, 1000)
    assert await files() == 2, "younger than that"
    with pytest.raises(psycopg.DatabaseError):
        await shop.sql("DELETE FROM stored_files WHERE owner_id = %s RETURNING 1", owner)
    await shop.sql(
        "WITH off AS (SELECT set_config('session_replication_role', 'replica', true))"
        " UPDATE stored_files SET created_at = now() - interval '8 days' FROM off WHERE owner_id = %s RETURNING 1",
        owner,
    )
    async with database.begin() as held, database.begin() as conn:
        await stored_files.refer(held)
        await stored_files.forget_unused(conn, 7, 1000)
    assert await files() == 2, "somebody is about to refer to one"
    async with database.begin() as conn:
        await stored_files.forget_unused(conn, 7, 1000)
    assert await files() == 1
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await shop.sql("DELETE FROM stored_files WHERE owner_id = %s RETURNING 1", owner)
