"""Bills of carriers over HTTP, and parcels that they bill."""

from typing import Any

import httpx

from tests.api.conftest import ApiClient, unique
from tests.factories.picking import Booked, booked


async def parcel(shop: ApiClient, cost_minor: int | None = 800, currency: str = "CNY") -> Booked:
    """A parcel that was booked for so much."""
    one = await booked(shop, 1)
    if cost_minor is not None:
        await shop.sql(
            "UPDATE shipments SET cost_minor = %s, cost_currency = %s WHERE shipment_id = %s",
            cost_minor, currency, one.shipment_id,
        )  # fmt: skip
    return one


async def sent(shop: ApiClient, content: str | bytes, key: str | None = None, **fields: str) -> httpx.Response:
    finance = shop.as_("finance", "fay")
    form = {"carrier": "sandbox", "bill_no": unique("B"), "currency": "CNY"} | fields
    raw = content if isinstance(content, bytes) else content.encode()
    headers = {**finance.headers, "Idempotency-Key": key or unique("k")}
    return await shop.http.post(
        "/v1/carrier-bills", files={"file": ("C:\\bills\\may.csv", raw, "text/csv")}, data=form, headers=headers
    )


async def bill(shop: ApiClient, content: str | bytes, **fields: str) -> dict[str, Any]:
    """The bill with these rows, compared."""
    answer = await sent(shop, content, **fields)
    assert answer.status_code == 202, answer.text
    found = await shop.as_("finance").get(f"/v1/carrier-bills/{answer.json()['bill_id']}")
    return dict(found.json())


async def differences(shop: ApiClient, bill_id: str, **wanted: Any) -> list[dict[str, Any]]:
    answer = await shop.as_("finance").get("/v1/freight-differences", bill_id=bill_id, limit=200, **wanted)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def decide(shop: ApiClient, difference_id: int, action: str, reason: str = "checked") -> httpx.Response:
    body = {"action": action, "reason": reason}
    return await shop.as_("finance", "fay").post(f"/v1/freight-differences/{difference_id}/decide", body)


async def freight(shop: ApiClient, order_no: str) -> list[dict[str, Any]]:
    answer = await shop.as_("warehouse").get(f"/v1/orders/{order_no}/freight")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])
