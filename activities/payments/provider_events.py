"""Applying what payment providers tell: each of their objects is one payment, whoever moved it."""

import logging
import secrets
from dataclasses import replace

from domain.errors import Conflict, RuleBroken
from domain.orders.status import OrderEvent, Status
from domain.payments.attempts import IN_FLIGHT, AttemptState
from domain.payments.disputes import DisputeStatus
from domain.payments.payment_facts import PaymentFact
from domain.payments.refunds import Origin
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus
from infra.db.engine import Connection
from infra.db.orders.state import timeline
from infra.db.orders.state.order_state import load_state
from infra.db.payments import (
    change_payments,
    known_payments,
    provider_events,
    refund_payouts,
    refunds,
    renewals,
    transactions,
)
from infra.db.payments.known_payments import KnownDispute, KnownPayment
from infra.db.payments.provider_events import OrderFacts, ReportedPayment
from infra.db.payments.refund_plans import NewRefund
from infra.settings import EXPIRED_PAYMENT_TIMEOUT_S

_log = logging.getLogger(__name__)
PAID_TWICE = "paid_twice"
DECIDED_OTHERWISE = "dispute_decided_otherwise"
# Outcomes that a person has to check: the database cannot store what was reported.
UNAPPLIED = (PAID_TWICE, DECIDED_OTHERWISE)
_TAKING = (PaymentKind.AUTHORISE, PaymentKind.CAPTURE)
_NOTES = {
    PaymentKind.AUTHORISE: "payment_authorised",
    PaymentKind.VOID: "payment_voided",
    PaymentKind.REFUND: "payment_refunded",
}


async def payment_fact(
    conn: Connection,
    order_no: str,
    provider: str,
    fact: PaymentFact,
    again_s: int = EXPIRED_PAYMENT_TIMEOUT_S,
) -> str:
    """Apply one fact; what became of it. The caller has locked the order. `again_s`: how long an order waits for
    another payment whose authorisation the provider has ended."""
    if fact.kind is PaymentKind.DISPUTE:
        return await _dispute(conn, order_no, provider, fact)
    known = await known_payments.find(conn, order_no, provider, fact)
    if fact.status is PaymentStatus.PENDING or (known is None and fact.status is not PaymentStatus.SUCCEEDED):
        return "ignored"
    if known is None and fact.kind is PaymentKind.VOID:
        return await _voided(conn, order_no, provider, fact, again_s)
    if known is None:
        return await _DONE_WITHOUT_US[fact.kind](conn, order_no, provider, fact)
    reported = fact.status
    if known.kind is PaymentKind.REFUND and (known.status, reported) == (PaymentStatus.SUCCEEDED, PaymentStatus.FAILED):
        return await _bounced(conn, order_no, provider, known, fact)
    if known.status in (reported, PaymentStatus.SUCCEEDED) or known.reversed:
        return "known"
    return await _settle(conn, order_no, known, reported, fact)


async def _bounced(conn: Connection, order_no: str, provider: str, known: KnownPayment, fact: PaymentFact) -> str:
    """A refund that had succeeded did not reach the customer after all: the money is ours again, the refund open again.

    A person decides how it goes: paying it parks (see GatewayCalls.void_or_refund). Of a cancelled order all of it
    goes back.
    """
    code = fact.error_code or "refund_failed"
    payment = ReportedPayment(
        order_no, provider, PaymentKind.REFUND_REVERSED, known.amount_minor, known.currency, _ref(fact),
        known.purpose, known.attempt, known.payment_id,
    )  # fmt: skip
    await provider_events.reverse_refund(conn, payment, code)
    order = await provider_events.order_of(conn, order_no)
    if known.refund_id is None and known.parent_id is not None and order.status is Status.CANCELLED:
        await provider_events.mark_unapplied(conn, known.parent_id)
    data = {"amount_minor": known.amount_minor, "code": code}
    await timeline.append(conn, order_no, "refund_bounced", key=f"refund_bounced:{known.payment_id}", data=data)
    return "reversed"


async def mark_paid(conn: Connection, order_no: str, status: str, amount_minor: int) -> None:
    """Move a pending order to paid; one that is not yet reserved is moved on by its reservation."""
    if status == Status.PENDING_PAYMENT:
        wait = timeline.waiting("carrier", "the carrier is booked")
        data = {"amount_minor": amount_minor, "waiting": wait}
        await timeline.transition(conn, order_no, Status.PENDING_PAYMENT, OrderEvent.PAYMENT_CAPTURED, data=data)


def _note_of(kind: PaymentKind, purpose: PaymentPurpose) -> str | None:
    """The event of a success that leaves the order's status as it is."""
    if (kind, purpose) == (PaymentKind.CAPTURE, PaymentPurpose.TERMS):
        return "terms_paid"
    return _NOTES.get(kind)


async def _settle(
    conn: Connection, order_no: str, known: KnownPayment, reported: PaymentStatus, fact: PaymentFact
) -> str:
    """Our own transaction, decided by the provider after we stopped waiting."""
    refused = known.kind is PaymentKind.REFUND and known.status == PaymentStatus.FAILED
    if refused and await provider_events.is_paid_twice(conn, order_no, known.payment_id):
        about = {"order_no": order_no, "step": "refund", "code": PAID_TWICE}
        _log.error("a refund was paid twice", extra={"payment_id": known.payment_id, **about})
        return PAID_TWICE
    order = await provider_events.order_of(conn, order_no)
    purpose = known.purpose
    if reported is PaymentStatus.SUCCEEDED and known.kind is PaymentKind.VOID:
        if await provider_events.is_voided(conn, known.payment_id):
            return "known"
    elif (
        reported is PaymentStatus.SUCCEEDED
        and purpose is PaymentPurpose.ORDER
        and known.fulfilment_no is None
        and known.amount_minor != order.total_minor
    ):
        # It was given up, and the order was changed since.
        purpose = PaymentPurpose.UNAPPLIED if known.kind in _TAKING else purpose
    elif reported is PaymentStatus.SUCCEEDED and known.kind is PaymentKind.CAPTURE:
        surplus = order.status == Status.CANCELLED or await provider_events.is_surplus(conn, order_no, known.payment_id)
        purpose = PaymentPurpose.UNAPPLIED if surplus else purpose
    async with change_payments.applied(conn, order_no, known.change_payment_no):
        await provider_events.settle(conn, known.payment_id, reported, purpose, fact)
    if reported is PaymentStatus.FAILED:
        await _refused(conn, order_no, known, purpose, fact)
    elif known.refund_id is not None:
        await refund_payouts.settle(conn, known.refund_id)
    elif known.renews is not None:
        await timeline.append(conn, order_no, "authorisation_renewed", data={"amount_minor": fact.amount_minor})
        await renewals.check_in_a_minute(conn, known.renews)
    elif (note := _note_of(known.kind, purpose)) is not None:
        await timeline.append(conn, order_no, note, data={"amount_minor": fact.amount_minor})
    elif purpose is PaymentPurpose.ORDER and known.fulfilment_no is not None:
        data = {"amount_minor": known.amount_minor, "fulfilment": known.fulfilment_no}
        await timeline.append(conn, order_no, "part_captured", data=data)
    elif purpose is PaymentPurpose.ORDER:
        await mark_paid(conn, order_no, order.status, fact.amount_minor)
    elif purpose is PaymentPurpose.UNAPPLIED:
        await timeline.append(conn, order_no, "payment_returned", data={"amount_minor": fact.amount_minor})
        return "stray"
    return "settled"


async def _refused(
    conn: Connection, order_no: str, known: KnownPayment, purpose: PaymentPurpose, fact: PaymentFact
) -> None:
    """Notify the customer that the payment failed: for an authorisation or a capture only."""
    taking = known.kind in _TAKING
    if known.renews is not None:
        await renewals.mark_due(conn, known.renews)  # its order goes on without, and tells so
    elif known.fulfilment_no is not None:
        data = {"amount_minor": known.amount_minor, "fulfilment": known.fulfilment_no}
        await timeline.append(
            conn, order_no, "part_capture_refused", data={**data, "code": fact.error_code or "declined"}
        )
    elif not (taking and purpose is PaymentPurpose.CHANGE_PAYMENT):  # then the change is undone, and tells so itself
        name = "payment_declined" if taking else "refund_refused"
        await timeline.append(conn, order_no, name, data={"code": fact.error_code or "declined"})


# ── done without us ────────────────────────────────────────────────────────────────────────────────────────────────


async def _authorised(conn: Connection, order_no: str, provider: str, fact: PaymentFact) -> str:
    """It is captured if the order waits for just that, and no other payment is under way; else it is given up."""
    order = await provider_events.order_of(conn, order_no)
    payment = _reported_payment(order_no, provider, fact, purpose=PaymentPurpose.UNAPPLIED)
    state = await load_state(conn, order_no)
    if _fits(order, fact) and state.attempt_state not in IN_FLIGHT:
        attempt = await provider_events.new_attempt(conn, order_no, provider, payment.ref)
        payment = replace(payment, purpose=PaymentPurpose.ORDER, attempt=attempt)
    payment_id = await provider_events.record(conn, replace(payment, expires_at=fact.expires_at))
    if risk := fact.risk:
        await transactions.note_risk(conn, payment_id, risk)
    numbered = {"attempt": payment.attempt} if payment.purpose is PaymentPurpose.ORDER else {}
    data = {"amount_minor": payment.amount_minor, **numbered}
    await timeline.append(conn, order_no, "payment_authorised", data=data)
    return "authorised" if payment.purpose is PaymentPurpose.ORDER else "stray"


async def _captured(conn: Connection, order_no: str, provider: str, fact: PaymentFact) -> str:
    """It pays the order if the order waits for just that, else it goes back."""
    order = await provider_events.order_of(conn, order_no)
    parent = await _authorisation(conn, order_no, provider, fact)
    purpose = PaymentPurpose.ORDER if _fits(order, fact) else PaymentPurpose.UNAPPLIED
    if parent is not None and parent.purpose is PaymentPurpose.CHANGE_PAYMENT:
        same = parent.amount_minor == fact.amount_minor and not parent.followed
        purpose = PaymentPurpose.CHANGE_PAYMENT if same and order.awaits_change_payment else PaymentPurpose.UNAPPLIED
    payment = _reported_payment(order_no, provider, fact, purpose=purpose)
    if parent is not None:
        change_payment_no = parent.change_payment_no if purpose is PaymentPurpose.CHANGE_PAYMENT else None
        payment = replace(
            payment, parent_id=parent.payment_id, attempt=parent.attempt, change_payment_no=change_payment_no
        )
    elif fact.parent_ref:
        # The authorisation that it was taken from is the same payment: it is not voided when it is reported later.
        whole = replace(payment, kind=PaymentKind.AUTHORISE, ref=fact.parent_ref)
        payment = replace(payment, parent_id=await provider_events.record(conn, whole))
    async with change_payments.applied(conn, order_no, payment.change_payment_no):
        await provider_events.record(conn, payment)
    if purpose is PaymentPurpose.ORDER:
        await mark_paid(conn, order_no, order.status, payment.amount_minor)
        return "paid"
    if purpose is PaymentPurpose.CHANGE_PAYMENT:
        return "settled"  # the change is applied
    await timeline.append(conn, order_no, "payment_returned", data={"amount_minor": payment.amount_minor})
    return "stray"


async def _voided(conn: Connection, order_no: str, provider: str, fact: PaymentFact, again_s: int) -> str:
    parent = await _authorisation(conn, order_no, provider, fact)
    if parent is None:
        return "early"
    if parent.followed:
        return "ignored"
    before = await load_state(conn, order_no)
    guaranteed = parent.purpose is PaymentPurpose.GUARANTEE
    purpose = PaymentPurpose.UNAPPLIED if guaranteed else parent.purpose
    payment = _reported_payment(order_no, provider, fact, purpose=purpose)
    payment = replace(payment, amount_minor=parent.amount_minor, attempt=parent.attempt, parent_id=parent.payment_id)
    await provider_events.record(conn, payment)
    if parent.purpose is PaymentPurpose.GUARANTEE:
        await renewals.mark_due(conn, parent.payment_id)  # nothing guarantees the goods any more
    await timeline.append(conn, order_no, "payment_voided", data={"amount_minor": payment.amount_minor})
    if before.status == Status.PENDING_PAYMENT and (before.attempt, before.attempt_state) == (
        parent.attempt,
        AttemptState.AUTHORISED,
    ):
        data = await renewals.time_to_pay_again(conn, order_no, again_s)
        await timeline.append(conn, order_no, "payment_declined", data={**data, "code": "voided_at_provider"})
    return "voided"


async def _refunded(conn: Connection, order_no: str, provider: str, fact: PaymentFact) -> str:
    """It takes its room like any other refund. Refunds of ours that it leaves no room for give way: the provider would
    refuse them."""
    capture = await known_payments.find_parent(conn, order_no, provider, PaymentKind.CAPTURE, fact)
    if capture is None or capture.status != PaymentStatus.SUCCEEDED:
        return "early"
    pays, _ = await _free_amount(conn, order_no, capture.payment_id, fact.amount_minor, "refunded_at_provider")
    if pays is None and await provider_events.left_of(conn, capture.payment_id) < fact.amount_minor:
        about = {"order_no": order_no, "step": "refund", "code": PAID_TWICE}
        _log.error("a refund was paid twice", extra={"payment_id": capture.payment_id, **about})
        return PAID_TWICE
    refund_id = pays or await _open_refund(conn, order_no, provider, fact, capture)
    payment = _reported_payment(order_no, provider, fact, purpose=capture.purpose)
    payment = replace(payment, attempt=capture.attempt, parent_id=capture.payment_id, refund_id=refund_id)
    await provider_events.record(conn, payment)
    if refund_id is None:
        await timeline.append(conn, order_no, "payment_refunded", data={"amount_minor": payment.amount_minor})
    else:
        await refund_payouts.settle(conn, refund_id)
    return "refunded"


async def _open_refund(
    conn: Connection, order_no: str, provider: str, fact: PaymentFact, capture: KnownPayment
) -> str | None:
    """The refund in the database, allocated to the lines. None if all of the money is returned anyway, or no line has
    enough left: then only the payment records it."""
    if capture.purpose is PaymentPurpose.UNAPPLIED:
        return None
    new = NewRefund(
        refund_id=f"rf_{secrets.token_hex(12)}", order_no=order_no, origin=Origin.PROVIDER, asked_by=provider,
        reason="", amount_minor=fact.amount_minor, of_capture=capture.payment_id,
    )  # fmt: skip
    try:
        return (await refunds.open_refund(conn, None, new)).refund_id
    except (Conflict, RuleBroken):
        return None


_DONE_WITHOUT_US = {
    PaymentKind.AUTHORISE: _authorised,
    PaymentKind.CAPTURE: _captured,
    PaymentKind.REFUND: _refunded,
}


# ── disputes ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _dispute(conn: Connection, order_no: str, provider: str, fact: PaymentFact) -> str:
    """The provider takes the money back until the dispute is decided; what is won comes back."""
    known = await known_payments.find_dispute(conn, order_no, provider, _ref(fact))
    if known is None:
        if not await _open_dispute(conn, order_no, provider, fact):
            return "early"
        known = await known_payments.find_dispute(conn, order_no, provider, _ref(fact))
        if known is None or not fact.outcome:
            return "disputed"
    if known.status == DisputeStatus.OPEN and not fact.outcome and fact.due_at:
        await provider_events.move_deadline(conn, known.payment_id, fact.due_at)
    if known.status != DisputeStatus.OPEN or not fact.outcome:
        return "known" if fact.outcome in ("", known.status) else DECIDED_OTHERWISE
    status = DisputeStatus(fact.outcome)
    await provider_events.close_dispute(conn, known.payment_id, status)
    if status is DisputeStatus.WON:
        await _won(conn, order_no, provider, fact, known)
    await timeline.append(conn, order_no, f"dispute_{status}", data={"amount_minor": known.amount_minor})
    return status


async def _open_dispute(conn: Connection, order_no: str, provider: str, fact: PaymentFact) -> bool:
    """False while its capture is not in the database. What was refunded before cannot be refunded again."""
    capture = await known_payments.find_parent(conn, order_no, provider, PaymentKind.CAPTURE, fact)
    if capture is None or capture.status != PaymentStatus.SUCCEEDED:
        return False
    at = (order_no, capture.payment_id)
    _, overtaken = await _free_amount(conn, *at, fact.amount_minor, "disputed", same_pays=False)
    taken = min(fact.amount_minor, await provider_events.left_of(conn, capture.payment_id))
    reason = fact.error_code or "unknown"
    if taken > 0:
        payment = _reported_payment(order_no, provider, fact, purpose=capture.purpose)
        payment = replace(payment, amount_minor=taken, attempt=capture.attempt, parent_id=capture.payment_id)
        await provider_events.open_dispute(conn, payment, reason, fact.due_at, overtaken)
    # Where nothing was left to take there is no row that makes the next notification old news.
    key = f"dispute:{provider}:{fact.provider_ref}"
    if not await timeline.is_done(conn, order_no, key):
        data = {"amount_minor": fact.amount_minor, "code": reason}
        await timeline.append(conn, order_no, "dispute_opened", key=key, data=data)
    return True


async def _won(conn: Connection, order_no: str, provider: str, fact: PaymentFact, known: KnownDispute) -> None:
    """The money is ours again, and refunds that gave way to the dispute are due again; of an order that was cancelled
    meanwhile it goes back to the customer."""
    payment = ReportedPayment(
        order_no, provider, PaymentKind.DISPUTE_WON, known.amount_minor, known.currency, _ref(fact),
        known.purpose, known.attempt, known.parent_id,
    )  # fmt: skip
    await provider_events.record(conn, payment)
    order = await provider_events.order_of(conn, order_no)
    if order.status == Status.CANCELLED:
        await provider_events.mark_unapplied(conn, known.parent_id)
    for one in await provider_events.reopen_refunds(conn, known.payment_id):
        data = {"refund_no": one.refund_no, "amount_minor": one.amount_minor, "status": one.status}
        await timeline.append(conn, order_no, "refund_reopened", data=data)


# ── parts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _reported_payment(order_no: str, provider: str, fact: PaymentFact, *, purpose: PaymentPurpose) -> ReportedPayment:
    return ReportedPayment(order_no, provider, fact.kind, fact.amount_minor, fact.currency, _ref(fact), purpose)


def _ref(fact: PaymentFact) -> str:
    """The provider's reference. Raises ValueError for a fact without one, which is then set aside as malformed."""
    if fact.provider_ref is None:
        raise ValueError("an event of a payment needs the provider's reference")
    return fact.provider_ref


def _fits(order: OrderFacts, fact: PaymentFact) -> bool:
    """True when the order waits for a payment of just this amount."""
    return (
        order.status in (Status.RECEIVED, Status.PENDING_PAYMENT)
        and not order.cancelling
        and not order.has_capture
        and (fact.amount_minor, fact.currency) == (order.total_minor, order.currency)
    )


async def _authorisation(conn: Connection, order_no: str, provider: str, fact: PaymentFact) -> KnownPayment | None:
    """What the fact ends or takes. One of ours whose answer we still wait for has surely succeeded."""
    parent = await known_payments.find_parent(conn, order_no, provider, PaymentKind.AUTHORISE, fact)
    if parent is not None and parent.status != PaymentStatus.SUCCEEDED:
        own = PaymentFact(
            kind=parent.kind, status=PaymentStatus.SUCCEEDED, provider_ref=fact.parent_ref,
            amount_minor=parent.amount_minor, currency=parent.currency,
        )  # fmt: skip
        await _settle(conn, order_no, parent, PaymentStatus.SUCCEEDED, own)
    return parent


async def _free_amount(
    conn: Connection, order_no: str, capture_id: int, wanted_minor: int, code: str, *, same_pays: bool = True
) -> tuple[str | None, list[str]]:
    """Let unpaid refunds yield, and tell so; the refund of ours that this very payment pays, if there is one, and those
    that were overtaken."""
    pays, overtaken = await provider_events.free_amount(conn, order_no, capture_id, wanted_minor, same_pays=same_pays)
    for one in overtaken:
        data = {"refund_no": one.refund_no, "amount_minor": one.amount_minor, "code": code}
        await timeline.append(conn, order_no, "refund_overtaken", data=data)
    return pays, [one.refund_id for one in overtaken]
