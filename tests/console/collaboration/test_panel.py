"""Notes, tags and assignee on the pages of staff: written, mentioned, refused at the field with the text kept."""

import pytest

from tests.api.conftest import ApiClient, unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.console.test_pages import hidden, placed

HOSTILE = '<script>alert(1)</script> & "quotes" {{ 7*7 }} \' or 1=1 --'


async def test_a_note_is_written_once_and_found_by_whom_it_mentions(support: StaffBrowser, shop: ApiClient) -> None:
    order_no, kim = await placed(support), await sign_in(shop, "warehouse")
    path = f"/console/orders/{order_no}"
    key = hidden((await support.get(path)).text, "key")
    for _ in range(2):
        sent = await support.post(f"{path}/notes", text=f"please pack well @{kim.name}\r\n{HOSTILE}", key=key)
        assert (sent.status_code, sent.headers["location"]) == (303, f"{path}#notes")
    page = (await support.get(path)).text
    assert page.count("please pack well") == 3 and f"<strong>@{kim.name}</strong>" in page
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    assert (await kim.get("/console/counts")).json()["for_me"] == "1"
    mine = (await kim.get("/console/for-me")).text
    assert "please pack well" in mine and "1 unread" in mine and "<script>alert" not in mine
    (note,) = (await shop.get(f"/v1/orders/{order_no}/notes")).json()["items"]
    opened = await kim.get(f"/console/for-me/{note['note_id']}")
    assert (opened.status_code, opened.headers["location"]) == (303, f"{path}#notes")
    assert (await kim.get("/console/counts")).json()["for_me"] == ""
    assert (await support.get(f"/console/for-me/{note['note_id']}")).status_code == 404


async def test_a_note_that_cannot_be_stored_keeps_its_text(support: StaffBrowser) -> None:
    order_no = await placed(support)
    for text in ("", "   ", "x" * 2001, "turned \u202e around"):
        again = await support.post(f"/console/orders/{order_no}/notes", text=text)
        assert again.status_code == 422 and 'aria-invalid="true"' in again.text and 'id="note-error"' in again.text
        assert text.strip() in again.text
    assert (await support.api.get(f"/v1/orders/{order_no}/notes")).json()["items"] == []


async def test_its_author_edits_and_deletes_a_note_and_another_cannot(support: StaffBrowser, shop: ApiClient) -> None:
    order_no, other = await placed(support), await sign_in(shop, "finance")
    path = f"/console/orders/{order_no}"
    await support.post(f"{path}/notes", text="first words")
    (note,) = (await shop.get(f"/v1/orders/{order_no}/notes")).json()["items"]
    at = f"{path}/notes/{note['note_id']}"
    refused = await other.post(at, text="not mine")
    assert refused.status_code == 403 and "not mine" not in (await support.get(path)).text
    assert at not in (await other.get(path)).text and (await other.post(f"{at}/delete")).status_code == 403
    blank = await support.post(at, text=" ")
    assert blank.status_code == 422 and f"{note['note_id']}-error" in blank.text
    assert (await support.post(at, text="better words")).status_code == 303
    page = (await support.get(path)).text
    assert "better words" in page and "first words" not in page
    assert (await support.post(f"{at}/delete")).status_code == 303
    assert (
        "better words" not in (await support.get(path)).text and (await support.post(at, text="x")).status_code == 404
    )


async def test_tags_and_assignee_are_set_on_the_order(support: StaffBrowser) -> None:
    order_no, tag = await placed(support), unique("gift").lower()
    path = f"/console/orders/{order_no}"
    assert (await support.post(f"{path}/tags", add=f" {tag.upper()} ， 复核")).status_code == 303
    assert (await support.post(f"{path}/assignee", assignee=support.name)).status_code == 303
    view = (await support.api.get(f"/v1/orders/{order_no}")).json()
    assert (view["tags"], view["assignee"]) == (sorted([tag, "复核"]), support.name)
    assert order_no in (await support.get("/console/for-me")).text
    page = (await support.get(path)).text
    assert f'<option value="{tag}">' in page and f"Remove tag {tag}" in page
    await support.post(f"{path}/tags", remove=tag)
    await support.post(f"{path}/assignee", assignee="")
    view = (await support.api.get(f"/v1/orders/{order_no}")).json()
    assert (view["tags"], view["assignee"]) == (["复核"], None)


@pytest.mark.parametrize(("form", "field", "typed", "at"), [
    ("tags", "add", "x" * 41, "tag-error"),
    ("tags", "add", "", "tag-error"),
    ("tags", "add", "a\u202eb", "tag-error"),
    ("tags", "add", ",".join(f"t{n}" for n in range(21)), "tag-error"),
    ("assignee", "assignee", "nobody-here", "assignee-error"),
    ("assignee", "assignee", HOSTILE, "assignee-error"),
])  # fmt: skip
async def test_what_is_refused_is_said_at_its_field(
    support: StaffBrowser, form: str, field: str, typed: str, at: str
) -> None:
    order_no = await placed(support)
    again = await support.post(f"/console/orders/{order_no}/{form}", **{field: typed})
    assert again.status_code in (404, 422) and f'id="{at}"' in again.text and "<script>alert" not in again.text
    view = (await support.api.get(f"/v1/orders/{order_no}")).json()
    assert (view["tags"], view["assignee"]) == ([], None)


async def test_the_panel_is_outside_the_live_part_and_in_both_languages(shop: ApiClient, support: StaffBrowser) -> None:
    order_no = await placed(support)
    live = await support.http.get(f"/console/orders/{order_no}", headers={"x-live": "1"})
    assert 'id="note-text"' not in live.text
    chinese = await sign_in(shop, "support", "zh")
    for path in (f"/console/orders/{order_no}/notes", "/console/for-me"):
        page = await chinese.get(path)
        assert page.status_code == 200 and ("内部备注" in page.text or "与我相关" in page.text)
