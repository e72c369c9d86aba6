"""Notes of staff over HTTP: written, edited, deleted, mentioning people; nobody else learns of them."""

from typing import Any

from tests.api.conftest import ApiClient, open_api, unique
from tests.conftest import DatabaseUrls
from tests.factories.sales import placed

SCRIPT = '<script>alert(1)</script> & "quotes" {{ 7*7 }} 客户要求改地址'


async def colleague(api: ApiClient, role: str = "support") -> str:
    """An active member of staff, who can be mentioned and assigned to."""
    name = unique("pat").lower()
    await api.sql(
        "INSERT INTO staff (name, role, password_hash, data_key, totp_enc) VALUES (%s, %s, 'x', '', '')", name, role
    )
    return name


async def noted(caller: ApiClient, order_no: str, text: str) -> dict[str, Any]:
    answer = await caller.post(f"/v1/orders/{order_no}/notes", {"text": text})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def notes_of(caller: ApiClient, order_no: str) -> list[dict[str, Any]]:
    return list((await caller.get(f"/v1/orders/{order_no}/notes")).json()["items"])


async def test_a_note_is_written_once_edited_and_deleted_and_its_history_is_in_the_audit_log(shop: ApiClient) -> None:
    order_no, key = await placed(shop), unique("key")
    first = await shop.post(f"/v1/orders/{order_no}/notes", {"text": SCRIPT}, key=key)
    again = await shop.post(f"/v1/orders/{order_no}/notes", {"text": SCRIPT}, key=key)
    assert first.status_code == 201 and again.json() == first.json()
    (note,) = await notes_of(shop, order_no)
    assert (note["text"], note["author"], note["edited_at"]) == (SCRIPT, "support:amy", None)
    path = f"/v1/orders/{order_no}/notes/{note['note_id']}"
    headers = shop.headers | {"Idempotency-Key": unique("key")}
    edited = await shop.http.patch(path, json={"text": "better"}, headers=headers)
    assert (edited.status_code, edited.json()["text"]) == (200, "better") and edited.json()["edited_at"]
    assert (await shop.delete(path)).status_code == 204
    assert await notes_of(shop, order_no) == [] and (await shop.delete(path)).status_code == 404
    entries = (await shop.as_("operations").get("/v1/audit", order_no=order_no)).json()["items"]
    did = [(one["action"], one["actor"]) for one in entries if one["action"].startswith("note_")]
    assert did == [(f"note_{what}", "support:amy") for what in ("deleted", "edited", "added")]
    rows = await shop.sql("SELECT v::text AS row FROM order_note_versions v WHERE note_id = %s", note["note_id"])
    assert len(rows) == 2 and not any("alert" in row["row"] or "better" in row["row"] for row in rows)


async def test_only_its_author_edits_a_note_and_an_admin_deletes_any(shop: ApiClient) -> None:
    order_no = await placed(shop)
    note = await noted(shop, order_no, "mine")
    path, bob = f"/v1/orders/{order_no}/notes/{note['note_id']}", shop.as_("support", "bob")
    headers = bob.headers | {"Idempotency-Key": unique("key")}
    edited = await shop.http.patch(path, json={"text": "not mine"}, headers=headers)
    assert (edited.status_code, edited.json()["code"]) == (403, "note_not_yours")
    assert (await bob.delete(path)).json()["code"] == "note_not_yours"
    other = await placed(shop)
    elsewhere = await shop.delete(f"/v1/orders/{other}/notes/{note['note_id']}")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "note_not_found")
    assert (await shop.as_("admin", "root").delete(path)).status_code == 204


async def test_a_note_is_fixed_when_its_time_is_over(shop: ApiClient, database_url: DatabaseUrls) -> None:
    order_no = await placed(shop)
    note = await noted(shop, order_no, "old")
    async with open_api(database_url, note_change_s=0) as late:
        answer = await late.as_("support", "amy").delete(f"/v1/orders/{order_no}/notes/{note['note_id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "note_fixed")


async def test_a_mentioned_colleague_finds_the_note_until_it_is_read(shop: ApiClient) -> None:
    order_no, pat, kim = await placed(shop), await colleague(shop), await colleague(shop, "warehouse")
    text = f"请@{pat}看一下, @{kim.upper()}. @nobody @amy x@{pat}.example"
    note = await noted(shop, order_no, text)
    assert note["mentions"] == sorted([pat, kim])
    me = shop.as_("support", pat)
    found = (await me.get("/v1/mentions", unread="true")).json()
    assert [(one["note_id"], one["text"]) for one in found["items"]] == [(note["note_id"], text)] and found[
        "unread"
    ] == 1
    other = (await shop.as_("support", "amy").get("/v1/mentions")).json()
    assert (other["items"], other["unread"]) == ([], 0)
    assert (await me.post("/v1/mentions/read", {"note_ids": ["note_other"]})).json() == {"read": 0}
    assert (await me.post("/v1/mentions/read")).json() == {"read": 1}
    found = (await me.get("/v1/mentions")).json()
    assert found["unread"] == 0 and found["items"][0]["seen_at"]
    path, headers = f"/v1/orders/{order_no}/notes/{note['note_id']}", shop.headers | {"Idempotency-Key": unique("key")}
    assert (await shop.http.patch(path, json={"text": "nobody"}, headers=headers)).json()["mentions"] == []
    assert (await me.get("/v1/mentions")).json()["items"] == []


async def test_pages_of_notes_hold_each_once(shop: ApiClient) -> None:
    order_no = await placed(shop)
    written = [(await noted(shop, order_no, f"note {number}"))["note_id"] for number in range(3)]
    first = (await shop.get(f"/v1/orders/{order_no}/notes", limit=2)).json()
    rest = (await shop.get(f"/v1/orders/{order_no}/notes", limit=2, cursor=first["next_cursor"])).json()
    assert [one["note_id"] for one in first["items"] + rest["items"]] == written[::-1] and rest["next_cursor"] is None
    assert (await shop.get(f"/v1/orders/{order_no}/notes", cursor="x")).json()["code"] == "invalid_cursor"


async def test_nobody_but_staff_learns_of_notes_tags_and_assignee(shop: ApiClient) -> None:
    order_no, pat = await placed(shop), await colleague(shop)
    counted = await shop.sql("SELECT count(*) AS n FROM order_events WHERE order_no = %s", order_no)
    etag = (await shop.get(f"/v1/orders/{order_no}")).headers["etag"]
    await noted(shop, order_no, "TOPSECRET note")
    put = {"tags": ["topsecret"]}, {"assignee": pat}
    for name, body in zip(("tags", "assignee"), put, strict=True):
        answer = await shop.http.put(f"/v1/orders/{order_no}/{name}", json=body, headers=shop.headers)
        assert answer.status_code == 200, answer.text
    staff = await shop.get(f"/v1/orders/{order_no}")
    assert (staff.json()["tags"], staff.json()["assignee"], staff.headers["etag"]) == (["topsecret"], pat, etag)
    for caller in (shop.as_("customer", "c-17"), shop.as_("channel", "web")):
        for path in (f"/v1/orders/{order_no}", f"/v1/orders/{order_no}/events", "/v1/orders"):
            text = (await caller.get(path)).text
            assert order_no in text or "events" in path
            assert "topsecret" not in text.lower() and pat not in text and "assignee" not in text
        assert (await caller.get("/v1/orders", tag="topsecret")).json()["code"] == "forbidden"
        assert (await caller.get("/v1/orders", assignee=pat)).json()["code"] == "forbidden"
    # Webhooks and channels get events; there is none.
    assert await shop.sql("SELECT count(*) AS n FROM order_events WHERE order_no = %s", order_no) == counted


async def test_notes_go_with_the_customers_data(shop: ApiClient) -> None:
    customer = unique("c-gone")
    order_no = await placed(shop, customer={"id": customer, "name": "N", "email": None, "phone": None})
    await noted(shop, order_no, "her telephone is 12345")
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s RETURNING customer_id", customer)
    (note,) = await notes_of(shop, order_no)
    assert note["text"] is None
    late = await shop.post(f"/v1/orders/{order_no}/notes", {"text": "more"})
    assert (late.status_code, late.json()["code"]) == (409, "customer_erased")
