"""Pictures are stored once, under the hash of their bytes; a customer's is sealed and not served to everybody."""

from typing import Any

import psycopg
import pytest

from api.dependencies import Services
from api.services.files import file_store
from domain.errors import NotFound, RuleBroken
from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.pictures import HOSTILE, bomb, picture


@pytest.fixture
def services(shop: ApiClient) -> Services:
    found: Services = shop.app.state.services
    return found


async def kept(services: Services, owner_id: str | None = None) -> str:
    checked = await file_store.checked_picture(picture())
    async with services.database.begin() as conn:
        if owner_id is None:
            return await file_store.keep_public(conn, checked, "operations:otto")
        return await file_store.keep_private(services, conn, checked, owner_id, f"customer:{owner_id}")


async def a_customer(shop: ApiClient) -> str:
    customer = unique("c")
    order = an_order(customer={"id": customer, "name": "N", "email": None, "phone": None})
    assert (await shop.post("/v1/orders", order)).status_code == 201
    return customer


async def test_a_picture_of_the_shop_is_public_under_its_hash(shop: ApiClient, services: Services) -> None:
    file_id = await kept(services)
    assert await kept(services) == file_id
    for size in ("full", "small"):
        answer = await shop.http.get(f"/v1/pictures/{file_id}", params={"size": size})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.content[8:12] == b"WEBP"
    for unknown in ("0" * 64, "%00", "x", file_id.upper()):
        missing = await shop.http.get(f"/v1/pictures/{unknown}")
        assert (missing.status_code, missing.json()["code"]) == (404, "picture_not_found"), unknown


async def test_a_customers_picture_is_sealed_and_not_public(shop: ApiClient, services: Services) -> None:
    customer = await a_customer(shop)
    file_id = await kept(services, customer)
    assert (await shop.http.get(f"/v1/pictures/{file_id}")).status_code == 404
    found = await file_store.any_picture(services, file_id, small=False)
    assert (found.owner_id, found.content[8:12]) == (customer, b"WEBP")
    (row,) = await shop.sql("SELECT content, small FROM stored_files WHERE file_id = %s", file_id)
    assert all(b"WEBP" not in bytes(part) for part in row.values())


async def test_a_customers_picture_is_gone_with_the_customer(shop: ApiClient, services: Services) -> None:
    customer = await a_customer(shop)
    file_id = await kept(services, customer)
    await shop.sql("UPDATE customers SET data_key = NULL, profile_enc = NULL WHERE customer_id = %s", customer)
    with pytest.raises(NotFound):
        await file_store.any_picture(services, file_id, small=False)
    with pytest.raises(NotFound, match="customer_not_found"):
        await kept(services, customer)


@pytest.mark.parametrize(("content", "code"), [(HOSTILE["a page"], "picture_invalid"), (bomb(), "picture_too_large"),
                                               (bytes(8_000_001), "picture_too_large")])  # fmt: skip
async def test_what_is_no_picture_has_a_code(content: bytes, code: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        await file_store.checked_picture(content)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("file_id", "0" * 64, "file_named_by_content"),
        ("media_type", "text/html", "file_is_a_picture"),
        ("size", 0, "file_size"),
        ("width", 5_000, "file_dimensions"),
    ],
)
async def test_the_database_refuses_what_is_no_stored_picture(
    shop: ApiClient, services: Services, column: str, value: Any, constraint: str
) -> None:
    file_id = await kept(services)
    columns = "file_id, media_type, size, width, height, content, small, created_by"
    values = columns.replace(column, "%s")
    with pytest.raises(psycopg.errors.CheckViolation, match=constraint):
        await shop.sql(f"INSERT INTO stored_files ({columns}) SELECT {values} FROM stored_files WHERE file_id = %s",
                       value, file_id)  # fmt: skip
    with pytest.raises(psycopg.Error, match="append-only"):
        await shop.sql("UPDATE stored_files SET width = 1 WHERE file_id = %s", file_id)


async def test_only_where_pictures_are_uploaded_a_larger_body_is_read(shop: ApiClient) -> None:
    large = {"x": "y" * 300_000}
    assert (await shop.post("/v1/orders", large)).status_code == 413
    assert (await shop.as_("operations").post("/v1/products/TEA-1/picture", large)).status_code != 413
