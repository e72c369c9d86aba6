"""Customers learn each fact once, in their language, by the way they left; what was sent is nowhere in clear."""

import asyncio
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from domain.notifications import NOTIFICATION_OF_EVENT
from infra.db.autocommit import autocommit
from infra.db.customers.profiles import KeyRing
from infra.db.notifications import messages, send_queue, sent_words
from infra.gateways.registry import build_messages
from infra.settings import Settings
from infra.stack.data_dir.ports import any_free
from infra.stack.temporal.temporal_server import TemporalServer
from tests.workers.relay.notification_scene import EMAIL, PHONE, Post
from tests.workers.stored_orders import damage, database, move, sql, until, vault
from tests.workers.test_processes import ended, process_of
from workers.relay import main
from workers.relay.notification_sender import NotificationSender


async def test_facts_are_reported_by_e_mail_with_what_the_database_knows(post: Post) -> None:
    order_no = await post.order()
    await move(post.urls, order_no, "stock_reserved", "received", "pending_payment")
    await move(post.urls, order_no, "payment_captured", "pending_payment", "paid", amount_minor=8320)
    await post.turn()
    assert [row[:4] for row in await post.states(order_no)] == [
        ("order_placed", "email", "sent", 1),
        ("payment_captured", "email", "sent", 1),
    ]
    placed, paid = await post.sent(order_no=order_no)
    assert (placed["template"], placed["channel"], placed["idempotency_key"]) == (
        "order_placed", "email", f"{order_no}.1.email",
    )  # fmt: skip
    message = await post.content(placed)
    assert message["to"] == EMAIL and order_no in message["subject"]
    assert "¥83.20" in message["body"] and f"https://shop.example/portal/orders/{order_no}" in message["body"]
    assert "¥83.20" in (await post.content(paid))["body"]
    rows = await sql(
        post.urls.app_url,
        "SELECT version, language, provider, provider_ref, body_enc IS NOT NULL, to_enc IS NOT NULL,"
        "       sent_at IS NOT NULL FROM messages WHERE order_no = %s ORDER BY event_seq",
        order_no,
    )
    versions = zip((4, 2), (placed, paid), strict=True)
    assert rows == [(version, "en", "sandbox", one["id"], True, True, True) for version, one in versions]


@pytest.mark.parametrize("contact", [(EMAIL, None), (None, PHONE)])
async def test_an_order_that_waits_for_its_payment_is_confirmed_with_the_payment_link(
    post: Post, contact: tuple[str | None, str | None]
) -> None:
    unpaid, asked, over = [await post.order(*contact) for _ in range(3)]
    await sql(
        post.urls.owner_url,
        "INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor)"
        " VALUES ('asked-' || %s, %s, 1, 'sandbox', 'tok_ok', 'test')",
        asked, asked,
    )  # fmt: skip
    await move(post.urls, over, "order_cancelled", "received", "cancelled")
    await post.turn()
    link = "https://shop.example/portal/orders/"
    bodies = [(await post.content((await post.sent(order_no=one))[0]))["body"] for one in (unpaid, asked, over)]
    assert f"{link}{unpaid}/pay" in bodies[0]
    assert f"{link}{asked}" in bodies[1] and "/pay" not in bodies[1]
    assert f"{link}{over}" in bodies[2] and "/pay" not in bodies[2]


async def test_an_e_mail_ends_with_the_shop_of_its_channel(post: Post) -> None:
    plain = await post.order()
    await post.turn()
    look = "INSERT INTO channel_settings (channel, name, colour, contact, updated_by) VALUES (%s, %s, %s, %s, 'test')"
    await sql(post.urls.owner_url, look, "web", "Tea & Leaf", "#0b6b3a", "mailto:help@tea.example")
    by_mail, by_phone = await post.order(), await post.order(None, PHONE)
    await post.turn()
    await sql(post.urls.owner_url, "DELETE FROM channel_settings")
    bodies = [(await post.content((await post.sent(order_no=one))[0]))["body"] for one in (plain, by_mail, by_phone)]
    assert bodies[1].endswith("\n-- \nTea & Leaf\nhelp@tea.example\n")
    assert "Tea & Leaf" not in bodies[0] and "Tea & Leaf" not in bodies[2]


@pytest.mark.parametrize(
    ("country", "chosen", "words"),
    [
        ("CN", {}, "已收到"),
        ("TW", {}, "已收到"),
        ("DE", {}, "We have"),
        ("DE", {"language": "zh"}, "已收到"),
        ("CN", {"language": "en"}, "We have"),
    ],
)
async def test_messages_are_in_the_customers_language(
    post: Post, country: str, chosen: dict[str, str], words: str
) -> None:
    order_no = await post.order(country=country, **chosen)
    await post.turn()
    [message] = await post.sent(order_no=order_no)
    assert words in (await post.content(message))["subject"]


async def test_who_left_only_a_telephone_gets_a_short_text(post: Post) -> None:
    order_no = await post.order(None, PHONE)
    await post.turn()
    [message] = await post.sent(order_no=order_no)
    sent_message = await post.content(message)
    assert (message["channel"], sent_message["to"], sent_message["subject"]) == ("sms", PHONE, "")
    assert order_no in sent_message["body"] and "\n" not in sent_message["body"] and len(sent_message["body"]) < 160


async def test_who_left_nothing_is_skipped_and_that_is_shown(post: Post) -> None:
    order_no = await post.order(None, None)
    await post.turn()
    assert await post.states(order_no) == [("order_placed", "none", "skipped", 0, "no_address")]
    async with post.database.begin() as connection:
        [shown] = await messages.of_order(connection, KeyRing(vault()), order_no)
    assert (shown.state, shown.to) == ("skipped", None)


async def test_who_is_erased_is_not_notified(post: Post) -> None:
    before, between = await post.order(), await post.order()
    gone = (
        "UPDATE customers SET data_key = NULL, profile_enc = NULL WHERE customer_id = (SELECT customer_id FROM orders"
    )
    await sql(post.urls.owner_url, f"{gone} WHERE order_no = %s)", before)
    assert await post.make() == 1
    await sql(post.urls.owner_url, f"{gone} WHERE order_no = %s)", between)
    await post.turn()
    assert await post.states(before) == [("order_placed", "none", "skipped", 0, "erased")]
    assert await post.states(between) == [("order_placed", "email", "skipped", 1, "erased")]
    assert await post.sent(order_no=before) == await post.sent(order_no=between) == []


async def test_an_event_that_is_taken_twice_is_reported_once(post: Post) -> None:
    order_no = await post.order()
    await post.turn()
    await sql(post.urls.owner_url, "INSERT INTO outbox (order_no, seq) VALUES (%s, 1)", order_no)
    assert await post.make() == 0
    await post.turn()
    assert len(await post.sent(order_no=order_no)) == 1


async def test_two_relays_at_once_tell_each_fact_once(post: Post) -> None:
    numbers = [await post.order() for _ in range(40)]
    async with database(post.settings) as opened:
        other = NotificationSender(opened, vault(), post.settings, build_messages(post.settings))
        await asyncio.gather(post.turn(), post.turn(other))
        await asyncio.gather(post.turn(), post.turn(other))
        await other.close()
    keys = [one["idempotency_key"] for one in await post.sent() if one["order_no"] in numbers]
    assert sorted(keys) == sorted(f"{number}.1.email" for number in numbers)
    assert {row[2:4] for number in numbers for row in await post.states(number)} == {("sent", 1)}


async def test_a_time_out_after_the_act_is_repeated_under_its_key(post: Post) -> None:
    order_no = await post.order()
    await post.fault("timeout_after", order_no=order_no)
    async with post.impatient() as notification_sender:
        while not await post.sent(order_no=order_no):  # on a busy machine a try may end before it arrives
            await post.later(60)
            await post.turn(notification_sender)
    [(*_, state, tries, error)] = await post.states(order_no)
    assert (state, error) == ("open", "timeout")
    # A name that is changed meanwhile does not change what was perhaps sent already.
    await sql(post.urls.owner_url, "UPDATE orders SET country = 'CN' WHERE order_no = %s", order_no)
    await post.later(60)
    await post.turn()
    assert await post.states(order_no) == [("order_placed", "email", "sent", tries + 1, None)]
    assert len(await post.sent(order_no=order_no)) == 1


async def test_a_relay_that_dies_while_it_sends_is_followed_by_another_after_its_lease(post: Post) -> None:
    order_no = await post.order()
    await post.make()
    async with autocommit(post.database) as connection:
        [dead] = await send_queue.claim(connection, "email", 10, 30.0)
        assert await send_queue.due_channels(connection) == []
        assert await send_queue.claim(connection, "email", 10, 30.0) == []
    await post.later(31)
    await post.turn()
    async with autocommit(post.database) as connection:
        # It was only slow, and comes back with news of yesterday.
        await send_queue.settle(connection, [send_queue.Settled(dead, "timeout", final=True)], 3)
    assert await post.states(order_no) == [("order_placed", "email", "sent", 2, None)]


async def test_a_relay_that_is_killed_while_it_sends_tells_nothing_twice(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMS_SANDBOX_URL", post.settings.sandbox_url)
    monkeypatch.setenv("OMS_GATEWAY_TIMEOUT_S", "60")
    order_no = await post.order()
    await post.fault("timeout_after", order_no=order_no)
    down = TemporalServer(db=tmp_path / "temporal.db", port=any_free(set()), log=tmp_path / "temporal.log")
    port = any_free({down.port})

    async def taken() -> bool:
        return len(await post.sent(order_no=order_no)) == 1

    async def reported() -> bool:
        return [row[2] for row in await post.states(order_no)] == ["sent"]

    async with process_of("relay", post.urls, down, port, tmp_path / "first.log") as child:
        await until(taken)
        child.kill()
        await child.wait()
    assert await post.states(order_no) == [("order_placed", "email", "open", 1, None)]
    await post.later(1000)
    async with process_of("relay", post.urls, down, port, tmp_path / "second.log") as child:
        await until(reported)
        assert await ended(child) == 0
    assert len(await post.sent(order_no=order_no)) == 1
    logs = (tmp_path / "first.log").read_text() + (tmp_path / "second.log").read_text()
    assert "iaoming" not in logs and "Thank you" not in logs


async def test_a_provider_that_is_down_gets_them_when_it_is_back(post: Post) -> None:
    numbers = [await post.order() for _ in range(3)]
    await post.fault("down")
    await post.turn()
    assert {row[2:] for number in numbers for row in await post.states(number)} == {("open", 1, "http_503")}
    await post.sandbox.delete("/faults")
    await post.later(60)
    await post.turn()
    assert {row[2:] for number in numbers for row in await post.states(number)} == {("sent", 2, None)}
    assert sorted([one["order_no"] for one in await post.sent() if one["order_no"] in numbers]) == sorted(numbers)


async def test_an_outage_does_not_use_up_the_tries_of_those_who_wait(post: Post) -> None:
    settings = post.settings.model_copy(update={"breaker_failures": 2, "breaker_reset_s": 30.0})
    numbers = [await post.order() for _ in range(50)]
    await post.fault("down")
    notification_sender = NotificationSender(post.database, vault(), settings, build_messages(settings))
    await post.turn(notification_sender)
    for _ in range(3):
        await notification_sender.step()
        assert notification_sender._lanes == {}, "the provider is left alone"
    tries = [row[3] for number in numbers for row in await post.states(number)]
    # Calls that were under way when the circuit opened have counted, nothing after them.
    assert 2 <= sum(tries) <= 32 and max(tries) == 1
    await notification_sender.close()
    await post.sandbox.delete("/faults")
    await post.later(100)
    await post.turn()
    assert {row[2] for number in numbers for row in await post.states(number)} == {"sent"}


async def test_one_that_hangs_holds_up_no_other(post: Post) -> None:
    slow, later = await post.order(), []
    await post.fault("timeout_before", order_no=slow)
    await post.make()
    await post.notification_sender.step()

    async def sent() -> bool:
        await post.notification_sender.step()
        return all([(await post.states(number))[0][2] == "sent" for number in later])

    for _ in range(3):
        later.append(await post.order())
        await post.make()
        await until(sent)
    assert [row[2:] for row in await post.states(slow)] == [("open", 1, None)], "it still waits for the answer"
    for lane in post.notification_sender._lanes.values():
        lane.cancel()


async def test_a_backlog_that_no_statistics_know_of_is_not_walked_for_each_message(post: Post) -> None:
    await post.order()
    await sql(
        post.urls.owner_url,
        """WITH made AS (
             INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country,
                                 province, city, ship_to_enc, placed_by)
             SELECT left(md5('b' || n), 18), 'web', 'standard', customer_id, 'CNY', 1, 1, 'CN', 'P', 'C', '', 'test'
               FROM generate_series(1, 2000) n, (SELECT customer_id FROM customers LIMIT 1) c RETURNING order_no)
           SELECT count(*) FROM made""",
    )
    while await post.make():
        continue
    bound = {":channel": "'email'", ":limit": "32", ":lease_s": "5.0"}
    statement = re.sub(r":(channel|limit|lease_s)\b", lambda found: bound[found[0]], send_queue._CLAIM.text)
    [[plan]] = await sql(post.urls.owner_url, f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
    walked: list[float] = []

    def explained(node: dict[str, Any]) -> None:
        walked.append(
            node.get("Actual Rows", 0) * node.get("Actual Loops", 1) + node.get("Rows Removed by Join Filter", 0)
        )
        for inner in node.get("Plans", []):
            explained(inner)

    explained(plan[0]["Plan"])
    assert len(walked) > 5 and max(walked) < 10_000
    await sql(post.urls.owner_url, "TRUNCATE messages")


async def test_what_is_reported_of_one_order_is_reported_in_its_order(post: Post) -> None:
    order_no = await post.order()
    await post.fault("error", order_no=order_no)
    await move(post.urls, order_no, "order_cancelled", "received", "cancelled", cause="out_of_stock")
    await post.turn()
    assert [row[2:4] for row in await post.states(order_no)] == [("open", 1), ("open", 0)]
    await post.later(60)
    await post.turn()
    assert [one["template"] for one in await post.sent(order_no=order_no)] == ["order_placed", "order_cancelled"]
    assert "in stock" in (await post.content((await post.sent(order_no=order_no))[1]))["body"]


async def test_a_refused_address_fails_at_once_and_can_be_sent_again(post: Post) -> None:
    order_no = await post.order()
    await post.fault("reject", order_no=order_no)
    await post.turn()
    assert await post.states(order_no) == [("order_placed", "email", "failed", 1, "rejected")]
    async with post.database.begin() as connection:
        keys = KeyRing(vault())
        [rows] = await messages.of_order(connection, keys, order_no)
        assert (rows.state, rows.error, rows.to) == ("failed", "rejected", "x***@example.com")
        await messages.send_again(connection, order_no, rows.message_id, "support:amy")
    await post.turn()
    assert await post.states(order_no) == [("order_placed", "email", "sent", 1, None)]
    [sent] = await post.sent(order_no=order_no)
    assert sent["idempotency_key"] == f"{order_no}.1.email.1"
    audited = "SELECT actor, action, before, after, reference FROM audit_log WHERE order_no = %s AND actor <> 'test'"
    assert await sql(post.urls.app_url, audited, order_no) == [
        ("support:amy", "message_sent_again", "failed", "open", f"{order_no}.1.email")
    ]


async def as_sent(post: Post, order_no: str) -> sent_words.SentWords | None:
    """What the message about the order's first event says."""
    async with autocommit(post.database) as connection:
        return (await sent_words.one(connection, KeyRing(post.vault), order_no, f"{order_no}.1.email")).words


async def test_every_message_is_read_as_it_was_sent(post: Post) -> None:
    """The exact text that the provider took, also of an earlier sending; until the customer's data is erased."""
    order_no, message_id = await post.order(), ""
    await post.turn()
    [first] = await post.sent(order_no=order_no)
    taken = [await post.content(first)]
    async with post.database.begin() as connection:
        message_id = await messages.send_last_again(connection, order_no, "support:amy") or ""
    await post.turn()
    taken += [await post.content(one) for one in await post.sent(order_no=order_no) if one["id"] != first["id"]]
    async with autocommit(post.database) as connection:
        found = await sent_words.one(connection, KeyRing(post.vault), order_no, message_id)
    assert found.words is not None and len(taken) == 2
    for words, content in zip([*found.earlier, found.words], taken, strict=True):
        assert (words.subject, words.body, words.to) == (content["subject"], content["body"], "x***@example.com")
        assert (words.language, words.version) == ("en", 4) and words.written_at is not None
    customer = "(SELECT customer_id FROM orders WHERE order_no = %s)"
    await sql(post.urls.owner_url, f"UPDATE customers SET data_key = NULL WHERE customer_id = {customer}", order_no)
    assert await as_sent(post, order_no) is None


async def test_tries_end(post: Post) -> None:
    order_no = await post.order()
    await post.fault("error", 9, order_no=order_no)
    for _ in range(4):
        await post.turn()
        await post.later(1000)
    assert await post.states(order_no) == [("order_placed", "email", "failed", 3, "http_500")]
    words = await as_sent(post, order_no)
    assert words is not None and order_no in words.subject, "what may have arrived can be read"


async def test_nothing_personal_is_in_clear_anywhere(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    order_no, customer = await post.order(), await post.customer(None, PHONE)
    refused = await post.order("nobody.at.all@example.com")
    await post.fault("reject", order_no=refused)
    async with post.database.begin() as connection:
        code = ("sms", PHONE, "493 817", "https://shop.example/portal/in/secret-link", "en")
        await messages.enqueue_sign_in(connection, KeyRing(vault()), customer, *code)
    rows = [await sql(post.urls.owner_url, "SELECT m::text FROM messages m")]
    await post.turn()
    rows.append(await sql(post.urls.owner_url, "SELECT m::text FROM messages m"))
    files = [path for path in post.folder.rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files) + repr(rows).encode() + caplog.text.encode()
    assert order_no.encode() in content and "message not delivered" in caplog.text
    for personal in ("iaoming", "nobody.at.all", "13800138000", "138 0013 8000", "493 817", "secret-link", "Thank you"):
        assert personal.encode() not in content, personal


async def test_what_the_shop_has_switched_off_is_skipped_unless_a_person_sends_it(post: Post) -> None:
    order_no = await post.order()
    await sql(
        post.urls.owner_url,
        "INSERT INTO channel_settings (channel, colour, messages_off, updated_by) SELECT channel, '#066fd1',"
        " '{order_placed}', 'test' FROM orders WHERE order_no = %s ON CONFLICT (channel) DO UPDATE"
        " SET messages_off = excluded.messages_off RETURNING 1",
        order_no,
    )
    try:
        await post.turn()
        assert await post.states(order_no) == [("order_placed", "email", "skipped", 1, "switched_off")]
        async with post.database.begin() as connection:
            await messages.send_last_again(connection, order_no, "support:amy")
        await post.turn()
        assert [row[:3] for row in await post.states(order_no)] == [("order_placed", "email", "sent")]
    finally:
        await sql(post.urls.owner_url, "UPDATE channel_settings SET messages_off = '{}' RETURNING 1")


async def test_a_channel_without_a_provider_is_skipped(post: Post) -> None:
    settings = post.settings.model_copy(update={"sms_provider": "none"})
    order_no = await post.order(None, PHONE)
    notification_sender = NotificationSender(post.database, vault(), settings, build_messages(settings))
    await post.turn(notification_sender)
    await notification_sender.close()
    assert await post.states(order_no) == [("order_placed", "sms", "skipped", 1, "channel_off")]


async def test_another_master_key_loses_no_message(post: Post) -> None:
    order_no = await post.order()
    wrong = type(vault())(bytes(32))
    notification_sender = NotificationSender(post.database, wrong, post.settings, build_messages(post.settings))
    await post.turn(notification_sender)
    await notification_sender.close()
    assert await post.states(order_no) == [("order_placed", "email", "open", 1, "key_unreadable")]
    await post.later(60)
    await post.turn()
    assert (await post.states(order_no))[0][2] == "sent"


async def test_old_codes_are_swept_and_what_an_order_was_notified_of_stays(post: Post) -> None:
    order_no, customer = await post.order(), await post.customer()
    async with post.database.begin() as connection:
        await messages.enqueue_sign_in(connection, KeyRing(vault()), customer, "email", EMAIL, "1", "https://x", "en")
    await post.turn()
    await sql(post.urls.owner_url, "UPDATE messages SET created_at = now() - interval '8 days'")
    await main.sweep(post.database, post.vault)()
    assert await sql(post.urls.app_url, "SELECT order_no FROM messages") == [(order_no,)]
    with pytest.raises(Exception, match="append-only"):
        await sql(post.urls.app_url, "DELETE FROM messages")


@pytest.mark.parametrize("fact", sorted(NOTIFICATION_OF_EVENT))
async def test_whatever_has_a_template_is_reported(post: Post, fact: str) -> None:
    """Also facts that nobody writes yet: the event's type alone decides."""
    order_no, data = await post.order(), {"amount_minor": 100, "cause": "x"}
    await sql(post.urls.owner_url, "DELETE FROM outbox WHERE order_no = %s", order_no)
    moves: dict[str, tuple[str | None, str | None]] = {
        "payment_captured": ("pending_payment", "paid"), "payment_recorded": ("pending_payment", "paid"),
        "capture_deferred": ("pending_payment", "paid"), "payment_on_terms": ("pending_payment", "paid"),
        "order_cancelled": ("received", "cancelled"), "shipment_picked_up": ("preparing", "shipped"),
        "shipment_delivered": ("shipped", "delivered"), "shipment_booked": ("paid", "preparing"),
        "shipment_recorded": ("paid", "preparing"),
    }  # fmt: skip
    before, after = moves.get(fact, (None, None))
    if fact == "order_placed":
        await sql(post.urls.owner_url, "INSERT INTO outbox (order_no, seq) VALUES (%s, 1)", order_no)
    else:
        if fact == "payment_on_terms":
            terms = "order_no, customer_id, currency, 'PO', 30, total_minor, total_minor FROM orders"
            await damage(
                post.urls.owner_url,
                "INSERT INTO receivables (order_no, customer_id, currency, purchase_order, terms_days, charged_minor,"
                f" owed_minor) SELECT {terms} WHERE order_no = '{order_no}'",
            )
        if before not in (None, "received"):
            await damage(post.urls.owner_url, f"UPDATE orders SET status = '{before}' WHERE order_no = '{order_no}'")
        await move(post.urls, order_no, fact, before, after, **data)
    await post.turn()
    assert [row[:3] for row in await post.states(order_no)] == [(fact, "email", "sent")]
    [sent] = await post.sent(order_no=order_no)
    assert sent["template"] == NOTIFICATION_OF_EVENT[fact]


async def test_a_reminder_to_somebody_else_is_not_the_customers(post: Post) -> None:
    order_no = await post.order(country="JP")
    for to in ("warehouse", "support", "customer"):
        await move(post.urls, order_no, "return_reminder", None, None, to=to, until="2026-12-01T20:00:00+00:00")
    await post.turn()
    await post.turn()
    assert [row[0] for row in await post.states(order_no)] == ["order_placed", "return_reminder"]
    [reminder] = [one for one in await post.sent(order_no=order_no) if one["template"] == "return_reminder"]
    assert reminder["idempotency_key"] == f"{order_no}.4.email"
    assert "2026-12-02" in (await post.content(reminder))["body"]


def test_settings_name_a_provider_per_channel() -> None:
    assert set(build_messages(Settings())) == {"email", "sms"}
    with pytest.raises(ValueError, match="'smtp' is not configured"):
        build_messages(Settings(email_provider="smtp"))
    mail: dict[str, Any] = {"email_provider": "smtp", "smtp_host": "localhost", "smtp_from": "a@example.com"}
    assert build_messages(Settings(**mail, sms_provider="none"))["email"].name == "smtp"
