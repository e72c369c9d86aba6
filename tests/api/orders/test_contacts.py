"""Support corrects the contact of an order: messages, search and reading follow, with audit and nothing in clear."""

from typing import Any

import httpx
import pytest

from infra.db.messaging import outbox
from infra.db.notifications import send_queue
from infra.db.portal import sessions, sign_in_codes
from tests.api.conftest import ApiClient, an_order, unique
from tests.api.notifications.test_notifications import messages_of
from tests.api.orders.test_search import found
from workers.relay import notification_rendering

WHY = "she rang: the address was mistyped (canary-reason)"


async def placed(shop: ApiClient, **customer: Any) -> tuple[str, dict[str, Any]]:
    who = {"id": unique("c"), "name": "Typo Person", "email": f"{unique('typo')}@exmaple.com", **customer}
    order = an_order(customer=who)
    answer = await shop.post("/v1/orders", order | {"ship_to": order["ship_to"] | {"name": "X", "phone": ""}})
    assert answer.status_code == 201, answer.text
    number = str(answer.json()["order_no"])
    async with shop.app.state.services.database.begin() as conn:
        await outbox.fan_out(conn, 500)
    return number, who


async def correct(
    shop: ApiClient, number: str, body: dict[str, Any], observed: str | None = None, key: str | None = None
) -> httpx.Response:
    etag = observed or (await shop.get(f"/v1/orders/{number}")).headers["ETag"]
    headers = {"If-Match": etag, "Idempotency-Key": key or unique("k"), **shop.headers}
    return await shop.http.patch(f"/v1/orders/{number}/contact", json={"reason": WHY, **body}, headers=headers)


async def sent(shop: ApiClient, number: str) -> list[str]:
    """What the relay hands to the provider of the order's open messages, and to whom."""
    services, to = shop.app.state.services, []
    async with services.database.begin() as conn:
        for channel in ("email", "sms"):
            for message in await send_queue.claim(conn, channel, 500, 0.0):
                if message.order_no != number:
                    continue
                letter = notification_rendering.render(message, services.keys, services.settings)
                assert isinstance(letter, notification_rendering.RenderedNotification), letter
                to.append(letter.words.to)
                await send_queue.freeze(conn, [letter.frozen] if letter.frozen else [])
                await send_queue.settle(conn, [send_queue.Settled(message, None, "sandbox", "ref")], 5)
    return to


async def test_the_order_is_read_found_and_written_to_by_the_corrected_contact(shop: ApiClient) -> None:
    number, who = await placed(shop)
    other, _ = await placed(shop, **who)
    assert await sent(shop, number) == [who["email"]]
    new = f"{unique('right')}@example.com"
    answer = await correct(shop, number, {"email": new, "phone": "+1 415 555 0177", "send_last_again": True})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"order_no": number, "corrected": ["email", "phone"], "message_id": f"{number}.1.email"}
    read = await shop.get(f"/v1/orders/{number}")
    assert read.headers["ETag"] == answer.headers["ETag"]
    assert read.json()["customer"] == {**who, "email": new, "phone": "+1 415 555 0177"}
    assert (await shop.get(f"/v1/orders/{other}")).json()["customer"]["email"] == who["email"]
    assert set(await found(shop, new)) == {number, other}, "an e-mail address finds all orders of its customer"
    assert list(await found(shop, "(415) 555-0177")) == [number], "a telephone number may be a receiver's"
    for q in (who["email"], "typo person"):
        assert {number, other} <= set(await found(shop, q)), q
    assert await sent(shop, number) == [new]
    [message] = await messages_of(shop, number)
    assert (message["state"], message["to"], message["earlier_to"]) == (
        "sent",
        "r***@example.com",
        ["t***@exmaple.com"],
    )


async def test_a_later_order_of_the_customer_does_not_undo_it(shop: ApiClient) -> None:
    number, who = await placed(shop)
    assert (await correct(shop, number, {"email": "kept@example.com"})).status_code == 200
    await placed(shop, **who | {"name": "Typo Again"})
    assert (await shop.get(f"/v1/orders/{number}")).json()["customer"]["email"] == "kept@example.com"
    again = await correct(shop, number, {"name": "Second Correction"})
    assert again.json()["corrected"] == ["name"]
    customer = (await shop.get(f"/v1/orders/{number}")).json()["customer"]
    assert (customer["name"], customer["email"]) == ("Second Correction", "kept@example.com")
    assert number in await found(shop, who["email"]) and number in await found(shop, "kept@example.com")


async def test_what_is_on_its_way_is_written_anew_and_a_number_takes_the_place_of_an_address(shop: ApiClient) -> None:
    number, _ = await placed(shop)
    services = shop.app.state.services
    async with services.database.begin() as conn:
        [message] = [one for one in await send_queue.claim(conn, "email", 500, 0.0) if one.order_no == number]
        letter = notification_rendering.render(message, services.keys, services.settings)
        assert isinstance(letter, notification_rendering.RenderedNotification) and letter.frozen is not None
        await send_queue.freeze(conn, [letter.frozen])
    answer = await correct(shop, number, {"email": "mended@example.com"})
    assert answer.json()["message_id"] is None
    async with services.database.begin() as conn:  # yesterday's try comes back, and is not believed
        await send_queue.settle(conn, [send_queue.Settled(message, None, "sandbox", "old")], 5)
    assert await sent(shop, number) == ["mended@example.com"]
    assert (await correct(shop, number, {"email": None, "phone": "+86 13900001111"})).status_code == 200
    again = await shop.post(f"/v1/orders/{number}/messages/resend")
    assert (again.status_code, again.json()) == (200, {"message_id": f"{number}.1.sms", "state": "open"})
    assert await sent(shop, number) == ["+86 13900001111"]
    assert [(one["channel"], one["state"]) for one in await messages_of(shop, number)] == [
        ("email", "sent"),
        ("sms", "sent"),
    ]
    entries = (await shop.as_("operations").get("/v1/audit", order_no=number)).json()["items"]
    assert [one["reference"] for one in entries if one["action"] == "message_sent_again"] == [
        f"{number}.1.sms", f"{number}.1.email"]  # fmt: skip
    assert (await correct(shop, number, {"phone": None})).status_code == 200
    none = await shop.post(f"/v1/orders/{number}/messages/resend")
    assert (none.status_code, none.json()["code"]) == (409, "no_address")


async def test_it_is_refused_stale_empty_unseen_to_others_and_after_erasure(shop: ApiClient) -> None:
    number, who = await placed(shop)
    observed, body = (await shop.get(f"/v1/orders/{number}")).headers["ETag"], {"email": "a@example.com"}
    for wrong, seen_at, code in (
        (body, '"0"', (412, "order_changed")), ({}, observed, (422, "nothing_to_change")),
        ({"email": who["email"], "name": who["name"]}, observed, (422, "nothing_to_change")),
        ({"name": None}, observed, (422, "validation_failed")), ({"id": "x"}, observed, (422, "unknown_field")),
    ):  # fmt: skip
        answer = await correct(shop, number, wrong, seen_at)
        assert (answer.status_code, answer.json()["code"]) == code, wrong
    assert (await correct(shop, number, {**body, "reason": " "}, observed)).status_code == 422
    for role, subject in (("customer", who["id"]), ("warehouse", "w"), ("finance", "f"), ("channel", "web")):
        assert (await correct(shop.as_(role, subject), number, body, observed)).status_code == 403
    bare = {"Idempotency-Key": unique("k"), **shop.headers}
    missing = await shop.http.patch(f"/v1/orders/{number}/contact", json={**body, "reason": WHY}, headers=bare)
    assert missing.status_code == 428
    key = unique("k")
    first, second = [await correct(shop, number, body, observed, key) for _ in range(2)]
    assert first.status_code == second.status_code == 200 and second.headers["Idempotent-Replayed"] == "true"
    assert (await correct(shop, number, {"email": "b@example.com"}, observed)).status_code == 412
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s", who["id"])
    gone = await correct(shop, number, {"email": "b@example.com"})
    assert (gone.status_code, gone.json()["code"]) == (409, "customer_erased")
    resent = await shop.post(f"/v1/orders/{number}/messages/resend")
    assert (resent.status_code, resent.json()["code"]) == (409, "customer_erased")


async def test_the_audit_log_says_what_was_corrected_and_nothing_personal(shop: ApiClient) -> None:
    number, _ = await placed(shop)
    assert (
        await correct(shop, number, {"email": "canary-new@example.com", "send_last_again": True})
    ).status_code == 200
    entries = await shop.sql(
        "SELECT actor, action, before, after, reference FROM audit_log WHERE order_no = %s", number
    )
    [entry] = [one for one in entries if one["action"] == "order_contact"]
    assert (entry["actor"], entry["after"], entry["reference"][:4]) == ("support:amy", "email", "act_")
    tables = await shop.sql(
        "SELECT format('SELECT %%L AS place, count(*) AS hits FROM %%I WHERE %%I::text ~* %%L OR %%I::text ~* %%L',"
        " table_name || '.' || column_name, table_name, column_name, 'canary-', column_name,"
        " encode('canary-', 'hex')) AS look FROM information_schema.columns WHERE table_schema = 'public'"
    )
    hits = await shop.sql(" UNION ALL ".join(str(one["look"]) for one in tables))
    assert [one["place"] for one in hits if one["hits"]] == []


async def test_the_portal_follows_the_corrected_contact(shop: ApiClient) -> None:
    """The old address opens the order no more, also not in a session that was open before; codes go to the new one."""
    number, who = await placed(shop)
    other, _ = await placed(shop, **who)
    services, new = shop.app.state.services, f"{unique('new')}@example.com"
    old_contact, new_contact = (
        sign_in_codes.contact_of(services.keys.vault, "email", one) for one in (who["email"], new)
    )
    await correct(shop, number, {"email": new})
    async with services.database.begin() as conn:
        assert await sessions.owner_of(conn, new_contact, number) == who["id"]
        for contact, order_no in ((old_contact, number), (new_contact, other)):
            with pytest.raises(Exception, match="order_not_found"):
                await sessions.owner_of(conn, contact, order_no)
        assert await sessions.owner_of(conn, old_contact, other) == who["id"]
        reached = await sessions.by_order(conn, services.keys, number)
        assert reached is not None and reached.to == new
        by_new = await sessions.by_contact(conn, services.keys, new_contact)
        assert by_new is not None and (by_new.customer_id, by_new.to) == (who["id"], new)
