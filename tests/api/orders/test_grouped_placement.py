"""Orders that wait at the same time share a transaction, and nobody notices."""

import asyncio
import base64
import os
import sys
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, OperationalError

from domain.errors import Conflict
from infra.db.engine import PoolExhausted
from infra.db.grouped_statements import CONNECTIONS, MOST
from infra.db.idempotency import Answered
from infra.db.orders.placing.drafts import Placed
from tests.api.conftest import ApiClient, unique
from tests.api.orders.simultaneous_orders import (
    WAIT_S,
    blocked_by,
    draft,
    group,
    locked,
    own_pool,
    stored_counts,
    transactions,
)
from tests.conftest import DatabaseUrls

LOCK_KEY = """
    INSERT INTO idempotency_keys (subject, key, request_hash, state, locked_until)
    VALUES ('channel:web', %s, 'h', 'running', now())
"""
LOCK_PRODUCTS = "LOCK TABLE products IN ACCESS EXCLUSIVE MODE"


async def test_orders_that_wait_at_the_same_time_are_one_transaction(shop: ApiClient) -> None:
    drafts = [draft() for _ in range(5)]
    answers = await group(shop).place(*drafts)
    assert all(isinstance(answer, Placed) for answer in answers), answers
    assert len({answer.order_no for answer in answers}) == 5
    assert await stored_counts(shop, drafts) == [1] * 5
    assert await transactions(shop, drafts) == 1


async def test_each_order_of_a_group_is_audited_as_its_own_callers(shop: ApiClient) -> None:
    callers = [
        ("support:amy", "10.0.0.1"),
        ("support:bob", "10.0.0.2"),
        ("channel:web", ""),
        ("support:amy", "10.0.0.3"),
    ]
    drafts = [draft(subject=subject, origin=origin) for subject, origin in callers]
    answers = await group(shop).place(*drafts)
    assert await transactions(shop, drafts) == 1
    for answer, (subject, origin) in zip(answers, callers, strict=True):
        entries = await shop.sql("SELECT actor, origin FROM audit_log WHERE order_no = %s", answer.order_no)
        assert entries == [{"actor": subject, "origin": origin or None}]


async def test_same_key_twice_in_a_group_is_one_order(shop: ApiClient) -> None:
    twice, others = draft(), [draft() for _ in range(3)]
    *both, a, b, c = await group(shop).place(twice, twice, *others)
    (placed,) = [answer for answer in both if isinstance(answer, Placed)]
    (again,) = [answer for answer in both if isinstance(answer, Answered)]
    assert again.response == placed.body
    assert all(isinstance(answer, Placed) for answer in (a, b, c))
    assert await stored_counts(shop, [twice, *others]) == [1] * 4


async def test_same_external_ref_twice_in_a_group_is_one_order(shop: ApiClient) -> None:
    ref = unique("ref")
    drafts = [draft(external_ref=ref), draft(external_ref=ref), draft()]
    answers = await group(shop).place(*drafts)
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert [error.code for error in refused] == ["external_ref_exists"]
    assert sorted(await stored_counts(shop, drafts)) == [0, 1, 1]


async def test_new_customer_twice_in_a_group_has_one_key_for_both_orders(shop: ApiClient) -> None:
    customer = unique("c")
    drafts = [draft(customer_id=customer), draft(customer_id=customer), draft()]
    answers = await group(shop).place(*drafts)
    assert all(isinstance(answer, Placed) for answer in answers), answers
    for answer in answers[:2]:
        read = (await shop.get(f"/v1/orders/{answer.order_no}")).json()
        assert read["ship_to"]["line1"] == "Made-up Road 1"


@pytest.mark.parametrize("at", range(3))
async def test_what_the_database_refuses_in_a_group_is_the_error_of_that_order_only(shop: ApiClient, at: int) -> None:
    drafts = [draft() for _ in range(3)]
    drafts[at] = bad = replace(drafts[at], channel="c" * 33)
    answers = await group(shop).place(*drafts)
    assert [isinstance(answer, IntegrityError) for answer in answers] == [one is bad for one in drafts], answers
    assert await stored_counts(shop, drafts) == [int(one is not bad) for one in drafts]
    assert await shop.sql("SELECT 1 FROM customers WHERE customer_id = %s", bad.customer_id) == []
    assert await transactions(shop, drafts) == 2  # each alone


async def test_what_a_customer_may_be_refused_for_is_placed_apart(shop: ApiClient) -> None:
    drafts = [draft(subject="customer:c-1", unpaid_units=10), draft(), draft()]
    answers = await group(shop).place(*drafts)
    assert all(isinstance(answer, Placed) for answer in answers), answers
    assert await transactions(shop, drafts) == 2


async def test_nobody_waits_for_the_lock_of_another_of_their_group(shop: ApiClient) -> None:
    drafts = [draft() for _ in range(4)]
    async with locked(shop, LOCK_KEY, drafts[1].request.key):
        tasks = group(shop).begin(drafts)
        others = [task for task in tasks if task is not tasks[1]]
        done, _ = await asyncio.wait(others, timeout=WAIT_S)
        assert len(done) == 3
        assert not tasks[1].done()
    await asyncio.wait_for(asyncio.gather(*tasks), WAIT_S)
    assert await stored_counts(shop, drafts) == [1] * 4


async def test_an_order_waits_for_a_busy_connection_no_longer_than_for_one_of_the_pool(
    shop: ApiClient, database_url: DatabaseUrls
) -> None:
    """A slow database means 503 within seconds, however many orders wait: else each waits for all that came before."""
    async with own_pool(shop, database_url, db_pool_timeout_s=2.0, db_statement_timeout_s=2 * WAIT_S) as slow:
        drafts = [draft() for _ in range(CONNECTIONS * MOST + 1)]
        async with locked(shop, LOCK_PRODUCTS):
            tasks = slow.begin(drafts)
            done, _ = await asyncio.wait(tasks, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
            assert done
            assert all(isinstance(task.exception(), PoolExhausted) for task in done), done
        answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), WAIT_S)
    assert await stored_counts(shop, drafts) == [int(isinstance(answer, Placed)) for answer in answers]


async def test_a_group_that_runs_out_of_time_is_not_asked_again_one_by_one(
    shop: ApiClient, database_url: DatabaseUrls
) -> None:
    async with own_pool(shop, database_url, db_statement_timeout_s=1.0) as slow:
        used: list[Any] = []
        event.listen(slow.database.engine.sync_engine.pool, "checkout", lambda one, *_: used.append(one))
        drafts = [draft() for _ in range(4)]
        async with locked(shop, LOCK_PRODUCTS):
            answers = await slow.place(*drafts)
    assert all(isinstance(answer, OperationalError) for answer in answers), answers
    assert {answer.orig.sqlstate for answer in answers} == {"57014"}
    assert len(used) == 1
    assert await stored_counts(shop, drafts) == [0] * 4


async def test_who_leaves_takes_nobody_with_them(shop: ApiClient) -> None:
    drafts = [draft() for _ in range(4)]
    tasks = group(shop).begin(drafts)
    await asyncio.sleep(0)
    tasks[1].cancel()
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), WAIT_S)
    assert [isinstance(answer, Placed) for answer in answers] == [True, False, True, True], answers
    assert (await stored_counts(shop, drafts))[1] in (0, 1)


async def test_a_connection_cut_in_the_middle_of_a_group_leaves_each_order_once(shop: ApiClient) -> None:
    drafts = [draft() for _ in range(4)]
    async with locked(shop, LOCK_KEY, drafts[2].request.key) as holder:
        tasks = group(shop, patience="60s").begin(drafts)
        await shop.sql("SELECT pg_terminate_backend(%s)", await blocked_by(shop, holder))
        await asyncio.wait([task for task in tasks if task is not tasks[2]], timeout=WAIT_S)
    answers = await asyncio.wait_for(asyncio.gather(*tasks), WAIT_S)
    assert all(isinstance(answer, Placed) for answer in answers), answers
    assert await stored_counts(shop, drafts) == [1] * 4


async def test_a_process_killed_in_the_middle_of_a_group_leaves_each_order_whole_or_not_at_all(shop: ApiClient) -> None:
    keys = [unique("killed") for _ in range(4)]
    drafts = [draft(key) for key in keys]
    async with locked(shop, LOCK_KEY, keys[2]) as holder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.api.orders.simultaneous_orders", *keys, env=_environment(shop)
        )
        victim = await blocked_by(shop, holder)
        process.kill()
        await process.wait()
    await _gone(shop, victim)
    orders = await stored_counts(shop, drafts)
    assert len(set(orders)) == 1, orders
    answers: list[Any] = await group(shop).place(*drafts)
    assert all(isinstance(answer, Placed | Answered) for answer in answers), answers
    assert await stored_counts(shop, drafts) == [1] * 4


async def _gone(shop: ApiClient, pid: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while await shop.sql("SELECT 1 FROM pg_stat_activity WHERE pid = %s", pid):
            await asyncio.sleep(0.02)


def _environment(shop: ApiClient) -> dict[str, str]:
    settings = shop.app.state.services.settings
    secrets = {name: getattr(settings, name).get_secret_value() for name in ("token_secret", "master_key")}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("OMS_")},
        "OMS_DATABASE_URL": settings.database_url,
        "OMS_SANDBOX_WEBHOOK_SECRET": "whsec_" + base64.b64encode(b"s" * 24).decode(),
        **{f"OMS_{name.upper()}": value for name, value in secrets.items()},
    }
