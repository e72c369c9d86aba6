"""Pictures of customers in the console."""

import pytest

from api.services.files import file_store
from tests.api.conftest import ApiClient, an_order, unique
from tests.console.conftest import sign_in
from tests.factories.pictures import picture


@pytest.mark.parametrize(("role", "status"), [("support", 200), ("warehouse", 200), ("finance", 403), ("admin", 200)])
async def test_a_customers_picture_is_for_those_who_read_personal_data(shop: ApiClient, role: str, status: int) -> None:
    customer, services = unique("c"), shop.app.state.services
    order = an_order(customer={"id": customer, "name": "N", "email": None, "phone": None})
    assert (await shop.post("/v1/orders", order)).status_code == 201
    checked = await file_store.checked_picture(picture())
    async with services.database.begin() as conn:
        file_id = await file_store.keep_private(services, conn, checked, customer, f"customer:{customer}")
    browser = await sign_in(shop, role)
    for size in ("small", "full"):
        answer = await browser.get(f"/console/pictures/{file_id}", size=size)
        assert answer.status_code == status
        if status == 200:
            assert (answer.content[8:12], answer.headers["cache-control"]) == (b"WEBP", "no-store")
            assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert (await browser.get("/console/pictures/" + "0" * 64)).status_code == (404 if status == 200 else 403)
