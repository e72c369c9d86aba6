"""The new goods go out first, against a guarantee that is given back or claimed, once, on real servers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest

from activities.after_sales.guarantees import GuaranteeActivities
from activities.payments.gateway_calls import GatewayCalls
from domain.gateways import GatewayResult, PaymentGateway
from infra.gateways.registry import build_payments
from infra.provider_rules import authorisation_periods
from infra.stack.temporal.temporal_server import TemporalServer
from tests.api.conftest import unique
from tests.conftest import DatabaseUrls
from tests.factories.purchases import CHEAP, OLD, Buyer, inconsistencies, shop_open
from tests.factories.returns import a_return
from tests.integration.conftest import Office
from tests.order_stage import eventually
from workflows import names
from workflows.payloads import GuaranteeRef


@pytest.fixture(scope="module")
async def office(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with shop_open(database_url, temporal, tmp_path_factory.mktemp("exchanges")) as opened:
        yield opened


@pytest.fixture
def buyer(office: Office) -> Buyer:
    return Buyer(office)


@pytest.fixture(autouse=True)
async def ledger_is_consistent(office: Office) -> AsyncIterator[None]:
    yield
    assert not await inconsistencies(office)


CARD = {"method": "sandbox", "token": "tok_ok"}


def guarantees(buyer: Buyer, order_no: str) -> list[tuple[str, int]]:
    """What the provider believes of the guarantee: everything beside the order's own authorisation and capture."""
    items = buyer.office.stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
    done = [item for item in items if item["status"] == "succeeded" and "/guarantee/" in item["idempotency_key"]]
    return [(item["kind"], item["amount_minor"]) for item in done]


async def guarantee_is(buyer: Buyer, return_id: str, status: str) -> None:
    async def there() -> bool:
        guarantee = (await buyer.detail(return_id))["exchange"]["guarantee"]
        return bool(guarantee["status"] == status)

    await eventually(there)


async def times_out(buyer: Buyer, return_id: str) -> None:
    """Its deadline has come, as its own story sees it."""
    await buyer.office.stage.sql(
        "UPDATE returns SET reminded_at = now(), deadline = now() WHERE return_id = :r", r=return_id
    )
    handle = buyer.office.stage.client.get_workflow_handle(names.return_workflow(return_id))
    await handle.signal(names.RETURN_CHANGED)


async def begun(buyer: Buyer, **options: Any) -> tuple[str, str, str]:
    """(order, return, new order) of an advance exchange whose guarantee is authorised."""
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no, advance=True, payment=CARD, **options)
    new = await buyer.new_order(return_id)
    return order_no, return_id, new["order_no"]


async def test_the_old_goods_come_and_the_guarantee_is_given_back(buyer: Buyer) -> None:
    order_no, return_id, new = await begun(buyer)
    assert guarantees(buyer, order_no) == [("authorise", 1_000)]
    await buyer.gets(new)  # before anything came back
    assert (await buyer.detail(return_id))["status"] == "approved"

    await buyer.sends_back(return_id)
    done = await buyer.becomes(return_id, "completed")
    assert done["exchange"]["guarantee"]["status"] == "released"
    assert guarantees(buyer, order_no) == [("authorise", 1_000), ("void", 1_000)]
    assert await buyer.retained_minor(order_no, new) == 1_000
    events = await buyer.office.stage.events(order_no)
    wanted = ("guarantee_authorised", "exchange_sent", "guarantee_released")
    assert [kind for kind in events if kind in wanted] == list(wanted)


async def test_the_old_goods_never_come_and_the_guarantee_is_claimed_once(buyer: Buyer) -> None:
    order_no, return_id, new = await begun(buyer)
    buyer.office.stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="capture")
    await times_out(buyer, return_id)
    await buyer.becomes(return_id, "expired")
    await guarantee_is(buyer, return_id, "claimed")
    assert guarantees(buyer, order_no) == [("authorise", 1_000), ("capture", 1_000)]
    assert await buyer.retained_minor(order_no, new) == 2_000  # two pieces, two paid
    assert (await buyer.office.stage.events(order_no)).count("guarantee_claimed") == 1


async def test_what_comes_after_it_was_claimed_is_paid_for(buyer: Buyer) -> None:
    order_no, return_id, new = await begun(buyer)
    await times_out(buyer, return_id)
    await guarantee_is(buyer, return_id, "claimed")
    await buyer.gets(new)
    await buyer.sends_back(return_id)
    await buyer.becomes(return_id, "completed")
    assert await buyer.retained_minor(order_no, new) == 1_000


@pytest.mark.parametrize("attempt", range(3))
async def test_at_the_very_deadline_it_is_given_back_or_claimed_and_never_both(buyer: Buyer, attempt: int) -> None:
    order_no, return_id, new = await begun(buyer)
    await buyer.gets(new)
    await asyncio.gather(times_out(buyer, return_id), buyer.sends_back(return_id))
    await buyer.becomes(return_id, "completed")
    ends = guarantees(buyer, order_no)[1:]
    assert ends in ([("void", 1_000)], [("capture", 1_000)])
    assert await buyer.retained_minor(order_no, new) == 1_000


async def test_a_customer_who_keeps_both_pays_for_both(buyer: Buyer) -> None:
    order_no, return_id, new = await begun(buyer)
    response = await buyer.api.post(f"/v1/returns/{return_id}/cancel", {})
    assert response.status_code == 200, response.text
    await guarantee_is(buyer, return_id, "claimed")
    assert await buyer.retained_minor(order_no, new) == 2_000


async def test_what_comes_damaged_costs_its_share(buyer: Buyer) -> None:
    """Nothing of what is missing is worth anything: all of it is claimed, although the parcel came."""
    order_no, return_id, new = await begun(buyer)
    await buyer.gets(new)
    await buyer.sends_back(return_id, condition="missing")
    await buyer.becomes(return_id, "completed")
    assert guarantees(buyer, order_no)[1:] == [("capture", 1_000)]
    assert await buyer.retained_minor(order_no, new) == 2_000


async def test_a_declined_guarantee_makes_it_an_ordinary_exchange(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no, advance=True, payment={"method": "sandbox", "token": "tok_decline"})
    await guarantee_is(buyer, return_id, "declined")
    assert "guarantee_declined" in await buyer.office.stage.events(order_no)
    assert (await buyer.detail(return_id))["exchange"]["order_no"] is None
    await buyer.sends_back(return_id)
    new = await buyer.new_order(return_id)
    await buyer.gets(new["order_no"])
    await buyer.becomes(return_id, "completed")
    assert await buyer.retained_minor(order_no, new["order_no"]) == 1_000


async def test_a_guarantee_whose_answer_was_lost_is_authorised_once(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    buyer.office.stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="authorise")
    return_id = await buyer.asks(order_no, advance=True, payment=CARD)
    new = (await buyer.new_order(return_id))["order_no"]
    assert guarantees(buyer, order_no) == [("authorise", 1_000)]
    await buyer.gets(new)
    await buyer.sends_back(return_id)
    await buyer.becomes(return_id, "completed")
    assert guarantees(buyer, order_no) == [("authorise", 1_000), ("void", 1_000)]
    assert await buyer.retained_minor(order_no, new) == 1_000


async def test_a_cheaper_one_leaves_money_when_the_old_goods_are_here(buyer: Buyer) -> None:
    order_no, return_id, new = await begun(buyer, exchange_lines=[{"sku": CHEAP, "quantity": 1}])
    assert guarantees(buyer, order_no) == [("authorise", 700)]
    await buyer.gets(new)
    assert await buyer.retained_minor(order_no, new) == 1_000
    await buyer.sends_back(return_id)
    await buyer.becomes(return_id, "completed")
    assert await buyer.retained_minor(order_no, new) == 700


async def test_new_goods_that_cannot_go_out_give_the_guarantee_back(buyer: Buyer) -> None:
    rare = unique("RARE")
    await buyer.office.stage.stock(rare, 1, price_minor=1_000)
    order_no, return_id, new = await begun(buyer, exchange_lines=[{"sku": rare, "quantity": 2}])
    await buyer.office.stage.reaches(new, "cancelled")
    await guarantee_is(buyer, return_id, "released")
    assert await buyer.retained_minor(order_no, new) == 1_000  # the customer still has the old goods
    await buyer.sends_back(return_id)
    await buyer.becomes(return_id, "completed")
    assert await buyer.retained_minor(order_no, new) == 0


async def test_a_guarantee_that_cannot_be_claimed_parks_and_is_given_up_by_support(buyer: Buyer) -> None:
    order_no, return_id, _ = await begun(buyer)
    buyer.office.stage.fault("payments", "reject", 1, order_no=order_no, kind="capture")
    await times_out(buyer, return_id)
    parked = await buyer.office.stage.parked(order_no)
    assert (parked.step, list(parked.options)) == ("guarantee", ["retry", "skip"])
    body = {"action": "skip", "reason": "the card is gone"}
    done = await buyer.office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", body)
    assert done.status_code == 200, done.text
    await guarantee_is(buyer, return_id, "given_up")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"advance": True}, "guarantee_payment_missing"),
        ({"payment": CARD}, "advance_not_expected"),
        ({"advance": True, "payment": CARD, "resolution": "refund"}, "advance_not_expected"),
        ({"advance": True, "payment": {"method": "gold", "token": "x"}}, "unknown_payment_method"),
    ],
)
async def test_bad_requests_are_refused(buyer: Buyer, options: dict[str, Any], code: str) -> None:
    order_no = await buyer.buys()
    body = a_return(OLD, 1, **{"resolution": "exchange", **options})
    for path in (f"/v1/orders/{order_no}/returns", f"/v1/orders/{order_no}/returns?preview=true"):
        answer = await buyer.api.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


@pytest.mark.parametrize("late", ["cancelled", "received"])
async def test_an_answer_that_was_lost_while_nobody_wants_it_any_more_is_given_back(buyer: Buyer, late: str) -> None:
    order_no = await buyer.buys()
    buyer.office.stage.fault("payments", "timeout_after", 3, order_no=order_no)
    return_id = await buyer.asks(order_no, advance=True, payment=CARD)
    await eventually(lambda: guarantees(buyer, order_no))
    if late == "cancelled":
        assert (await buyer.api.post(f"/v1/returns/{return_id}/cancel", {})).status_code == 200
    else:
        await buyer.sends_back(return_id)
    await eventually(lambda: guarantees(buyer, order_no) == [("authorise", 1_000), ("void", 1_000)])
    await guarantee_is(buyer, return_id, "released")
    assert (await buyer.office.stage.events(order_no)).count("guarantee_released") == 1


async def test_support_goes_on_without_an_answer_that_nobody_wants_any_more(buyer: Buyer) -> None:
    stage = buyer.office.stage
    order_no = await buyer.buys()
    stage.fault("payments", "down", 200, order_no=order_no)
    return_id = await buyer.asks(order_no, advance=True, payment=CARD)
    await stage.parked(order_no)
    assert (await buyer.api.post(f"/v1/returns/{return_id}/cancel", {})).status_code == 200
    await stage.parked(order_no)  # what became of it is still asked for, and nobody answers
    body = {"action": "skip", "reason": "the provider is gone"}
    answer = await buyer.office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", body)
    assert answer.status_code == 200, answer.text

    async def gone_on() -> bool:
        events = await stage.events(order_no)
        return "guarantee_given_up" in events and not await stage.sql(
            "SELECT 1 FROM parked_steps WHERE order_no = :o AND resolved_at IS NULL", o=order_no
        )

    await eventually(gone_on)
    stage.sandbox.http.delete("/faults")
    assert guarantees(buyer, order_no) == []


async def test_a_yes_that_comes_after_support_went_on_without_it_is_given_back(buyer: Buyer) -> None:
    stage = buyer.office.stage
    order_no = await buyer.buys()
    stage.fault("payments", "timeout_after", 200, order_no=order_no)
    return_id = await buyer.asks(order_no, advance=True, payment=CARD)
    await stage.parked(order_no)
    body = {"action": "skip", "reason": "the provider is gone"}
    answer = await buyer.office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", body)
    assert answer.status_code == 200, answer.text
    await guarantee_is(buyer, return_id, "declined")
    stage.sandbox.http.delete("/faults")
    (yes,) = [
        one
        for one in stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
        if "/guarantee/" in one["idempotency_key"]
    ]
    names_ = ("idempotency_key", "kind", "status", "amount_minor", "currency")
    await stage.inbox("payment", order_no, {name: yes[name] for name in names_} | {"provider_ref": yes["id"]})
    await guarantee_is(buyer, return_id, "released")
    assert guarantees(buyer, order_no) == [("authorise", 1_000), ("void", 1_000)]


async def test_skipping_a_guarantee_step_leaves_that_of_another_return_alone(buyer: Buyer) -> None:
    stage = buyer.office.stage
    order_no = await buyer.buys(quantity=2)
    stage.fault("payments", "down", 200, order_no=order_no)
    first = await buyer.asks(order_no, advance=True, payment=CARD)
    parked = await stage.parked(order_no)
    assert (parked.step, parked.subject, parked.amount_minor) == ("guarantee", first, 1_000)
    assert (await buyer.api.post(f"/v1/returns/{first}/cancel", {})).status_code == 200
    second = await buyer.asks(order_no, advance=True, payment=CARD)
    stage.sandbox.http.delete("/faults")
    answer = await buyer.office.staff("ann").post(
        f"/v1/support/orders/{order_no}/resolve", {"action": "skip", "reason": "nobody wants it any more"}
    )
    assert answer.status_code == 200, answer.text
    await guarantee_is(buyer, second, "authorised")
    await guarantee_is(buyer, first, "dropped")


async def test_a_dear_guarantee_is_not_given_up_by_one_person(buyer: Buyer) -> None:
    stage, expensive = buyer.office.stage, unique("GOLD")
    await stage.stock(expensive, 10, price_minor=150_000)
    order_no = await buyer.buys(expensive)
    lines = [{"sku": expensive, "quantity": 1}]
    return_id = await buyer.asks(order_no, expensive, advance=True, payment=CARD, exchange_lines=lines)
    assert (await buyer.office.staff("ann").post(f"/v1/returns/{return_id}/approve", {})).status_code == 200
    await buyer.new_order(return_id)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="capture")
    await times_out(buyer, return_id)
    assert (await stage.parked(order_no)).amount_minor == 150_000
    body = {"action": "skip", "reason": "the card is gone"}
    response = await buyer.office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", body)
    assert (response.status_code, response.json()["amount_minor"]) == (202, 150_000), response.text
    yes = f"/v1/support/approvals/{response.json()['approval_id']}/approve"
    assert (await buyer.office.staff("ben").post(yes, {"reason": "I know him"})).status_code == 200
    await guarantee_is(buyer, return_id, "given_up")


async def test_skipping_stuck_surplus_leaves_an_authorised_guarantee_alone(buyer: Buyer) -> None:
    stage = buyer.office.stage
    order_no, return_id, _ = await begun(buyer)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    surplus = {"provider_ref": f"twice-{order_no}", "kind": "capture", "status": "succeeded", "currency": "CNY"}
    await stage.inbox("payment", order_no, {**surplus, "amount_minor": 300})
    assert (await stage.parked(order_no)).subject == "stray"
    body = {"action": "skip", "reason": "by bank", "value": {"reference": "bank-1"}}
    answer = await buyer.office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", body)
    assert answer.status_code == 200, answer.text
    await buyer.sends_back(return_id)
    await guarantee_is(buyer, return_id, "released")
    assert guarantees(buyer, order_no) == [("authorise", 1_000), ("void", 1_000)]


class InFlight:
    """A provider that answers only after support went on without it."""

    def __init__(self, gateway: Any, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._gateway, self._meanwhile = gateway, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    async def capture(self, *args: Any) -> GatewayResult:
        taken: GatewayResult = await self._gateway.capture(*args)
        await self._meanwhile()
        return taken


async def test_a_claim_that_succeeds_after_it_was_given_up_is_kept_and_given_back(buyer: Buyer) -> None:
    stage = buyer.office.stage
    order_no, return_id, new = await begun(buyer)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="capture")
    await times_out(buyer, return_id)
    await stage.parked(order_no)

    async def given_up() -> None:
        body = {"action": "skip", "reason": "the provider is gone"}
        done = await buyer.office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", body)
        assert done.status_code == 200, done.text
        await guarantee_is(buyer, return_id, "given_up")

    gateways = cast(
        dict[str, PaymentGateway], {"sandbox": InFlight(build_payments(stage.settings)["sandbox"], given_up)}
    )
    calls = GatewayCalls(stage.database, gateways)
    processing = GuaranteeActivities(stage.database, calls, stage.vault, stage.settings)
    await processing.process_due_guarantee(GuaranteeRef(order_no, return_id))
    assert guarantees(buyer, order_no) == [("authorise", 1_000), ("capture", 1_000)]

    async def back() -> bool:
        return await buyer.retained_minor(order_no, new) == 1_000

    await eventually(back, 60)


async def test_an_exchange_whose_terms_outlive_its_guarantee_is_refused(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_no = await buyer.buys()
    monkeypatch.setitem(authorisation_periods.LIFETIMES_S, "sandbox", 7 * 86_400)
    monkeypatch.setattr(authorisation_periods, "is_renewable", lambda provider, token: False)
    for path in (f"/v1/orders/{order_no}/returns", f"/v1/orders/{order_no}/returns?preview=true"):
        answer = await buyer.api.post(path, a_return(OLD, 1, resolution="exchange", advance=True, payment=CARD))
        assert (answer.status_code, answer.json()["code"]) == (422, "guarantee_would_expire"), answer.text
    assert await buyer.asks(order_no)
