"""What people do with the running stack, over HTTP and from the command line."""

import asyncio
import json
import secrets
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.faults import driver
from tests.faults.stackrun import StackRun, until
from tests.infra.servers import serving


@pytest.fixture
async def sku(live: StackRun) -> str:
    return await driver.stocked(live, 1000)


async def observed_types(live: StackRun, order_no: str, role: str = "support") -> dict[str, Any]:
    async with live.client(role) as http:
        response = await http.get(f"/v1/orders/{order_no}")
    assert response.status_code == 200, response.text
    order: dict[str, Any] = response.json()
    return order


async def test_waiting_for_the_reservation(live: StackRun, sku: str) -> None:
    async with live.client("support") as http:
        headers = {"Idempotency-Key": secrets.token_hex(8), "Prefer": "wait=10"}
        reserved = await http.post("/v1/orders", json=driver.basket(sku), headers=headers)
        headers = {"Idempotency-Key": secrets.token_hex(8), "Prefer": "wait=10"}
        refused = await http.post("/v1/orders", json=driver.basket(sku, quantity=999_999), headers=headers)
    assert (reserved.status_code, refused.status_code) == (201, 201)
    assert reserved.json()["status"] not in ("received", "cancelled")
    assert refused.json()["status"] == "cancelled"


async def test_cancelling_shows_what_it_will_do_and_then_does_it_once(live: StackRun, sku: str) -> None:
    order_no = await driver.place(live, driver.basket(sku, quantity=2))
    await live.reaches(order_no, "preparing")
    async with live.client("support") as http:
        preview = await http.post(
            f"/v1/orders/{order_no}/cancel?preview=true",
            json={"reason": "x"},
            headers={"Idempotency-Key": "p" + order_no},
        )
        assert preview.json()["consequence"]["refund_minor"] == 2000
        assert (await observed_types(live, order_no))["status"] == "preparing"
        key = {"Idempotency-Key": "c" + order_no}
        first = await http.post(f"/v1/orders/{order_no}/cancel", json={"reason": "x"}, headers=key)
        again = await http.post(f"/v1/orders/{order_no}/cancel", json={"reason": "x"}, headers=key)
        other = await http.post(
            f"/v1/orders/{order_no}/cancel", json={"reason": "x"}, headers={"Idempotency-Key": "d" + order_no}
        )
    assert (first.status_code, again.headers.get("idempotent-replayed")) == (200, "true")
    assert other.status_code == 409
    await live.reaches(order_no, "cancelled")
    assert [p["status"] for p in await live.items("/shipments", order_no=order_no)] == ["cancelled"]
    refunds = [p for p in await live.items("/payments", order_no=order_no) if p["kind"] == "refund"]
    assert [(p["amount_minor"], p["status"]) for p in refunds] == [(2000, "succeeded")]


async def test_paying_again_after_a_decline_and_not_twice(live: StackRun, sku: str) -> None:
    order_no = await driver.place(live, driver.basket(sku, token="tok_decline"))
    await until(lambda: _has_event(live, order_no, "payment_declined"), "declined")
    assert (await observed_types(live, order_no))["allowed_actions"][:2] == ["cancel", "pay"]
    await driver.pay(live, order_no)
    await live.reaches(order_no, "preparing")
    async with live.client("support") as http:
        twice = await http.post(
            f"/v1/orders/{order_no}/payments",
            json={"method": "sandbox", "token": "tok_ok"},
            headers={"Idempotency-Key": secrets.token_hex(8)},
        )
    assert (twice.status_code, twice.json()["code"]) == (409, "already_paid")
    assert len(await live.items("/payments", order_no=order_no)) == 3


async def _has_event(live: StackRun, order_no: str, kind: str) -> bool:
    return kind in await live.events(order_no)


async def test_a_customer_sees_and_cancels_only_their_own(live: StackRun, sku: str) -> None:
    body = driver.basket(sku) | {"customer": {"id": "c-demo", "name": "Ann", "email": None, "phone": None}}
    async with live.client("customer") as mine, live.client("support") as staff:
        placed = await mine.post("/v1/orders", json=body, headers={"Idempotency-Key": secrets.token_hex(8)})
        theirs = await driver.place(live, driver.basket(sku))
        assert placed.status_code == 201, placed.text
        assert (await mine.get(f"/v1/orders/{placed.json()['order_no']}")).status_code == 200
        for response in (
            await mine.get(f"/v1/orders/{theirs}"),
            await mine.get(f"/v1/orders/{theirs}/events"),
            await mine.post(f"/v1/orders/{theirs}/cancel", json={"reason": "x"}, headers={"Idempotency-Key": "z"}),
        ):
            assert (response.status_code, response.json()["code"]) == (404, "order_not_found")
        assert (await mine.get("/v1/support/stuck")).status_code == 403
        assert (await staff.get(f"/v1/orders/{theirs}")).status_code == 200


async def test_support_resolves_one_by_http_and_many_by_filter(live: StackRun, sku: str) -> None:
    orders = await driver.stuck_at_booking(live, sku, 4)
    first = await observed_types(live, orders[0])
    assert first["needs_attention"]["error"] == "rejected"
    await driver.resolve(live, orders[0], "skip", {"carrier": "SF", "tracking_no": "SF-1"})
    await live.reaches(orders[0], "preparing")
    async with live.client("support") as http:
        body = {"filter": {"step": "book", "error": "rejected"}, "action": "retry", "reason": "back", "rate_per_s": 50}
        job = await http.post("/v1/support/resolve", json=body, headers={"Idempotency-Key": secrets.token_hex(8)})
        assert job.status_code == 202, job.text

        async def finished() -> bool:
            result = (await http.get(f"/v1/support/jobs/{job.json()['job_id']}")).json()
            return bool(result["state"] == "finished" and result["done"] == 3)

        await until(finished, "the job is through")
    for order_no in orders[1:]:
        await live.reaches(order_no, "preparing")


async def test_a_value_of_the_wrong_shape_is_refused_with_the_shape(live: StackRun, sku: str) -> None:
    (order_no,) = await driver.stuck_at_booking(live, sku, 1)
    async with live.client("support") as http:
        body = {"action": "skip", "reason": "by hand", "value": {"tracking": "x"}}
        refused = await http.post(
            f"/v1/support/orders/{order_no}/resolve", json=body, headers={"Idempotency-Key": secrets.token_hex(8)}
        )
    assert refused.status_code == 422 and "tracking_no" in refused.json()["detail"], refused.text
    await driver.resolve(live, order_no, "compensate")
    await live.reaches(order_no, "cancelled")


async def test_support_works_from_the_command_line(live: StackRun, sku: str) -> None:
    orders = await driver.stuck_at_booking(live, sku, 2)
    listed = await asyncio.to_thread(live.oms, "stuck", "list", "--json")
    assert listed.returncode == 0 and all(order_no in listed.stdout for order_no in orders), listed.stderr
    one = await asyncio.to_thread(live.oms, "stuck", "retry", orders[0], "--reason", "carrier is back")
    assert one.returncode == 0, one.stderr + one.stdout
    many = await asyncio.to_thread(live.oms, "stuck", "retry", "--all", "--step", "book", "--reason", "carrier is back")
    assert many.returncode == 0, many.stderr + many.stdout
    for order_no in orders:
        await live.reaches(order_no, "preparing")


async def test_every_event_reaches_a_webhook_signed_and_in_order(live: StackRun, sku: str) -> None:
    taken: list[tuple[dict[str, str], bytes]] = []

    async def receiver(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        taken.append(({key.decode(): value.decode() for key, value in scope["headers"]}, body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with serving(receiver) as url, live.client("operations") as http:
        payload = {"url": f"{url}/hooks"}
        made = await http.post("/v1/webhook-endpoints", json=payload, headers={"Idempotency-Key": secrets.token_hex(8)})
        assert made.status_code == 201, made.text
        order_no = await driver.place(live, driver.basket(sku))
        await live.reaches(order_no, "preparing")
        await driver.carry(live, order_no, "picked_up", "delivered")
        await live.reaches(order_no, "delivered")

        def about() -> list[dict[str, Any]]:
            reported = [json.loads(body) for _, body in taken]
            return [hook for hook in reported if hook["data"]["order_no"] == order_no]

        await until(lambda: len(about()) >= 7, "seven events")
        await http.delete(f"/v1/webhook-endpoints/{made.json()['endpoint_id']}")
    assert [hook["data"]["seq"] for hook in about()] == list(range(1, 8))
    for headers, body in taken:
        Webhook(made.json()["secret"]).verify(body, headers)


async def test_the_commands_tell_the_truth(live: StackRun) -> None:
    for command in (("ledger", "check"), ("doctor",), ("recover",)):
        done = await asyncio.to_thread(live.oms, *command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    token = await asyncio.to_thread(live.oms, "token", "--role", "customer", "--customer", "c-9")
    assert token.stdout.strip().count(".") == 2


async def test_the_documentation_page_needs_nobody_else(live: StackRun) -> None:
    async with httpx.AsyncClient(base_url=live.ready["api"]) as http:
        page = (await http.get("/docs")).text
        assert "//cdn" not in page and "https://" not in page
        spec = (await http.get("/openapi.json")).json()
    for path in ("/v1/orders", "/v1/orders/{order_no}/cancel", "/v1/support/resolve", "/v1/webhooks/{provider}"):
        assert path in spec["paths"]
