"""Who calls too often learns it, and for how long; who is valid is not held up by who is not."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from unittest import mock

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import parse_many
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from pydantic import ValidationError

from api.errors import Problem
from api.http.rate_limits import RateLimits, Rates
from domain.access import Principal, Role
from infra.security import rate_storage
from infra.security.rate_storage import WindowStorage
from infra.settings import Settings
from tests.api.conftest import ApiClient, an_order, open_api, unique
from tests.conftest import DatabaseUrls
from tests.console.conftest import sign_in
from tests.factories.order_changes import change, held, lines, paid, placed, reserved, stocked
from tests.factories.returns import a_return, delivered

FEW = {"rate_limit_token": "5/minute", "rate_limit_customer": "4/minute", "rate_limit_address": "3/minute"}


@pytest.fixture(scope="module", autouse=True)
def _within_a_minute() -> Iterator[None]:
    """No minute ends between two calls of a test."""
    with mock.patch.object(rate_storage, "now", lambda: 1_800_000_030.0):
        yield


@pytest.fixture(scope="module")
async def strict(database_url: DatabaseUrls) -> AsyncIterator[ApiClient]:
    async with open_api(database_url, **FEW) as api:
        yield api


def at(api: ApiClient, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=api.app, client=(address, 5000))
    return httpx.AsyncClient(transport=transport, base_url="http://front.door")


async def test_each_caller_has_a_limit_of_its_own(strict: ApiClient) -> None:
    for role, allowed in (("support", 5), ("channel", 5), ("customer", 4)):
        one, other = strict.as_(role, unique("one")), strict.as_(role, unique("other"))
        answers = [await one.get("/v1/orders") for _ in range(allowed + 1)]
        assert [answer.status_code for answer in answers[:-1]] == [200] * allowed
        left = [answer.headers["ratelimit"].split(";")[1] for answer in answers]
        assert left == [f"r={count}" for count in range(allowed - 1, -1, -1)] + ["r=0"]
        refused = answers[-1]
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit-policy"] == f'"default";q={allowed};w=60'
        assert f"at most {allowed} calls per minute" in refused.json()["detail"]
        assert (await other.get("/v1/orders")).status_code == 200


async def test_a_new_token_is_the_same_caller(strict: ApiClient) -> None:
    name = unique("amy")
    codes = [(await strict.as_("support", name, lifetime_s=600 + n).get("/v1/orders")).status_code for n in range(6)]
    assert codes == [200] * 5 + [429]


async def test_an_address_without_a_token_has_a_limit(strict: ApiClient) -> None:
    async with at(strict, "192.0.2.1") as one, at(strict, "192.0.2.2") as other:
        answers = [await one.get("/console/sign-in") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200] * 3 + [429]
        assert int(answers[-1].headers["retry-after"]) > 0
        assert (await other.get("/console/sign-in")).status_code == 200
        assert [(await one.get(path)).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3


async def test_what_is_no_token_counts_and_what_is_one_is_never_held_up(strict: ApiClient) -> None:
    async with at(strict, "192.0.2.3") as one:
        wrong = {"Authorization": "Bearer no"}
        codes = [(await one.get("/v1/orders", headers=wrong)).status_code for _ in range(4)]
        assert codes == [401] * 3 + [429]
        signed = [(await one.post("/v1/webhooks/sandbox", content=b"{}")).status_code for _ in range(2)]
        assert signed == [429] * 2
        own = strict.as_("support", unique("amy")).headers
        assert (await one.get("/v1/orders", headers=own)).status_code == 200


@pytest.mark.parametrize("path", ["/console/sign-in", "/portal/sign-in", "/openapi.json", "/v1/nowhere", "/nowhere"])
async def test_what_looks_at_no_token_counts_the_address_whatever_is_sent(strict: ApiClient, path: str) -> None:
    async with at(strict, unique("203.0.113")) as one:
        answers = [await one.get(path, headers={"Authorization": "Bearer no"}) for _ in range(4)]
        assert answers[2].status_code in (200, 404) and answers[3].status_code == 429


async def test_an_address_of_ipv6_is_counted_by_its_network(strict: ApiClient) -> None:
    """Whoever has one address there has all of its /64."""
    net = "2001:db8:0:1"
    codes = []
    for last in range(4):
        async with at(strict, f"{net}::{last:x}") as one:
            codes.append((await one.get("/console/sign-in")).status_code)
    assert codes == [200] * 3 + [429]
    async with at(strict, "2001:db8:0:2::1") as neighbour:
        assert (await neighbour.get("/console/sign-in")).status_code == 200


async def test_staff_and_customers_who_are_signed_in_have_one(strict: ApiClient, database_url: DatabaseUrls) -> None:
    async with open_api(database_url, **(FEW | {"rate_limit_address": ""})) as api:
        browser = await sign_in(api, "support")
        assert [(await browser.get("/console")).status_code for _ in range(6)] == [200] * 5 + [429]


@given(st.integers(1, 9), st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 9)), max_size=60))
def test_calls_are_counted_as_in_the_storage_of_the_library(most: int, calls: list[tuple[str, float]]) -> None:
    now_s = 1_000_000.0
    (item,) = parse_many(f"{most} per 4 seconds")
    rates = Rates(f"{most} per 4 seconds", WindowStorage(lambda: now_s))
    with mock.patch("time.time", lambda: now_s), mock.patch("threading.Timer"):
        library = SlidingWindowCounterRateLimiter(MemoryStorage())
        for name, passed_s in calls:
            now_s += passed_s
            ((taken, allowance),) = rates.hit(name)
            assert taken == library.hit(item, name)
            assert allowance.left == library.get_window_stats(item, name).remaining
            assert 1 <= allowance.reset_s <= 4


def test_of_any_number_of_callers_the_last_ones_are_counted() -> None:
    now_s = 1_000_000.0
    storage = WindowStorage(lambda: now_s, most=3)
    rates = Rates("2/minute", storage)

    def left(name: str) -> list[int]:
        return [allowance.left for _, allowance in rates.hit(name)]

    assert [left(name) for name in ("a", "a", "b", "c", "d")] == [[1], [0], [1], [1], [1]]
    assert [left(name) for name in ("d", "c", "b")] == [[0]] * 3, "these three are the last"
    assert left("a") == [1], "the first one is forgotten"
    assert storage.reset() == 3


def test_what_no_window_covers_is_forgotten_with_the_first_call_of_anybody() -> None:
    now_s = 1_000_020.0
    storage = WindowStorage(lambda: now_s)
    rates = Rates("2/minute", storage)
    for number in range(100):
        rates.hit(f"address:{number}")
    now_s += 120
    rates.hit("one")
    assert storage.reset() == 1


def test_a_storage_forgets_a_caller_when_asked_to() -> None:
    storage = WindowStorage(lambda: 1_000_000.0)
    limiter, (item,) = SlidingWindowCounterRateLimiter(storage), parse_many("1/minute")
    assert [limiter.hit(item, name) for name in "aab"] == [True, False, True]
    limiter.clear(item, "a")
    assert [limiter.hit(item, name) for name in "ab"] == [True, False]
    storage.clear(item.key_for("b"))
    assert limiter.test(item, "b") and storage.check()


def test_tokens_customers_and_addresses_do_not_push_each_other_out() -> None:
    with mock.patch.object(rate_storage, "MOST_CALLERS", 2):
        limits = RateLimits(Settings(rate_limit_token="1/minute", rate_limit_address="9/minute"))
    amy = Principal(Role.SUPPORT, "amy")
    limits.caller(amy)
    for number in range(9):
        limits.address(f"192.0.2.{number}")
    with pytest.raises(Problem, match="at most 1 calls per minute"):
        limits.caller(amy)


@pytest.mark.parametrize("rate", ["many", "5/fortnight", "-1/second", "5"])
def test_a_rate_that_is_none_is_refused_at_start(rate: str) -> None:
    with pytest.raises(ValidationError, match="must be rates such as"):
        Settings(rate_limit_token=rate)


async def test_without_limits_nothing_is_counted(database_url: DatabaseUrls) -> None:
    async with open_api(database_url, **dict.fromkeys(FEW, "")) as api:
        answer = await api.as_("support").get("/v1/orders")
        assert (answer.status_code, "ratelimit" in answer.headers) == (200, False)


async def test_every_answer_says_how_it_may_be_treated(shop: ApiClient) -> None:
    order_no = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    for path in (
        f"/v1/orders/{order_no}",
        "/v1/orders/none",
        "/openapi.json",
        "/metrics",
        "/nowhere",
        "/v1/products/static",
    ):
        answer = await shop.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["cache-control"] == "no-store", path
        assert "strict-transport-security" not in answer.headers
    secure = await shop.http.get(f"https://front.door/v1/orders/{order_no}", headers=shop.headers)
    assert secure.headers["strict-transport-security"] == "max-age=31536000"


async def test_a_customer_holds_so_many_unpaid_units(database_url: DatabaseUrls, shop: ApiClient) -> None:
    async with open_api(database_url, unpaid_units_per_customer=10) as api:
        me = unique("c")
        mine, who = api.as_("customer", me), {"id": me, "name": "N", "email": None, "phone": None}

        def order(units: int) -> dict[str, object]:
            return an_order(quantity=units, customer=who, payment=None)

        answers = await asyncio.gather(*(mine.post("/v1/orders", order(4)) for _ in range(6)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [201, 201, 409, 409, 409, 409]
        refused = next(answer.json() for answer in answers if answer.status_code == 409)
        assert refused["code"] == "unpaid_limit_reached" and "at most 10 units" in refused["detail"]
        order_no = next(answer.json()["order_no"] for answer in answers if answer.status_code == 201)
        more = {"lines": [{"sku": "TEA-1", "quantity": 7}]}
        changed = await mine.http.patch(
            f"/v1/orders/{order_no}", json=more, headers=mine.headers | {"Idempotency-Key": "more", "If-Match": "*"}
        )
        assert (changed.status_code, changed.json()["code"]) == (409, "unpaid_limit_reached")
        assert (await api.as_("support").post("/v1/orders", order(40))).status_code == 201
        assert (await mine.post("/v1/orders", order(2))).status_code == 201
        assert (await mine.post("/v1/orders", order(1))).status_code == 409


async def test_units_of_a_change_that_waits_for_its_payment_are_unpaid_ones(
    database_url: DatabaseUrls, shop: ApiClient
) -> None:
    async with open_api(database_url, unpaid_units_per_customer=10) as api:
        support, me, sku = api.as_("support", "amy"), unique("c"), await stocked(shop, units=100)
        mine, who = api.as_("customer", me), {"id": me, "name": "N", "email": None, "phone": None}
        first, second = [await placed(support, sku, 1, customer=who) for _ in range(2)]
        for number in (first, second):
            await reserved(support, number)
            await paid(support, number)
        later = {"payment": {"method": "sandbox", "token": "tok_pending"}}
        much = await change(mine, first, lines(**{sku: 12}) | later, tag="*")
        assert (much.status_code, much.json()["code"]) == (409, "unpaid_limit_reached")
        assert (await change(mine, first, lines(**{sku: 7}) | later, tag="*")).status_code == 200
        assert await held(shop, first) == {sku: 7}
        again = await change(mine, second, lines(**{sku: 7}) | later, tag="*")
        assert (again.status_code, again.json()["code"]) == (409, "unpaid_limit_reached")
        assert await held(shop, second) == {sku: 1}
        new = await mine.post("/v1/orders", an_order(sku, 5, customer=who, payment=None))
        assert (new.status_code, new.json()["code"]) == (409, "unpaid_limit_reached")
        by_staff = await change(support, second, lines(**{sku: 20}) | later, tag="*")
        assert by_staff.status_code == 200, "staff answers for what it holds"


async def test_goods_wanted_in_exchange_are_unpaid_where_the_old_ones_do_not_pay_them(
    database_url: DatabaseUrls,
) -> None:
    async with open_api(database_url, unpaid_units_per_customer=10) as api:
        support, me = api.as_("support", "amy"), unique("c")
        mine, who = api.as_("customer", me), {"id": me, "name": "N", "email": None, "phone": None}
        old = [await delivered(support, quantity=20, customer=who) for _ in range(4)]

        async def request(number: str, units: int, back: int = 1) -> tuple[int, str]:
            new = [{"sku": "TEA-2", "quantity": units}]
            body = a_return(quantity=back, resolution="exchange", exchange_lines=new, advance=True)
            card = {"payment": {"method": "sandbox", "token": "tok_ok"}}
            answer = await mine.post(f"/v1/orders/{number}/returns", body | card)
            return answer.status_code, answer.json().get("code", "")

        assert await request(old[0], 11) == (409, "unpaid_limit_reached")
        codes = await asyncio.gather(*(request(number, 6) for number in old[:3]))
        assert sorted(codes) == [(201, ""), (409, "unpaid_limit_reached"), (409, "unpaid_limit_reached")]
        assert await request(old[3], 12, back=20) == (201, ""), "what comes back pays these"
        new = await mine.post("/v1/orders", an_order(quantity=5, customer=who, payment=None))
        assert (new.status_code, new.json()["code"]) == (409, "unpaid_limit_reached")
