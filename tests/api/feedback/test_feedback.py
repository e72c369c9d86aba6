"""Feedback over HTTP: given, listed, answered, summed up; what is written in it stays harmless and sealed."""

import asyncio
from typing import Any

import pytest

from domain.feedback import LIMIT, MAX_TEXT
from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.sales import placed

SCRIPT = '<script>alert(1)</script> & "quotes" {{ 7*7 }} 送货很慢'


async def given(api: ApiClient, order_no: str, **body: Any) -> str:
    answer = await api.post(f"/v1/orders/{order_no}/feedback", {"rating": 4} | body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["feedback_id"])


async def test_feedback_is_given_answered_and_seen_by_its_customer(shop: ApiClient) -> None:
    order_no, owner = await placed(shop), shop.as_("customer", "c-17")
    key = unique("key")
    body = {"rating": 2, "text": SCRIPT, "kind": "complaint"}
    first = await owner.post(f"/v1/orders/{order_no}/feedback", body, key=key)
    again = await owner.post(f"/v1/orders/{order_no}/feedback", body, key=key)
    assert first.status_code == 201 and again.json() == first.json()
    feedback_id = first.json()["feedback_id"]
    (mine,) = (await owner.get(f"/v1/orders/{order_no}/feedback")).json()["items"]
    assert (mine["text"], mine["state"], mine["answer"]) == (SCRIPT, "open", None) and "given_by" not in mine
    answered = await shop.post(f"/v1/feedback/{feedback_id}/answer", {"text": "对不起"})
    assert (answered.status_code, answered.json()["answered_by"]) == (201, "support:amy")
    (mine,) = (await owner.get(f"/v1/orders/{order_no}/feedback")).json()["items"]
    assert (mine["state"], mine["answer"]) == ("answered", "对不起")
    late = await shop.as_("support", "bob").post(f"/v1/feedback/{feedback_id}/answer", {"text": "again"})
    assert (late.status_code, late.json()["code"]) == (409, "feedback_answered")
    events = (await shop.get(f"/v1/orders/{order_no}/events")).json()["items"]
    reported = [(event["type"], event["actor"], event["data"]) for event in events[-2:]]
    data = {"feedback_id": feedback_id, "kind": "complaint", "rating": 2}
    assert reported == [("feedback_given", "customer:c-17", data), ("feedback_answered", "support:amy", data)]
    audited = await shop.sql("SELECT actor, action FROM audit_log WHERE order_no = %s ORDER BY entry_id", order_no)
    assert audited[-1] == {"actor": "support:amy", "action": "feedback_answered"}


async def test_what_is_written_is_sealed(shop: ApiClient) -> None:
    customer = an_order()["customer"] | {"id": unique("c")}
    order_no = await placed(shop, customer=customer)
    feedback_id = await given(shop, order_no, text=SCRIPT)
    await shop.post(f"/v1/feedback/{feedback_id}/answer", {"text": SCRIPT})
    for table in ("feedback", "order_events", "audit_log", "idempotency_keys"):
        rows = await shop.sql(f"SELECT t::text AS row FROM {table} t")
        assert not [row for row in rows if "alert(1)" in row["row"] or "送货" in row["row"]], table
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s", customer["id"])
    (erased,) = (await shop.get(f"/v1/orders/{order_no}/feedback")).json()["items"]
    assert (erased["text"], erased["answer"], erased["rating"], erased["state"]) == (None, None, 4, "answered")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "validation_failed"),
        ({"rating": 0}, "validation_failed"),
        ({"rating": 6}, "validation_failed"),
        ({"rating": 4.5}, "validation_failed"),
        ({"rating": "5"}, "validation_failed"),
        ({"rating": True}, "validation_failed"),
        ({"rating": 5, "text": ""}, "validation_failed"),
        ({"rating": 5, "text": "x" * (MAX_TEXT + 1)}, "validation_failed"),
        ({"rating": 5, "text": "a\x00b"}, "invalid_text"),
        ({"rating": 5, "text": ["x"]}, "validation_failed"),
        ({"rating": 5, "kind": "praise"}, "validation_failed"),
        ({"rating": 5, "given_by": "support:amy"}, "unknown_field"),
    ],
)
async def test_bad_feedback_is_refused_and_leaves_nothing(shop: ApiClient, body: dict[str, Any], code: str) -> None:
    order_no = await placed(shop)
    answer = await shop.post(f"/v1/orders/{order_no}/feedback", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert not await shop.sql("SELECT 1 FROM feedback WHERE order_no = %s", order_no)


async def test_an_order_takes_so_much_feedback_and_no_more(shop: ApiClient) -> None:
    order_no = await placed(shop)
    answers = await asyncio.gather(
        *(shop.post(f"/v1/orders/{order_no}/feedback", {"rating": 1}) for _ in range(LIMIT + 3))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * LIMIT + [409] * 3
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"feedback_limit"}


async def test_a_stranger_neither_gives_nor_reads(shop: ApiClient) -> None:
    order_no, stranger = await placed(shop), shop.as_("customer", "c-other")
    for answer in (
        await stranger.post(f"/v1/orders/{order_no}/feedback", {"rating": 1}),
        await stranger.get(f"/v1/orders/{order_no}/feedback"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "order_not_found")
    missing = await shop.post("/v1/feedback/fbk_none/answer", {"text": "x"})
    assert (missing.status_code, missing.json()["code"]) == (404, "feedback_not_found")


async def test_the_list_is_filtered_and_paged_newest_first(shop: ApiClient) -> None:
    made = [await given(shop, await placed(shop), rating=3, kind="complaint", text=f"no {n}") for n in range(5)]
    await given(shop, await placed(shop), rating=4)
    await shop.post(f"/v1/feedback/{made[0]}/answer", {"text": "x"})
    wanted = {"rating": 3, "kind": "complaint", "limit": 2}
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await shop.as_("operations").get("/v1/feedback", **wanted, **cursor)).json()
        found += [item["feedback_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == made[::-1]
    answered = (await shop.get("/v1/feedback", **wanted, state="answered")).json()["items"]
    assert [item["feedback_id"] for item in answered] == made[:1]
    assert made[0] not in str((await shop.get("/v1/feedback", state="open", limit=200)).json())


@pytest.mark.parametrize("query", [{"rating": 6}, {"kind": "x"}, {"state": "x"}, {"limit": 0}, {"cursor": "x"}])
async def test_bad_filters(shop: ApiClient, query: dict[str, Any]) -> None:
    assert (await shop.get("/v1/feedback", **query)).status_code == 422
    assert (await shop.get("/v1/feedback/summary", days=0)).status_code == 422


async def test_the_summary_counts_what_was_said(shop: ApiClient) -> None:
    before = (await shop.get("/v1/feedback/summary", days=7)).json()
    order_no = await placed(shop)
    ids = [await given(shop, order_no, rating=rating) for rating in (1, 5)]
    await given(shop, order_no, rating=1, kind="complaint")
    await shop.post(f"/v1/feedback/{ids[0]}/answer", {"text": "x"})
    after = (await shop.get("/v1/feedback/summary", days=7)).json()
    assert after["given"] - before["given"] == 3
    assert after["complaints"] - before["complaints"] == 1
    assert after["by_rating"]["1"] - before["by_rating"]["1"] == 2
    total = sum(int(rating) * count for rating, count in after["by_rating"].items())
    assert after["average"] == round(total / after["given"], 2)
    rows = await shop.sql("SELECT count(*) AS n, count(answered_at) AS a FROM feedback")
    assert after["answered_share"] == round(rows[0]["a"] / rows[0]["n"], 4)
