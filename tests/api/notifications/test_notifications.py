"""The messages to an order's customer, for its owner and for staff; having it sent again; the language of it."""

from typing import Any

import pytest

from infra.db.customers.profiles import profile_context
from infra.db.messaging import outbox
from infra.db.notifications import send_queue
from infra.db.notifications.messages import body_context, to_context
from tests.api.conftest import ApiClient, an_order, unique


async def placed(shop: ApiClient, **customer: Any) -> tuple[str, str]:
    """(order number, customer id) of an order whose messages are made."""
    who = an_order()["customer"] | {"id": unique("c-told")} | customer
    answer = await shop.post("/v1/orders", an_order(customer=who))
    assert answer.status_code == 201, answer.text
    async with shop.app.state.services.database.begin() as conn:
        await outbox.fan_out(conn, 500)
    return str(answer.json()["order_no"]), str(who["id"])


async def tried(shop: ApiClient, order_no: str, error: str | None, words: dict[str, str] | None = None) -> None:
    """As the relay leaves a message that was taken, or refused; `words` are what it says."""
    services = shop.app.state.services
    async with services.database.begin() as conn:
        claimed = await send_queue.claim(conn, "email", 200, 30.0)
        [one] = [message for message in claimed if message.order_no == order_no]
        to = services.keys.seal_json(one.data_key, "li@example.com", to_context(one.message_id))
        said = {"subject": "Order", "body": "Received"} if words is None else words
        body = services.keys.seal_json(one.data_key, said, body_context(one.message_id))
        frozen = send_queue.Frozen(one.message_id, 1, "zh", to, body)
        await send_queue.freeze(conn, [frozen])
        await send_queue.settle(conn, [send_queue.Settled(one, error, "sandbox", final=True)], 5)


async def messages_of(caller: ApiClient, order_no: str) -> list[dict[str, Any]]:
    answer = await caller.get(f"/v1/orders/{order_no}/messages")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_the_owner_and_staff_see_what_was_sent(shop: ApiClient) -> None:
    order_no, customer = await placed(shop)
    [waiting] = await messages_of(shop.as_("customer", customer), order_no)
    assert (waiting["state"], waiting["to"], waiting["sent_at"], waiting["version"]) == ("open", None, None, None)
    await tried(shop, order_no, None)
    for caller in (shop, shop.as_("customer", customer), shop.as_("channel", "web"), shop.as_("finance")):
        [message] = await messages_of(caller, order_no)
        assert message.pop("created_at").endswith("Z") and message.pop("sent_at").endswith("Z")
        assert message == {
            "message_id": f"{order_no}.1.email", "fact": "order_placed", "channel": "email", "template": "order_placed",
            "version": 1, "language": "zh", "state": "sent", "tries": 1, "error": None, "to": "l***@example.com",
            "earlier_to": [],
        }  # fmt: skip
    for stranger in (shop.as_("customer", "c-other"), shop.as_("channel", "shop-2")):
        answer = await stranger.get(f"/v1/orders/{order_no}/messages")
        assert (answer.status_code, answer.json()["code"]) == (404, "order_not_found")


async def test_support_has_a_failed_message_sent_again_once(shop: ApiClient) -> None:
    order_no, _ = await placed(shop)
    path = f"/v1/orders/{order_no}/messages/{order_no}.1.email/retry"
    early = await shop.post(path)
    assert (early.status_code, early.json()["code"]) == (409, "message_not_failed")
    await tried(shop, order_no, "rejected")
    assert [(one["state"], one["error"]) for one in await messages_of(shop, order_no)] == [("failed", "rejected")]
    key = unique("again")
    for replayed in (None, "true"):
        answer = await shop.post(path, key=key)
        assert (answer.status_code, answer.json()["state"]) == (200, "open")
        assert answer.headers.get("idempotent-replayed") == replayed
    assert (await shop.post(path)).json()["code"] == "message_not_failed"
    [message] = await messages_of(shop, order_no)
    assert (message["state"], message["tries"], message["error"], message["to"]) == ("open", 0, None, None)
    assert message["earlier_to"] == ["l***@example.com"]
    entries = (await shop.as_("operations").get("/v1/audit", order_no=order_no)).json()["items"]
    assert [(one["actor"], one["reference"]) for one in entries if one["action"] == "message_sent_again"] == [
        ("support:amy", f"{order_no}.1.email")
    ]


@pytest.mark.parametrize("message_id", ["1", "x" * 65, "%00", "%E4%B8%AD", "0F9C9T-3J0000-00000X.1.email"])
async def test_a_message_that_is_not_there(shop: ApiClient, message_id: str) -> None:
    order_no, _ = await placed(shop)
    answer = await shop.post(f"/v1/orders/{order_no}/messages/{message_id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (404, "message_not_found")


async def test_a_message_of_another_order_is_not_sent_by_this_ones_number(shop: ApiClient) -> None:
    (one, _), (other, _) = await placed(shop), await placed(shop)
    await tried(shop, other, "rejected")
    answer = await shop.post(f"/v1/orders/{one}/messages/{other}.1.email/retry")
    assert (answer.status_code, answer.json()["code"]) == (404, "message_not_found")


async def profile_of(shop: ApiClient, customer: str) -> dict[str, Any]:
    [row] = await shop.sql("SELECT data_key, profile_enc FROM customers WHERE customer_id = %s", customer)
    keys = shop.app.state.services.keys
    opened: dict[str, Any] = keys.open_json(row["data_key"], row["profile_enc"], profile_context(customer))
    return opened


async def test_the_language_is_kept_until_another_is_named(shop: ApiClient) -> None:
    _, customer = await placed(shop, language="en")
    assert (await profile_of(shop, customer))["language"] == "en"
    await placed(shop, id=customer, name="Li Lei the elder")
    body = await profile_of(shop, customer)
    assert (body["language"], body["name"]) == ("en", "Li Lei the elder")
    await placed(shop, id=customer, language="zh")
    assert (await profile_of(shop, customer))["language"] == "zh"


async def test_naming_no_language_writes_no_known_customer_again(shop: ApiClient) -> None:
    _, customer = await placed(shop, language="en")
    before = await shop.sql("SELECT updated_at FROM customers WHERE customer_id = %s", customer)
    await placed(shop, id=customer)
    assert await shop.sql("SELECT updated_at FROM customers WHERE customer_id = %s", customer) == before


@pytest.mark.parametrize("language", ["fr", "", "EN", 1, ["en"]])
async def test_a_language_that_we_do_not_write_is_refused(shop: ApiClient, language: Any) -> None:
    who = an_order()["customer"] | {"language": language}
    answer = await shop.post("/v1/orders", an_order(customer=who))
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_a_message_is_read_as_it_was_sent(shop: ApiClient) -> None:
    """By its owner and by staff who may see personal data, and by nobody else."""
    order_no, customer = await placed(shop)
    path = f"/v1/orders/{order_no}/messages/{order_no}.1.email"
    assert (await shop.get(path)).json()["words"] is None
    written = {"subject": "Order received", "body": "We have it.\n", "to": "li@example.com", "version": "2"}
    await tried(shop, order_no, None, written | {"language": "en", "written_at": "2026-01-02T03:04:05+00:00"})
    for caller in (shop, shop.as_("warehouse"), shop.as_("customer", customer), shop.as_("channel", "web")):
        answer = await caller.get(path)
        assert (answer.status_code, answer.json()["state"], answer.json()["earlier"]) == (200, "sent", [])
        assert answer.json()["words"] == {
            "subject": "Order received", "body": "We have it.\n", "to": "l***@example.com", "version": 2,
            "language": "en", "written_at": "2026-01-02T03:04:05Z",
        }  # fmt: skip
    for stranger, code in (
        (shop.as_("customer", "c-other"), "order_not_found"),
        (shop.as_("finance"), "forbidden"),
        (shop.as_("operations"), "forbidden"),
    ):
        assert (await stranger.get(path)).json()["code"] == code
    other, _ = await placed(shop)
    assert (await shop.get(path.replace(order_no, other, 1))).json()["code"] == "message_not_found"
    assert (await shop.get(f"/v1/orders/{order_no}/messages/%00")).json()["code"] == "message_not_found"
