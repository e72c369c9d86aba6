"""A master key of the right form that is not that of the database: refused, and nothing is encrypted with it."""

import base64
import logging

import pytest
from pydantic import SecretStr

from infra.db.system import master_keys
from infra.security.crypto import Vault
from tests.api.conftest import ApiClient, an_order, open_api, settings_for, unique
from tests.conftest import DatabaseUrls

OTHER = SecretStr(base64.b64encode(b"o" * 32).decode())


async def test_an_order_of_a_known_customer_waits_for_the_right_key(
    shop: ApiClient, database_url: DatabaseUrls, caplog: pytest.LogCaptureFixture
) -> None:
    known = await shop.post("/v1/orders", an_order())
    assert known.status_code == 201, known.text
    async with open_api(database_url, master_key=OTHER) as other:
        with caplog.at_level(logging.ERROR, logger="api.errors"):
            refused = await other.as_("support", "amy").post("/v1/orders", an_order())
    assert (refused.status_code, refused.json()["code"]) == (503, "data_unreadable")
    assert "nothing was written" in refused.json()["detail"] and "Retry-After" in refused.headers
    (line,) = [line for line in caplog.records if line.name == "api.errors"]
    assert "OMS_MASTER_KEY" in line.getMessage() and line.__dict__["code"] == "data_unreadable"


async def test_nothing_new_is_sealed_under_a_key_that_the_database_does_not_know(
    shop: ApiClient, database_url: DatabaseUrls
) -> None:
    """Also where the process began while the database did not answer."""
    own = Vault.from_settings(settings_for(database_url)).key_ids
    assert master_keys.meet(database_url.app_url, own) == []
    customers = await shop.sql("SELECT count(*) FROM customers")
    async with open_api(database_url, master_key=OTHER) as other:
        ready = await other.get("/readyz")
        stranger = an_order(customer={"id": "c-new", "name": "Ann", "email": "ann@example.com", "phone": None})
        refused = await other.as_("support", "amy").post("/v1/orders", stranger)
    assert (ready.status_code, ready.json()["code"]) == (503, "master_key_unknown")
    assert "OMS_PREVIOUS_MASTER_KEYS" in ready.json()["detail"] and own[0].hex() in ready.json()["detail"]
    assert (refused.status_code, refused.json()["code"]) == (503, "master_key_unknown")
    assert await shop.sql("SELECT count(*) FROM customers") == customers
    assert (await shop.get("/readyz")).status_code == 200


async def test_no_answer_is_kept_under_a_key_that_the_database_does_not_know(
    shop: ApiClient, database_url: DatabaseUrls
) -> None:
    """It could never be read again: the same request would hear that its answer was erased."""
    own = Vault.from_settings(settings_for(database_url)).key_ids
    assert master_keys.meet(database_url.app_url, own) == []
    product = {"sku": unique("SKU"), "name": "Tea", "price_minor": 100, "currency": "CNY"}
    key = unique("key")
    async with open_api(database_url, master_key=OTHER) as other:
        refused = await other.as_("operations").post("/v1/products", product, key)
    assert (refused.status_code, refused.json()["code"]) == (503, "master_key_unknown")
    assert await shop.sql("SELECT FROM products WHERE sku = %s", product["sku"]) == []
    operations = shop.as_("operations")
    made, again = [await operations.post("/v1/products", product, key) for _ in range(2)]
    assert (made.status_code, again.status_code, again.json()) == (201, 201, made.json())


async def test_a_key_is_changed_by_naming_the_one_before(shop: ApiClient, database_url: DatabaseUrls) -> None:
    settings = settings_for(database_url)
    own = Vault.from_settings(settings).key_ids
    assert master_keys.meet(database_url.app_url, own) == []
    changed = {"master_key": OTHER, "previous_master_keys": (settings.master_key,)}
    both = Vault.from_settings(settings_for(database_url, **changed)).key_ids
    assert master_keys.meet(database_url.app_url, both) == []
    assert master_keys.meet(database_url.app_url, both[:1]) == list(own), "what is sealed under the first needs it"
    assert master_keys.meet(database_url.app_url, own) == [both[0]]
    async with open_api(database_url, **changed) as api:
        assert (await api.get("/readyz")).status_code == 200
        placed = await api.as_("support", "amy").post("/v1/orders", an_order())
        assert placed.status_code == 201, placed.text
