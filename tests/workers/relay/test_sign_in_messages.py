"""Codes to sign in with: sent before everything else, under a deadline, and forgotten."""

import pytest

from domain.errors import NotFound
from infra.db.autocommit import autocommit
from infra.db.customers.profiles import KeyRing
from infra.db.notifications import messages, send_queue
from tests.workers.relay.notification_scene import EMAIL, PHONE, Post
from tests.workers.stored_orders import sql, vault


async def test_a_code_to_sign_in_is_sent_at_once_and_forgotten(post: Post) -> None:
    customer, keys = await post.customer(EMAIL, PHONE), KeyRing(vault())
    for _ in range(40):
        await post.order()
    await post.make()
    async with post.database.begin() as connection:
        message_id = await messages.enqueue_sign_in(
            connection, keys, customer, "sms", PHONE, "493 817", "https://shop.example/portal/in/x", "zh"
        )
    await post.turn()
    [sent] = await post.sent(idempotency_key=message_id)
    message = await post.content(sent)
    assert (sent["template"], sent["order_no"], sent["channel"]) == ("sign_in_code", None, "sms")
    assert (
        "493 817" in message["body"]
        and "10 分钟" in message["body"]
        and "https://shop.example/portal/in/x" in message["body"]
    )
    stored = "SELECT state, body_enc, order_no FROM messages WHERE message_id = %s"
    assert await sql(post.urls.app_url, stored, message_id) == [("sent", None, None)]


async def test_codes_go_before_everything_else(post: Post) -> None:
    customer = await post.customer()
    await post.order()
    await post.make()
    async with post.database.begin() as connection:
        code = ("email", EMAIL, "1", "https://x", "en")
        message_id = await messages.enqueue_sign_in(connection, KeyRing(vault()), customer, *code)
    async with autocommit(post.database) as connection:
        assert [one.message_id for one in await send_queue.claim(connection, "email", 1, 5.0)] == [message_id]


async def test_a_code_that_came_too_late_is_not_sent(post: Post) -> None:
    customer = await post.customer()
    async with post.database.begin() as connection:
        code = ("email", EMAIL, "493 817", "https://x", "en")
        message_id = await messages.enqueue_sign_in(connection, KeyRing(vault()), customer, *code, valid_s=0.0)
    await post.turn()
    stored = "SELECT state, last_error, body_enc FROM messages WHERE message_id = %s"
    assert await sql(post.urls.app_url, stored, message_id) == [("failed", "expired", None)]
    assert await post.sent(idempotency_key=message_id) == []


async def test_nobody_who_is_not_there_gets_a_code(post: Post) -> None:
    async with post.database.begin() as connection:
        with pytest.raises(NotFound, match="customer_not_found"):
            await messages.enqueue_sign_in(connection, KeyRing(vault()), "c-none", "email", EMAIL, "1", "l", "en")
