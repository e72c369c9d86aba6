"""A master key of the right form that is not that of the books: refused in words, and nothing is sealed beside it."""

import base64
import logging

import pytest
from pydantic import SecretStr

from tests.api.conftest import Door, an_order, open_door
from tests.conftest import Books


async def test_an_order_of_a_known_customer_waits_for_the_right_key(
    shop: Door, database_url: Books, caplog: pytest.LogCaptureFixture
) -> None:
    known = await shop.post("/v1/orders", an_order())
    assert known.status_code == 201, known.text
    async with open_door(database_url, master_key=SecretStr(base64.b64encode(b"o" * 32).decode())) as other:
        with caplog.at_level(logging.ERROR, logger="api.errors"):
            refused = await other.as_("support", "amy").post("/v1/orders", an_order())
    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert "nothing was written" in refused.json()["detail"] and "Retry-After" in refused.headers
    (line,) = [line for line in caplog.records if line.name == "api.errors"]
    assert "OMS_MASTER_KEY" in line.getMessage() and line.__dict__["code"] == "unreadable"
