"""Webhook endpoints, and which addresses they may be."""

from typing import Any

import pytest

from infra import webhook_client
from tests.api.conftest import ApiClient, an_order, open_api
from tests.conftest import DatabaseUrls


async def test_endpoint_is_added_shown_and_removed(shop: ApiClient) -> None:
    operations = shop.as_("operations")
    body = {"url": "https://1.1.1.1/hooks", "event_types": ["order_placed"]}

    added = await operations.post("/v1/webhook-endpoints", body, key="endpoint-1")

    assert added.status_code == 201, added.text
    secret, endpoint_id = added.json()["secret"], added.json()["endpoint_id"]
    assert secret.startswith("whsec_")
    again = await operations.post("/v1/webhook-endpoints", body, key="endpoint-1")
    assert (again.json(), again.headers["idempotent-replayed"]) == (added.json(), "true")
    listed = (await operations.get("/v1/webhook-endpoints")).json()["items"]
    assert [item["url"] for item in listed] == [body["url"]]
    assert secret not in (await operations.get("/v1/webhook-endpoints")).text
    for table in ("webhook_endpoints", "idempotency_keys"):
        rows = await shop.sql(f"SELECT t::text AS whole FROM {table} t")
        assert not any(secret in row["whole"] for row in rows)
    assert (await operations.delete(f"/v1/webhook-endpoints/{endpoint_id}")).status_code == 204
    assert (await operations.delete(f"/v1/webhook-endpoints/{endpoint_id}")).status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://1.1.1.1/plain",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.8/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]/",
        "https://0x7f000001/",
        "https://user:password@1.1.1.1/",
        "https://nobody.example/",
        "https://1.1.1.1:6379/",
        "https://1.1.1.1:0/",
        "https://[2a00::5efe:10.0.0.1]/",
        "file:///etc/passwd",
        "https://[broken/",
        "https://1.1.1.1:99999/",
    ],
)
async def test_private_target_is_refused(shop: ApiClient, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(host: str, _: int) -> list[str]:
        if host == "nobody.example":
            raise OSError("no such name")
        return ["127.0.0.1"] if host == "localhost" else [host]

    if "0x7f" not in url:
        monkeypatch.setattr(webhook_client, "resolve", nobody)
    before = await shop.row_counts()
    response = await shop.as_("operations").post("/v1/webhook-endpoints", {"url": url})
    assert (response.status_code, response.json()["code"]) == (422, "webhook_target_refused"), response.text
    assert await shop.row_counts() == before


async def test_private_target_where_a_setting_allows_it(database_url: DatabaseUrls) -> None:
    async with open_api(database_url, allow_private_webhook_targets=True) as api:
        body = {"url": "http://127.0.0.1:9999/hooks"}
        assert (await api.as_("operations").post("/v1/webhook-endpoints", body)).status_code == 201


async def test_what_was_given_up_is_sent_again_and_the_endpoint_is_on(shop: ApiClient) -> None:
    operations = shop.as_("operations")
    body = {"url": "https://1.1.1.1/hooks", "event_types": []}
    endpoint_id = (await operations.post("/v1/webhook-endpoints", body)).json()["endpoint_id"]
    order_no = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    await shop.sql(
        "INSERT INTO webhook_deliveries (endpoint_id, order_no, seq, state, tries, done_at, last_error)"
        " VALUES (%s, %s, 1, 'failed', 12, now(), 'endpoint_disabled')",
        *(endpoint_id, order_no),
    )
    off = "UPDATE webhook_endpoints SET active = false, disabled_at = now(), failing_since = now() - interval '3 days'"
    await shop.sql(off + " WHERE endpoint_id = %s", endpoint_id)
    content = await endpoint(operations, endpoint_id)
    assert (content["active"], content["given_up"], content["disabled_at"] is None) == (False, 1, False)
    path = f"/v1/webhook-endpoints/{endpoint_id}/replay"
    for since, replayed in (("2999-01-01T00:00:00Z", 0), (None, 1)):
        answer = await operations.post(path, {"since": since})
        assert answer.json() == {"endpoint_id": endpoint_id, "active": True, "replayed": replayed}, answer.text
    (row,) = await shop.sql("SELECT state, tries, done_at FROM webhook_deliveries WHERE endpoint_id = %s", endpoint_id)
    assert row == {"state": "open", "tries": 0, "done_at": None}
    content = await endpoint(operations, endpoint_id)
    assert (content["active"], content["failing_since"], content["given_up"]) == (True, None, 0)
    for unknown in ("whe_" + "0" * 32, "x"):
        missing = await operations.post(f"/v1/webhook-endpoints/{unknown}/replay", {})
        assert (missing.status_code, missing.json()["code"]) == (404, "endpoint_not_found")
    bad = await operations.post(path, {"since": "yesterday"})
    assert (bad.status_code, bad.json()["code"]) == (422, "validation_failed")
    await operations.delete(f"/v1/webhook-endpoints/{endpoint_id}")


async def endpoint(operations: ApiClient, endpoint_id: str) -> dict[str, Any]:
    items = (await operations.get("/v1/webhook-endpoints")).json()["items"]
    return next(item for item in items if item["endpoint_id"] == endpoint_id)


async def test_an_endpoint_names_the_channels_whose_stock_levels_it_is_sent(shop: ApiClient) -> None:
    operations = shop.as_("operations")
    body = {"url": "https://1.1.1.1/hooks", "event_types": ["stock.level_changed"], "stock_channels": ["web", "tmall"]}
    added = (await operations.post("/v1/webhook-endpoints", body)).json()
    assert added["stock_channels"] == ["web", "tmall"]
    assert (await endpoint(operations, added["endpoint_id"]))["stock_channels"] == ["web", "tmall"]
    await shop.sql(
        "INSERT INTO products (sku, name, price_minor, currency) VALUES ('LEVEL-9', 'Tea', 1, 'CNY')"
        " ON CONFLICT DO NOTHING"
    )
    await shop.sql(
        "INSERT INTO stock_level_deliveries (endpoint_id, channel, sku, available) VALUES (%s, 'web', 'LEVEL-9', 5)",
        added["endpoint_id"],
    )
    await shop.sql("UPDATE stock_level_deliveries SET state = 'failed', tries = 12, done_at = now()")
    assert (await endpoint(operations, added["endpoint_id"]))["given_up"] == 1
    answer = await operations.post(f"/v1/webhook-endpoints/{added['endpoint_id']}/replay", {})
    assert answer.json()["replayed"] == 1
    assert await shop.sql("SELECT state, tries FROM stock_level_deliveries") == [{"state": "open", "tries": 0}]
    assert (await operations.delete(f"/v1/webhook-endpoints/{added['endpoint_id']}")).status_code == 204
    assert await shop.sql("SELECT 1 FROM stock_level_deliveries") == []


@pytest.mark.parametrize(
    "fields",
    [
        {"event_types": ["stock.level_changed"]},
        {"event_types": ["order_placed"], "stock_channels": ["web"]},
        {"stock_channels": [""]},
        {"stock_channels": ["x" * 33]},
        {"stock_channels": ["we\u0000b"]},
        {"stock_channels": "web"},
        {"stock_channels": ["web"] * 51},
        {"event_types": ["stock.levels"], "stock_channels": ["web"]},
    ],
)
async def test_channels_and_the_event_type_of_levels_go_together(shop: ApiClient, fields: dict[str, Any]) -> None:
    before = await shop.row_counts()
    answer = await shop.as_("operations").post("/v1/webhook-endpoints", {"url": "https://1.1.1.1/hooks", **fields})
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in ("validation_failed", "invalid_text")
    assert await shop.row_counts() == before


def test_the_message_of_a_level_is_in_the_document(shop: ApiClient) -> None:
    document = shop.app.openapi()
    body = document["webhooks"]["stock.level_changed"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    message = document["components"]["schemas"][body["$ref"].rsplit("/", 1)[1]]
    level = document["components"]["schemas"][message["properties"]["data"]["$ref"].rsplit("/", 1)[1]]
    assert message["properties"]["type"]["const"] == "stock.level_changed"
    assert level["required"] == ["sku", "channel", "available", "at", "sequence"]
