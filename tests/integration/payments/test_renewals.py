"""Authorisations that end before their time are authorised anew, once, on real servers; and what is done without."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest

from activities.payments.gateway_calls import GatewayCalls
from activities.payments.order_payments import PaymentActivities
from activities.payments.renewals import RenewalActivities
from domain.gateways import GatewayResult, PaymentGateway
from infra.db.autocommit import autocommit
from infra.db.payments import renewals
from infra.gateways.registry import build_payments
from infra.provider_rules import authorisation_periods
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.purchases import OLD, Buyer, inconsistencies, shop_open
from tests.integration.conftest import Office
from tests.order_stage import Stage, eventually
from workflows import names
from workflows.payloads import RenewalRef

PATIENT_S = 60.0
CARD = {"method": "sandbox", "token": "tok_ok@3600"}


@pytest.fixture(scope="module")
async def office(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with shop_open(database_url, temporal, tmp_path_factory.mktemp("renewals")) as opened:
        yield opened


@pytest.fixture
def stage(office: Office) -> Stage:
    return office.stage


@pytest.fixture
def buyer(office: Office) -> Buyer:
    return Buyer(office)


@pytest.fixture(autouse=True)
async def ledger_is_consistent(office: Office) -> AsyncIterator[None]:
    yield
    assert not await inconsistencies(office)


# ── how time passes ────────────────────────────────────────────────────────────────────────────────────────────────


async def ends_soon(stage: Stage, order_no: str, *, ended: bool = False) -> None:
    """It is time to see to the authorisations of the order, as the relay sees it; `ended`: they hold nothing more."""
    end = "least(expires_at, now())" if ended else "expires_at"
    await stage.sql(
        f"UPDATE payments SET expires_at = {end} WHERE order_no = :o AND renew_at IS NOT NULL AND purpose <> 'stray'",
        o=order_no,
    )
    await stage.sql("UPDATE payments SET renew_at = now() WHERE order_no = :o AND renew_at IS NOT NULL", o=order_no)
    async with autocommit(stage.database) as conn:
        await renewals.signal(conn, 1_000)


async def live(stage: Stage, order_no: str) -> list[Any]:
    """The authorisations that hold money, as the database says."""
    return await stage.sql(
        "SELECT a.payment_id, a.attempt, a.purpose, a.renews, a.provider_ref FROM payments a WHERE a.order_no = :o "
        "AND a.kind = 'authorise' AND a.status = 'succeeded' AND NOT EXISTS (SELECT FROM payments e "
        "WHERE e.parent_id = a.payment_id AND e.status = 'succeeded')",
        o=order_no,
    )


async def renewed(stage: Stage, order_no: str, times: int = 1) -> None:
    """The new authorisation stands, and it alone."""

    async def there() -> bool:
        events = await stage.events(order_no)
        return events.count("authorisation_renewed") == times and len(await live(stage, order_no)) == 1

    await eventually(there, PATIENT_S)
    assert held_at_the_provider(stage, order_no) == 1


def held_at_the_provider(stage: Stage, order_no: str) -> int:
    """How many authorisations it believes to stand."""
    items = stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
    done = [item for item in items if item["status"] == "succeeded"]
    ended = {item["parent_id"] for item in done}
    return len([item for item in done if item["kind"] == "authorise" and item["id"] not in ended])


async def noted(stage: Stage, order_no: str, event: str) -> None:
    async def there() -> bool:
        return event in await stage.events(order_no)

    await eventually(there, PATIENT_S)


async def no_extra_requests(stage: Stage, order_no: str, authorisations: int) -> None:
    items = stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
    done = [item for item in items if item["kind"] == "authorise" and item["status"] == "succeeded"]
    assert len(done) == authorisations


# ── guarantees ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def guaranteed(buyer: Buyer) -> tuple[str, str, str]:
    """(order, return, new order) of an advance exchange whose guarantee ends in an hour."""
    order_no = await buyer.buys()
    return_id = await buyer.asks(order_no, advance=True, payment=CARD)
    new = await buyer.new_order(return_id)
    return order_no, return_id, new["order_no"]


async def guarantee_is(buyer: Buyer, return_id: str, status: str) -> None:
    async def there() -> bool:
        return bool((await buyer.detail(return_id))["exchange"]["guarantee"]["status"] == status)

    await eventually(there, PATIENT_S)


async def times_out(buyer: Buyer, return_id: str) -> None:
    await buyer.office.stage.sql(
        "UPDATE returns SET reminded_at = now(), deadline = now() WHERE return_id = :r", r=return_id
    )
    handle = buyer.office.stage.client.get_workflow_handle(names.return_workflow(return_id))
    await handle.signal(names.RETURN_CHANGED)


async def test_a_guarantee_is_renewed_as_often_as_needed_and_claimed_from_the_newest(
    buyer: Buyer, stage: Stage
) -> None:
    order_no, return_id, new = await guaranteed(buyer)
    for times in (1, 2):
        await ends_soon(stage, order_no)
        await renewed(stage, order_no, times)
    (standing,) = await live(stage, order_no)
    await times_out(buyer, return_id)
    await guarantee_is(buyer, return_id, "claimed")
    (claim,) = await stage.sql(
        "SELECT parent_id FROM payments WHERE order_no = :o AND kind = 'capture' AND purpose = 'guarantee'", o=order_no
    )
    assert claim.parent_id == standing.payment_id
    assert await buyer.retained_minor(order_no, new) == 2_000
    assert held_at_the_provider(stage, order_no) == 0


async def test_a_renewed_guarantee_is_given_back_when_the_old_goods_come(buyer: Buyer, stage: Stage) -> None:
    order_no, return_id, new = await guaranteed(buyer)
    await ends_soon(stage, order_no)
    await renewed(stage, order_no)
    await buyer.gets(new)
    await buyer.sends_back(return_id)
    await buyer.becomes(return_id, "completed")
    await guarantee_is(buyer, return_id, "released")
    assert (held_at_the_provider(stage, order_no), await buyer.retained_minor(order_no, new)) == (0, 1_000)


async def test_a_guarantee_that_is_not_renewed_is_claimed_and_paid_back_when_the_goods_come(
    buyer: Buyer, stage: Stage
) -> None:
    order_no, return_id, new = await guaranteed(buyer)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="authorise")
    await ends_soon(stage, order_no)
    await guarantee_is(buyer, return_id, "claimed")
    assert await buyer.retained_minor(order_no, new) == 2_000
    assert (await stage.events(order_no)).count("authorisation_not_renewed") == 1
    await buyer.gets(new)
    await buyer.sends_back(return_id)
    await buyer.becomes(return_id, "completed")
    assert await buyer.retained_minor(order_no, new) == 1_000
    assert held_at_the_provider(stage, order_no) == 0


async def test_a_guarantee_on_a_token_that_is_used_once_is_claimed_before_it_ends(
    buyer: Buyer, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_no, return_id, _ = await guaranteed(buyer)
    monkeypatch.setattr(authorisation_periods, "is_renewable", lambda provider, token: False)
    await ends_soon(stage, order_no)
    await guarantee_is(buyer, return_id, "claimed")
    await no_extra_requests(stage, order_no, 2)  # of the order, and of the guarantee


async def test_a_renewal_whose_answer_was_lost_holds_money_once(buyer: Buyer, stage: Stage) -> None:
    order_no, return_id, _ = await guaranteed(buyer)
    stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="authorise")
    await ends_soon(stage, order_no)
    await renewed(stage, order_no)
    await no_extra_requests(stage, order_no, 3)
    assert (await buyer.detail(return_id))["exchange"]["guarantee"]["status"] == "authorised"


async def test_a_provider_that_does_not_answer_is_asked_again_later(buyer: Buyer, stage: Stage) -> None:
    order_no, _, _ = await guaranteed(buyer)
    stage.fault("payments", "down", 1_000, order_no=order_no)
    await ends_soon(stage, order_no)

    async def postpone() -> bool:
        rows = await stage.sql(
            "SELECT 1 FROM payments WHERE order_no = :o AND NOT renewal_due AND renew_at > now() AND status = "
            "'succeeded'",
            o=order_no,
        )
        return bool(rows)

    await eventually(postpone, PATIENT_S)
    assert not await stage.sql("SELECT 1 FROM parked_steps WHERE order_no = :o", o=order_no)
    stage.sandbox.http.delete("/faults")
    await ends_soon(stage, order_no)
    await renewed(stage, order_no)
    await no_extra_requests(stage, order_no, 3)


async def test_a_guarantee_that_was_voided_in_the_dashboard_is_authorised_anew(buyer: Buyer, stage: Stage) -> None:
    order_no, return_id, _ = await guaranteed(buyer)
    (old,) = await live(stage, order_no)
    stage.sandbox.http.post(f"/payments/{old.provider_ref}/void", json={"at_provider": True}).raise_for_status()
    fact = {"provider_ref": f"void-{old.provider_ref}", "kind": "void", "status": "succeeded", "currency": "CNY"}
    await stage.inbox("payment", order_no, {**fact, "amount_minor": 1_000, "parent_ref": old.provider_ref})
    await renewed(stage, order_no)
    assert (await buyer.detail(return_id))["exchange"]["guarantee"]["status"] == "authorised"


async def outcome_unknown(stage: Stage, order_no: str) -> None:
    """The provider has authorised anew, and answers nothing more: the renewal is put off."""
    stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="authorise")
    stage.fault("payments", "error", 1_000, order_no=order_no, kind="lookup")
    await ends_soon(stage, order_no)

    async def postpone() -> bool:
        rows = await stage.sql(
            "SELECT 1 FROM payments p WHERE order_no = :o AND NOT renewal_due AND renew_at > now() AND EXISTS "
            "(SELECT FROM payments n WHERE n.renews = p.payment_id AND n.status = 'intent')",
            o=order_no,
        )
        return bool(rows)

    await eventually(postpone, PATIENT_S)
    assert held_at_the_provider(stage, order_no) == 2
    stage.sandbox.http.delete("/faults")


async def holds_nothing_more(stage: Stage, order_no: str, left: int = 0) -> None:
    """Once the relay has looked again."""
    ask = (
        "UPDATE payments SET renew_at = now() WHERE order_no = :o AND renew_at IS NOT NULL AND NOT renewal_due "
        "AND NOT authorisation_is_wanted(payment_id)"
    )

    async def alone() -> bool:
        await stage.sql(ask, o=order_no)
        async with autocommit(stage.database) as conn:
            await renewals.signal(conn, 1_000)
        return held_at_the_provider(stage, order_no) == left and len(await live(stage, order_no)) == left

    await eventually(alone, PATIENT_S)


async def test_a_renewal_of_unknown_outcome_is_found_and_given_back_after_the_goods_came(
    buyer: Buyer, stage: Stage
) -> None:
    order_no, return_id, new = await guaranteed(buyer)
    await outcome_unknown(stage, order_no)
    await buyer.gets(new)
    await buyer.sends_back(return_id)
    await buyer.becomes(return_id, "completed")
    await guarantee_is(buyer, return_id, "released")
    await holds_nothing_more(stage, order_no)


class Meanwhile:
    """A provider during whose answer something else happens."""

    def __init__(self, gateway: Any, happens: Callable[[GatewayResult, str], Awaitable[None]]) -> None:
        self._gateway, self._happens = gateway, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    async def authorise(self, request: Any) -> GatewayResult:
        result: GatewayResult = await self._gateway.authorise(request)
        await self._happens(result, request.idempotency_key)
        return result


async def renew_while(stage: Stage, order_no: str, happens: Callable[[GatewayResult, str], Awaitable[None]]) -> None:
    """The step in which the order's authorisation is renewed, and what happens while its provider answers."""
    (old,) = await live(stage, order_no)
    await stage.sql("UPDATE payments SET renewal_due = true WHERE payment_id = :p", p=old.payment_id)
    gateways = cast(
        dict[str, PaymentGateway], {"sandbox": Meanwhile(build_payments(stage.settings)["sandbox"], happens)}
    )
    calls = GatewayCalls(stage.database, gateways)
    money = PaymentActivities(stage.database, gateways, "sandbox")
    step = RenewalActivities(stage.database, calls, money, stage.settings)
    await step.renew_authorisation(RenewalRef(order_no, old.payment_id))


async def test_a_renewal_of_which_its_notification_tells_first_takes_the_place_once(buyer: Buyer, stage: Stage) -> None:
    order_no, _, _ = await guaranteed(buyer)

    async def reported(result: GatewayResult, key: str) -> None:
        fact = {"kind": "authorise", "status": "succeeded", "currency": "CNY", "idempotency_key": key}
        more = {"amount_minor": 1_000, "provider_ref": result.provider_ref, "expires_at": result.expires_at}
        await stage.inbox("payment", order_no, fact | more)
        await noted(stage, order_no, "authorisation_renewed")

    await renew_while(stage, order_no, reported)
    await renewed(stage, order_no)


async def test_a_renewal_that_comes_after_the_customer_kept_both_goes_back(buyer: Buyer, stage: Stage) -> None:
    order_no, return_id, new = await guaranteed(buyer)

    async def keeps_both(result: GatewayResult, key: str) -> None:
        assert (await buyer.api.post(f"/v1/returns/{return_id}/cancel", {})).status_code == 200

        async def decided() -> bool:
            status = (await buyer.detail(return_id))["exchange"]["guarantee"]["status"]
            return status in ("claim_due", "claimed")

        await eventually(decided, PATIENT_S)

    await renew_while(stage, order_no, keeps_both)
    await guarantee_is(buyer, return_id, "claimed")

    async def alone() -> bool:
        return held_at_the_provider(stage, order_no) == 0 and not await live(stage, order_no)

    await eventually(alone, PATIENT_S)
    assert await buyer.retained_minor(order_no, new) == 2_000


# ── orders ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def in_review(stage: Stage, token: str = "tok_review@3600") -> str:
    """An order that is authorised, and waits for a person's look before it is captured."""
    order_no = await stage.place(sku=OLD, token=token)
    assert (await stage.parked(order_no, PATIENT_S)).step == "review"
    return order_no


async def approved(office: Office, order_no: str) -> None:
    body = {"action": "skip", "reason": "known"}
    done = await office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", body)
    assert done.status_code == 200, done.text


async def test_what_waits_for_a_look_is_renewed_and_captured_from_the_new_authorisation(
    office: Office, stage: Stage
) -> None:
    order_no = await in_review(stage)
    await ends_soon(stage, order_no)
    await renewed(stage, order_no)
    (standing,) = await live(stage, order_no)
    assert (standing.attempt, (await stage.parked(order_no)).step) == (2, "review")
    body = (await office.staff("ann").get(f"/v1/orders/{order_no}")).json()
    ends = [one["expires_at"] for one in body["payments"]]
    assert [bool(end) and end.endswith("Z") for end in ends] == [True, True, False]
    await approved(office, order_no)
    await stage.reaches(order_no, "preparing", PATIENT_S)
    assert [kind for kind, _ in stage.payments(order_no)] == ["authorise", "authorise", "void", "capture"]


async def test_an_order_on_hold_is_renewed_and_not_captured(office: Office, stage: Stage) -> None:
    order_no = await in_review(stage)
    held = await office.staff("ann").post(f"/v1/orders/{order_no}/holds", {"kind": "risk", "reason": "odd"})
    assert held.status_code == 201, held.text
    await approved(office, order_no)
    await ends_soon(stage, order_no)
    await renewed(stage, order_no)
    assert await stage.status(order_no) == "pending_payment"
    assert "capture" not in [kind for kind, _ in stage.payments(order_no)]
    (hold,) = await stage.sql("SELECT hold_no FROM holds WHERE order_no = :o AND closed_at IS NULL", o=order_no)
    release = f"/v1/orders/{order_no}/holds/{hold.hold_no}/release"
    done = await office.staff("ann", "finance").post(release, {"reason": "he called"})
    assert done.status_code == 200, done.text
    await stage.reaches(order_no, "preparing", PATIENT_S)  # nobody has to look a second time


async def test_what_is_not_renewed_ends_and_the_order_waits_for_another_payment(office: Office, stage: Stage) -> None:
    order_no = await in_review(stage)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="authorise")
    await ends_soon(stage, order_no)
    await noted(stage, order_no, "authorisation_not_renewed")
    assert len(await live(stage, order_no)) == 1  # until it ends it may be captured
    await ends_soon(stage, order_no, ended=True)

    async def over() -> bool:
        return not await live(stage, order_no)

    await eventually(over, PATIENT_S)
    rows = await stage.sql(
        "SELECT data ->> 'code' AS code FROM order_events WHERE order_no = :o AND type = 'payment_declined'", o=order_no
    )
    assert [row.code for row in rows] == ["authorisation_expired"]
    assert await stage.status(order_no) == "pending_payment"
    (paying,) = await stage.sql("SELECT customer_id FROM orders WHERE order_no = :o", o=order_no)
    api = office.api.as_("customer", paying.customer_id)
    paid = await api.post(f"/v1/orders/{order_no}/payments", {"method": "sandbox", "token": "tok_ok"})
    assert paid.status_code == 201, paid.text
    await stage.reaches(order_no, "preparing", PATIENT_S)
    assert held_at_the_provider(stage, order_no) == 0


async def test_an_order_that_is_cancelled_while_it_is_renewed_holds_nothing(office: Office, stage: Stage) -> None:
    order_no = await in_review(stage)

    async def cancelled(result: GatewayResult, key: str) -> None:
        done = await office.staff("ann").post(f"/v1/orders/{order_no}/cancel", {"reason": "customer_request"})
        assert done.status_code == 200, done.text

    await renew_while(stage, order_no, cancelled)
    await stage.reaches(order_no, "cancelled", PATIENT_S)

    async def nothing() -> bool:
        return held_at_the_provider(stage, order_no) == 0 and not await live(stage, order_no)

    await eventually(nothing, PATIENT_S)


async def test_what_was_captured_meanwhile_is_not_renewed(office: Office, stage: Stage) -> None:
    order_no = await in_review(stage)

    async def captured(result: GatewayResult, key: str) -> None:
        await stage.sql("UPDATE payments SET renewal_due = false WHERE order_no = :o", o=order_no)
        await approved(office, order_no)
        await stage.reaches(order_no, "preparing", PATIENT_S)

    await renew_while(stage, order_no, captured)

    async def one_payment() -> bool:
        return held_at_the_provider(stage, order_no) == 0 and not await live(stage, order_no)

    await eventually(one_payment, PATIENT_S)
    assert [kind for kind, _ in stage.payments(order_no)].count("capture") == 1


async def test_a_renewal_of_unknown_outcome_is_found_and_given_back_after_the_capture(
    office: Office, stage: Stage
) -> None:
    order_no = await in_review(stage)
    await outcome_unknown(stage, order_no)
    await approved(office, order_no)
    await stage.reaches(order_no, "preparing", PATIENT_S)
    await holds_nothing_more(stage, order_no)
    assert [kind for kind, _ in stage.payments(order_no)].count("capture") == 1


async def test_what_a_renewal_replaces_is_given_back_while_the_order_waits_for_a_look(stage: Stage) -> None:
    """The void is refused once: the customer's money is not held twice until somebody has looked."""
    order_no = await in_review(stage)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="void")
    await ends_soon(stage, order_no)
    await noted(stage, order_no, "authorisation_renewed")
    await holds_nothing_more(stage, order_no, 1)
    assert (await stage.parked(order_no)).step == "review"


async def test_an_authorisation_of_a_few_seconds_is_renewed_in_time_or_after(stage: Stage) -> None:
    """The provider's own clock: nothing is said by the test about when it ends."""
    order_no = await in_review(stage, "tok_review@4")

    async def again() -> bool:
        async with autocommit(stage.database) as conn:
            await renewals.signal(conn, 1_000)
        return "authorisation_renewed" in await stage.events(order_no)

    await eventually(again, PATIENT_S)


async def test_what_the_provider_ends_itself_leaves_time_to_pay_again(office: Office, stage: Stage) -> None:
    """As Stripe does with what nobody captured: it cancels it, and tells so, long after the payment's own deadline."""
    order_no = await in_review(stage)
    (old,) = await live(stage, order_no)
    await stage.sql(
        "UPDATE orders SET waiting = jsonb_set(waiting, '{until}', to_jsonb(now())) WHERE order_no = :o", o=order_no
    )
    fact = {"provider_ref": f"end-{old.provider_ref}", "kind": "void", "status": "succeeded", "currency": "CNY"}
    await stage.inbox("payment", order_no, {**fact, "amount_minor": 1_000, "parent_ref": old.provider_ref})
    await eventually(lambda: _waits_for_days(stage, order_no), PATIENT_S)


async def _waits_for_days(stage: Stage, order_no: str) -> bool:
    """For a payment, with nothing held and nobody asked to look."""
    rows = await stage.sql(
        "SELECT 1 FROM orders o WHERE o.order_no = :o AND o.status = 'pending_payment' AND o.cancelling IS NULL "
        "AND (o.waiting ->> 'until')::timestamptz > now() + interval '1 day' "
        "AND NOT EXISTS (SELECT FROM parked_steps k WHERE k.order_no = o.order_no AND k.resolved_at IS NULL)",
        o=order_no,
    )
    return bool(rows) and not await live(stage, order_no)


async def test_a_capture_of_what_has_ended_leaves_time_to_pay_again(office: Office, stage: Stage) -> None:
    order_no = await in_review(stage)
    (old,) = await live(stage, order_no)
    stage.sandbox.http.post(f"/payments/{old.provider_ref}/expire", json={}).raise_for_status()
    await stage.sql(
        "UPDATE orders SET waiting = jsonb_set(waiting, '{until}', to_jsonb(now())) WHERE order_no = :o", o=order_no
    )
    await approved(office, order_no)
    await noted(stage, order_no, "payment_declined")

    async def waits() -> bool:
        rows = await stage.sql(
            "SELECT 1 FROM orders WHERE order_no = :o AND status = 'pending_payment' "
            "AND (waiting ->> 'until')::timestamptz > now() + interval '1 day'",
            o=order_no,
        )
        return bool(rows) and not await live(stage, order_no)

    await eventually(waits, PATIENT_S)
