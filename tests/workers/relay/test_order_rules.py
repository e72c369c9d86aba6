"""What is a cause, and what is none."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import Kind
from infra.db.alerts import alerts, order_rules
from infra.db.alerts.findings import Detector, Finding
from infra.settings import Settings
from tests.workers.relay.alert_scene import Scene
from tests.workers.stored_orders import damage, place, sql


async def causes(scene: Scene) -> dict[str, int]:
    async with scene.database.begin() as connection:
        await alerts.poll(connection, scene.settings)
    return dict(await sql(scene.urls.app_url, "SELECT cause, count FROM alerts WHERE over_at IS NULL"))


async def test_requests_and_orders_that_nobody_takes_up_are_a_cause(scene: Scene) -> None:
    waits, moves = await place(scene.urls), await place(scene.urls)
    assert await causes(scene) == {}
    await sql(scene.urls.owner_url, "UPDATE workflow_requests SET created_at = now() - interval '61 s'")
    assert await causes(scene) == {"requests_waiting": 2}
    await sql(scene.urls.owner_url, "DELETE FROM workflow_requests")
    await damage(
        scene.urls.owner_url,
        f"UPDATE orders SET created_at = now() - interval '2 min' WHERE order_no IN ('{waits}', '{moves}')",
        f"""UPDATE orders SET waiting = '{{"what": "stock"}}' WHERE order_no = '{waits}'""",
    )
    await scene.later(61)
    assert await causes(scene) == {"orders_waiting": 1}


async def test_holds_that_nobody_looks_into_are_a_cause_once_they_are_escalated(scene: Scene) -> None:
    order_no = await place(scene.urls)
    hold = (
        "INSERT INTO holds (order_no, hold_no, kind, stops, owner, default_outcome, put_on_by, reason_enc, escalate_at,"
        " until) VALUES (%s, 1, 'risk', '{paid}', 'finance', 'cancel', 'support:ann', '', now() + interval '1 h',"
        " now() + interval '2 h')"
    )
    await sql(scene.urls.app_url, hold, order_no)
    assert await causes(scene) == {}
    await sql(scene.urls.app_url, "UPDATE holds SET escalated_at = now() WHERE order_no = %s", order_no)
    assert await causes(scene) == {"held:risk": 1}
    await sql(scene.urls.app_url, "UPDATE holds SET closed_at = now(), closed_by = 's', outcome = 'released'")
    await scene.later(61)
    assert await causes(scene) == {}


async def test_webhooks_that_were_given_up_are_a_cause_for_an_hour(scene: Scene) -> None:
    order_no = await place(scene.urls)
    await sql(
        scene.urls.app_url,
        "INSERT INTO webhook_endpoints (endpoint_id, url, secret_enc, data_key, created_by) "
        "VALUES ('whe_1', 'https://shop.example/t0ken', '', '', 'test') ON CONFLICT DO NOTHING",
    )
    await sql(
        scene.urls.owner_url,
        "INSERT INTO webhook_deliveries (endpoint_id, order_no, seq, state, done_at) "
        "VALUES ('whe_1', %s, 1, 'failed', now())",
        order_no,
    )
    assert await causes(scene) == {"webhooks_failed:whe_1": 1}
    await sql(scene.urls.app_url, "UPDATE webhook_deliveries SET done_at = now() - interval '61 min'")
    await scene.later(61)
    assert await causes(scene) == {}


async def stock(scene: Scene, sku: str, on_hand: int, reserved: int = 0, safety: int = 0) -> None:
    await sql(
        scene.urls.owner_url,
        "INSERT INTO products (sku, name, price_minor, currency) VALUES (%s, 'x', 1, 'CNY') ON CONFLICT DO NOTHING",
        sku,
    )
    await damage(
        scene.urls.owner_url,
        f"INSERT INTO stock_levels (sku, warehouse, on_hand, reserved, safety_stock) "
        f"VALUES ('{sku}', 'WH-EAST', {on_hand}, {reserved}, {safety})",
    )


async def test_stock_is_low_where_nothing_is_left_that_somebody_wants(scene: Scene) -> None:
    await stock(scene, "PLENTY", 100, 10, 5)
    await stock(scene, "UNWANTED", 0)
    assert await causes(scene) == {}
    await stock(scene, "BELOW-SAFETY", 9, 4, 5)
    await stock(scene, "ALL-RESERVED", 3, 3)
    await stock(scene, "SKU-1", 0)
    order_no = await place(scene.urls)
    await damage(
        scene.urls.owner_url,
        f"INSERT INTO reservations VALUES ('{order_no}', 'ALL-RESERVED', 'WH-EAST', 1, 3, 'reserved')",
    )
    assert await causes(scene) == {"stock_low:WH-EAST": 2}
    # The same line in an order of today; `place` dates its orders at the beginning of time.
    await damage(
        scene.urls.owner_url,
        "INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor) "
        "VALUES ('ZZZZZZ-ZZZZZZ-ZZZZZZ', 1, 'SKU-1', 'Tea', 1, 1)",
    )
    assert await causes(scene) == {"stock_low:WH-EAST": 3}
    facts = await sql(scene.urls.app_url, "SELECT facts FROM alerts WHERE kind = 'stock_low'")
    assert facts == [({"warehouse": "WH-EAST", "skus": ["ALL-RESERVED", "BELOW-SAFETY", "SKU-1"]},)]
    await damage(scene.urls.owner_url, "DELETE FROM order_lines WHERE order_no LIKE 'ZZ%'")


async def test_a_detector_that_fails_says_neither_yes_nor_no_and_stops_no_other(scene: Scene) -> None:
    await scene.park(1)
    assert await causes(scene) == {"stuck:rejected:sandbox:book": 1}

    async def broken(connection: AsyncConnection, _: Settings) -> list[Finding]:
        await connection.execute(text("SELECT 1/0"))
        return []

    async def new(_: AsyncConnection, __: Settings) -> list[Finding]:
        return [Finding(Kind.STOCK_LOW, {"warehouse": "W"}, 1)]

    some: Mapping[Kind, Detector] = {Kind.STUCK: broken, Kind.STOCK_LOW: new}
    await scene.later(3600)
    async with scene.database.begin() as connection:
        assert await alerts.poll(connection, scene.settings, some) == (True, 0)
    open_now = await sql(scene.urls.app_url, "SELECT kind FROM alerts WHERE over_at IS NULL ORDER BY kind")
    assert open_now == [("stock_low",), ("stuck",)]


async def test_one_cause_found_twice_is_one(scene: Scene) -> None:
    await scene.park(1)
    await sql(scene.urls.owner_url, "UPDATE parked_steps SET provider = NULL")
    await scene.park(1)
    await sql(scene.urls.owner_url, "UPDATE parked_steps SET provider = '' WHERE provider IS NOT NULL")
    assert await causes(scene) == {"stuck:rejected::book": 1}


async def test_every_kind_has_a_detector() -> None:
    assert set(order_rules.DETECTORS) == set(Kind)


async def test_facts_about_nothing_of_ours_are_a_cause_after_an_hour_until_they_are_set_aside(scene: Scene) -> None:
    await sql(
        scene.urls.owner_url,
        "INSERT INTO inbox (provider, event_id, kind, order_no, fact, received_at, processed_at, outcome) VALUES"
        " ('stripe', 'young', 'payment', NULL, '{}', now() - interval '59 min', NULL, NULL),"
        " ('stripe', 'old', 'payment', NULL, '{}', now() - interval '61 min', NULL, NULL),"
        " ('stripe', 'early', 'payment', 'N-1', '{}', now() - interval '61 min', now(), 'early'),"
        " ('ups', 'parcel', 'shipment', NULL, '{}', now() - interval '61 min', NULL, NULL),"
        " ('stripe', 'known', 'payment', 'N-1', '{}', now() - interval '61 min', now(), 'known')",
    )
    assert await causes(scene) == {"facts_unknown:stripe:payment": 2, "facts_unknown:ups:shipment": 1}
    await sql(
        scene.urls.app_url, "SELECT dismiss_inbox_event(inbox_id, 'support:ann') FROM inbox WHERE event_id <> 'known'"
    )
    await scene.later(61)
    assert await causes(scene) == {}


async def test_orders_that_their_provider_no_longer_moves_are_a_cause(scene: Scene) -> None:
    quiet, moving, scanned, pending = [await place(scene.urls) for _ in range(4)]
    past = "now() - interval '73 h'"
    parcel = (
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, carrier_ref,"
        " tracking_no, updated_at)"
        " VALUES ('S-{0}', '{0}', 'WH-EAST', 'ups', 'in_transit', 'k-{0}', 'r-{0}', 't-{0}', {1})"
    )
    await damage(
        scene.urls.owner_url,
        *(parcel.format(order, past) for order in (quiet, scanned)),
        parcel.format(moving, "now()"),
        f"INSERT INTO shipment_scans (carrier, event_id, shipment_id, status, occurred_at)"
        f" VALUES ('ups', 'e-1', 'S-{scanned}', 'in_transit', now())",
        f"INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,"
        f" created_at) VALUES ('{pending}', 'authorise', 1, 'stripe', 1, 'CNY', 'pending', 'k-{pending}', {past})",
        f"UPDATE orders SET status = 'shipped', created_at = {past}, updated_at = {past}"
        f" WHERE order_no IN ('{quiet}', '{moving}', '{scanned}')",
        f"UPDATE orders SET status = 'pending_payment', created_at = {past} WHERE order_no = '{pending}'",
    )
    found = {cause: count for cause, count in (await causes(scene)).items() if cause.startswith("provider_silent")}
    assert found == {"provider_silent:stripe:payment": 1, "provider_silent:ups:parcel": 1}


async def test_an_authorisation_that_ends_and_cannot_be_renewed_is_a_cause(scene: Scene) -> None:
    order_no = await place(scene.urls)
    await sql(scene.urls.owner_url, "DELETE FROM workflow_requests")
    await sql(
        scene.urls.app_url,
        "INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor) "
        "VALUES ('r-ending', %s, 1, 'sandbox', '-', 'test')",
        order_no,
    )
    await sql(
        scene.urls.app_url,
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
        "provider_ref, expires_at) SELECT order_no, 'authorise', 1, 'sandbox', total_minor, currency, 'succeeded', "
        "'k-ending', 'p-ending', now() + interval '20 hours' FROM orders WHERE order_no = %s",
        order_no,
    )
    assert "authorisations_ending:sandbox" not in await causes(scene)
    ends = "UPDATE payments SET renew_at = expires_at WHERE idempotency_key = 'k-ending'"
    await sql(scene.urls.app_url, ends)
    assert (await causes(scene))["authorisations_ending:sandbox"] == 1
    void = "UPDATE orders SET cancelling = 'x' WHERE order_no = %s"
    await sql(scene.urls.app_url, void, order_no)
    await scene.later(61)
    assert "authorisations_ending:sandbox" not in await causes(scene)
