"""The checks of the database and of the audit log over HTTP: bounded in time and size, one at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from infra.db.checks.consistency_checks import CHECKS
from tests.api.conftest import ApiClient, an_order, open_api
from tests.conftest import DatabaseUrls

LIMIT_S = 0.4


@pytest.fixture
async def hurried(database_url: DatabaseUrls, shop: ApiClient) -> AsyncIterator[ApiClient]:
    """A front door with little time for checks."""
    async with open_api(database_url, books_check_timeout_s=LIMIT_S) as opened:
        yield opened.as_("admin", "root")


@asynccontextmanager
async def locked(table: str, urls: DatabaseUrls) -> AsyncIterator[None]:
    """Nobody reads this table meanwhile."""
    async with await psycopg.AsyncConnection.connect(urls.owner_url) as connection:
        await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


async def test_the_database_is_checked_for_everything(shop: ApiClient) -> None:
    await shop.post("/v1/orders", an_order())
    answer = await shop.as_("finance", "fay").get("/v1/ledger/check")
    assert (answer.status_code, answer.json()["ok"]) == (200, True), answer.text
    checks = answer.json()["checks"]
    assert [check["code"] for check in checks] == [question.code for question in CHECKS]
    assert all((check["ok"], check["wrong"], check["found"]) == (True, 0, []) for check in checks)


async def test_a_question_that_takes_too_long_is_said_and_one_check_runs_at_a_time(
    hurried: ApiClient, database_url: DatabaseUrls
) -> None:
    async with locked("stock_levels", database_url):
        both = await asyncio.gather(*(hurried.get("/v1/ledger/check") for _ in range(2)))
    first, second = sorted(both, key=lambda answer: answer.status_code)
    assert (second.status_code, second.json()["code"]) == (503, "busy") and second.headers["retry-after"]
    assert (first.status_code, first.json()["ok"]) == (200, False)
    late = [(check["ok"], check["wrong"]) for check in first.json()["checks"]]
    assert late == [(None, None)] * len(CHECKS)


async def test_a_walk_of_the_audit_log_that_takes_too_long_is_said(
    hurried: ApiClient, database_url: DatabaseUrls
) -> None:
    async with locked("audit_log", database_url):
        answer = await hurried.get("/v1/audit/verify")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["ok"], answer.json()["complete"]) == (False, False)
    assert (await hurried.get("/v1/audit/verify")).json()["ok"] is True, "the connections are good afterwards"


async def test_anchors_are_made_once_for_a_key_and_must_be_in_the_chain(shop: ApiClient) -> None:
    await shop.post("/v1/orders", an_order())
    admin = shop.as_("admin", "root")
    made = await admin.post("/v1/audit/anchors", key="anchor-1")
    assert (made.status_code, made.json()["complete"]) == (200, True), made.text
    await shop.post("/v1/orders", an_order())
    again = await admin.post("/v1/audit/anchors", key="anchor-1")
    assert again.headers["idempotent-replayed"] == "true" and again.json() == made.json()
    newest = (await admin.get("/v1/audit/anchors/newest")).json()["anchor"]
    assert newest == made.json()["anchor"], "a repeated call makes none"
    verdict = (await admin.get("/v1/audit/verify", anchor=newest["hash"].upper())).json()
    assert verdict["ok"] and verdict["newest_anchor"] == newest["line"] and verdict["younger_entries"] >= 1
    verdict = (await admin.get("/v1/audit/verify", anchor=["f" * 64, newest["hash"]])).json()
    assert (verdict["ok"], verdict["fault_count"], verdict["faults"][0]["kind"]) == (False, 1, "anchor")
    odd = await admin.get("/v1/audit/verify", anchor="x")
    assert (odd.status_code, odd.json()["code"]) == (422, "validation_failed")


async def test_the_access_review_in_pages_is_whole(shop: ApiClient) -> None:
    for subject in ("ann", "bob", "李雷"):
        product = {"sku": f"P-{ord(subject[0])}", "name": "Tea", "price_minor": 1, "currency": "CNY"}
        assert (await shop.as_("operations", subject).post("/v1/products", product)).status_code == 201
    admin = shop.as_("admin", "root")
    whole = (await admin.get("/v1/audit/access")).json()["items"]
    assert {"ann", "bob", "李雷"} <= {row["name"] for row in whole}
    paged, cursor = [], {}
    while cursor is not None:
        page = (await admin.get("/v1/audit/access", limit=1, **cursor)).json()
        paged += page["items"]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert paged == whole
    refused = await admin.get("/v1/audit/access", cursor="x")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_cursor")
