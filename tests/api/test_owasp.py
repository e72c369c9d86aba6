"""The OWASP API Security Top 10 (2023), one test each; many have more beside them in this folder."""

import re
from collections.abc import Iterator

import jwt
import pytest
from fastapi.routing import APIRoute

from api.app import ROUTERS
from tests.api.conftest import TOKEN_SECRET, ApiClient, an_order, unique
from tests.api.test_access import MATRIX, NUMBER
from tests.console.conftest import sign_in

OPEN = {"/healthz", "/readyz", "/metrics", "/v1/webhooks/{provider}", "/v1/pictures/{picture_id}"}
# Every caller with a token may look these up or sees only their own: the check is on the object, not on the role.
BY_OBJECT = re.compile(r"^(GET|PATCH) /v1/(orders/\{order_no\}(/events|/messages|/refunds)?|refunds/\{refund_id\})$")


def calls(shop: ApiClient) -> Iterator[tuple[str, str]]:
    """Every method and path that the document shows programs."""
    for path, methods in shop.app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path


async def placed_by(shop: ApiClient, customer: str) -> str:
    order = an_order(customer={"id": customer, "name": "N", "email": None, "phone": None})
    answer = await shop.post("/v1/orders", order)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def test_api1_no_call_on_an_order_tells_another_customer_that_it_is_there(shop: ApiClient) -> None:
    order_no, stranger = await placed_by(shop, unique("c")), shop.as_("customer", unique("c"))
    requested = 0
    for method, path in calls(shop):
        if "/orders/{order_no}" not in path or path.startswith("/v1/support"):
            continue
        body = {"reason": "x", "method": "sandbox", "token": "tok_ok"}
        body = {name: body[name] for name in (("reason",) if "cancel" in path else ("method", "token"))}
        headers = stranger.headers | {"Idempotency-Key": unique("k")}
        sent = None if method == "GET" else body
        reported = []
        for number in (order_no, NUMBER):  # one that is there and one that is not
            address = re.sub(r"\{\w+\}", "1", path.replace("{order_no}", number))
            answer = await shop.http.request(method, address, json=sent, headers=headers)
            reported.append((answer.status_code, answer.json()["code"]))
        # What is for staff alone is refused before anything is looked up.
        assert reported[0] == reported[1], (method, path, reported)
        assert reported[0] in ((404, "order_not_found"), (403, "forbidden")), (method, path, reported)
        requested += reported[0][0] == 404
    assert requested >= 4


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
async def test_api2_a_token_that_picks_its_own_algorithm_is_none(shop: ApiClient, algorithm: str) -> None:
    claims = {"sub": "root", "role": "admin", "exp": 4_000_000_000, "iat": 1}
    secret = TOKEN_SECRET * 2 if algorithm == "HS512" else ""
    forged = jwt.encode(claims, secret, algorithm=algorithm)
    answer = await shop.http.get("/v1/orders", headers={"Authorization": f"Bearer {forged}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


@pytest.mark.parametrize(
    "body",
    [{"status": "paid"}, {"total_minor": 1}, {"placed_by": "admin:root"}, {"order_no": "1"}, {"warehouse": "WH-1"}],
    ids=lambda body: next(iter(body)),
)
async def test_api3_nothing_is_assigned_that_the_call_does_not_name(shop: ApiClient, body: dict[str, object]) -> None:
    before = await shop.row_counts()
    answer = await shop.as_("customer", "c-17").post("/v1/orders", an_order() | body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field"), answer.text
    assert (await shop.row_counts())["orders"] == before["orders"]


@pytest.mark.parametrize(
    "change",
    [
        {"lines": [{"sku": "TEA-1", "quantity": 1}] * 10_000},
        {"lines": [{"sku": "TEA-1", "quantity": 10**18}]},
        {"note": "x" * 100_000},
    ],
    ids=["lines", "quantity", "note"],
)
async def test_api4_one_call_cannot_ask_for_everything(shop: ApiClient, change: dict[str, object]) -> None:
    assert (await shop.post("/v1/orders", an_order() | change)).status_code in (413, 422)
    assert (await shop.get("/v1/orders", limit=1_000_000)).status_code == 422


async def test_api5_every_call_is_in_the_table_of_roles(shop: ApiClient) -> None:
    """A new call cannot come without somebody having said who may make it."""
    known = {(method, re.sub(r"/\{[^}]+\}", "/*", path)) for method, path in _as_routes()}
    missing = [
        f"{method} {path}"
        for method, path in calls(shop)
        if path not in OPEN
        and not BY_OBJECT.match(f"{method} {path}")
        and (method, re.sub(r"/\{[^}]+\}", "/*", path)) not in known
    ]
    assert not missing


IDS = r"0F9C9T-3J0000-00000X(?:-F1)?|TEA-1|WH-EAST|[a-z]+_1|INV-2026-000001|c-17|S-1|amy|web|x|1"


def _as_routes() -> Iterator[tuple[str, str]]:
    for method, path in MATRIX:
        yield method, re.sub(rf"/({IDS})(?=/|\.pdf|$)", "/{id}", path)


async def test_api6_guessing_at_the_sign_in_is_slowed_and_reported(shop: ApiClient) -> None:
    name = unique("nobody")
    for _ in range(6):
        body = {"name": name, "password": "wrong", "code": "000000"}
        answer = await shop.http.post("/console/sign-in", data=body)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("url", ["https://169.254.169.254/latest", "https://[::1]/", "https://localhost/"])
async def test_api7_a_webhook_does_not_reach_inside(shop: ApiClient, url: str) -> None:
    answer = await shop.as_("operations").post("/v1/webhook-endpoints", {"url": url})
    assert answer.status_code == 422, answer.text


async def test_api8_pages_and_refusals_say_nothing_of_the_inside(shop: ApiClient) -> None:
    for path in ("/v1/nothing", "/v1/orders?cursor=%00", "/console/orders/%00"):
        answer = await shop.http.get(path, headers=shop.headers | {"Origin": "https://evil.example"})
        assert answer.status_code < 500, path
        assert "Traceback" not in answer.text and "access-control-allow-origin" not in answer.headers
    page = await (await sign_in(shop, "support")).get("/console")
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_api9_every_call_to_programs_is_documented(shop: ApiClient) -> None:
    documented = set(calls(shop))
    served = {
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.path.startswith("/v1/")
        for method in route.methods
    }
    assert len(served) > 20 and served <= documented


async def test_api10_a_fact_without_a_good_signature_is_not_believed(shop: ApiClient) -> None:
    before = await shop.row_counts()
    headers = {"webhook-id": "e", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    answer = await shop.http.post("/v1/webhooks/sandbox", json={"type": "payment"}, headers=headers)
    assert answer.status_code == 401, answer.text
    assert await shop.row_counts() == before
