"""Codes of virtual products from end to end: missing, added, issued, sent to the customer; then nothing is undone."""

from collections.abc import AsyncIterator

import pytest

from infra.db.customers.profiles import KeyRing
from infra.db.virtual import code_pools, issued_codes
from infra.security.crypto import Vault
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, staged
from tests.workflows.unstocked import parts, product

KEYS = KeyRing(Vault(bytes(32)))


@pytest.fixture(scope="module")
async def shop(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("codes")) as opened:
        yield opened


async def test_an_order_waits_for_codes_and_is_served_when_they_come(shop: Stage) -> None:
    sku = await product(shop, "virtual")
    order_no = await shop.place(sku, 2)
    parked = await shop.parked(order_no)
    assert (parked.step, parked.error, parked.subject) == ("issue_codes", "codes_short", f"{order_no}-F1")
    async with shop.database.begin() as conn:
        assert await code_pools.add(conn, KEYS, sku, f"cu_{sku}", ["A", "B", "C"], "operations:otto") == (3, 0)
    await shop.reaches(order_no, "completed")
    assert await parts(shop, order_no) == [(1, "codes", "delivered")]
    assert shop.parcels(order_no) == []
    async with shop.database.begin() as conn:
        assert [one.code for one in await issued_codes.of_order(conn, KEYS, order_no)] == ["A", "B"]
    assert (await shop.events(order_no)).count("codes_issued") == 1
