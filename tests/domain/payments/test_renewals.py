"""Which authorisations are renewed, and when, as tables."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.orders.status import Status
from domain.payments.renewals import (
    AuthorisationFacts,
    Follower,
    Renewal,
    ends_soon,
    failed,
    has_ended,
    is_due,
    is_needed,
    is_refused,
    next_signal,
)
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus
from tests.domain.payments.known import START, at

HELD = AuthorisationFacts(
    kind=PaymentKind.AUTHORISE, purpose=PaymentPurpose.ORDER, status=PaymentStatus.SUCCEEDED, amount_minor=1000,
    attempt=1, created_at=at(0), expires_at=at(100), order_status=Status.PENDING_PAYMENT, cancelling=False,
    total_minor=1000, newest_attempt=1, guarantee_is_authorised=False,
)  # fmt: skip
GUARANTEE = replace(HELD, purpose=PaymentPurpose.GUARANTEE, attempt=None, guarantee_is_authorised=True)
SURPLUS = replace(HELD, purpose=PaymentPurpose.UNAPPLIED, attempt=None)


def by(kind: str, status: str) -> tuple[Follower, ...]:
    return (Follower(PaymentKind(kind), PaymentStatus(status)),)


def renewed(status: str, code: str | None = None) -> tuple[Renewal, ...]:
    return (Renewal(PaymentStatus(status), code),)


# The authorisation, whether it is needed, and whether its order is signalled about it.
TABLE: dict[str, tuple[AuthorisationFacts, bool, bool]] = {
    "the order waits to be captured": (HELD, True, True),
    "the order is reserved first": (replace(HELD, order_status=Status.RECEIVED), True, True),
    "the order is paid": (replace(HELD, order_status=Status.PAID), False, False),
    "the order is being cancelled": (replace(HELD, cancelling=True), False, False),
    "the order was changed": (replace(HELD, total_minor=900), False, False),
    "a newer attempt pays": (replace(HELD, newest_attempt=2), False, False),
    "without an attempt": (replace(HELD, attempt=None, newest_attempt=None), False, False),
    "its capture is under way": (replace(HELD, followers=by("capture", "intent")), False, False),
    "its capture was refused": (replace(HELD, followers=by("capture", "failed")), False, False),
    "its void was refused": (replace(HELD, followers=by("void", "failed")), True, True),
    "its void is under way": (replace(HELD, followers=by("void", "pending")), False, False),
    "it was declined": (replace(HELD, status=PaymentStatus.FAILED), False, False),
    "a capture is no authorisation": (replace(HELD, kind=PaymentKind.CAPTURE), False, False),
    "the guarantee stands": (GUARANTEE, True, True),
    "the guarantee is claimed or released": (replace(GUARANTEE, guarantee_is_authorised=False), False, False),
    "the guarantee is being captured": (replace(GUARANTEE, followers=by("capture", "intent")), False, False),
    "the guarantee's capture was refused": (replace(GUARANTEE, followers=by("capture", "failed")), True, True),
    "a change's payment": (replace(HELD, purpose=PaymentPurpose.CHANGE_PAYMENT), False, False),
    "surplus is held": (SURPLUS, False, True),
    "surplus is not answered yet": (replace(SURPLUS, status=PaymentStatus.PENDING), False, True),
    "surplus was declined": (replace(SURPLUS, status=PaymentStatus.FAILED), False, False),
    "surplus has ended": (replace(SURPLUS, expires_at=at(10)), False, False),
    "surplus without an end": (replace(SURPLUS, expires_at=None), False, False),
    "surplus is being voided": (replace(SURPLUS, followers=by("void", "pending")), False, False),
    "surplus was voided": (replace(SURPLUS, followers=by("void", "succeeded")), False, False),
    "the void of surplus is about to be asked for": (replace(SURPLUS, followers=by("void", "intent")), False, True),
    "the void of surplus was refused": (replace(SURPLUS, followers=by("void", "failed")), False, True),
    "paid, and its renewal is not answered yet": (
        replace(HELD, order_status=Status.PAID, renewals=renewed("pending")), False, True,
    ),
    "paid, and its renewal failed": (
        replace(HELD, order_status=Status.PAID, renewals=renewed("failed")), False, False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_an_authorisation_is_renewed_while_it_is_needed_and_followed_while_it_holds_money(name: str) -> None:
    facts, needed, due = TABLE[name]
    assert (is_needed(facts), is_due(facts, at(10))) == (needed, due)


@pytest.mark.parametrize(
    ("expires_s", "again_s"),
    [(None, 600), (-1, 600), (0, 600), (1, 1), (4, 1), (60, 15), (2_400, 600), (86_400, 600)],
)
def test_the_order_is_signalled_more_often_towards_the_end(expires_s: int | None, again_s: int) -> None:
    expires_at = None if expires_s is None else START + timedelta(seconds=expires_s)
    assert next_signal(expires_at, START) == START + timedelta(seconds=again_s)


@pytest.mark.parametrize(
    ("lasts_min", "left_min", "soon", "ended"),
    [(80, 11, False, False), (80, 10, True, False), (80, 0, True, True), (7 * 1440, 121, False, False),
     (7 * 1440, 120, True, False)],
)  # fmt: skip
def test_the_last_eighth_and_at_most_two_hours_are_the_end(
    lasts_min: int, left_min: int, soon: bool, ended: bool
) -> None:
    now = at(lasts_min - left_min)
    assert (ends_soon(at(0), at(lasts_min), now), has_ended(at(lasts_min), now)) == (soon, ended)


def test_what_has_no_end_never_ends() -> None:
    assert not ends_soon(at(0), None, at(10_000)) and not has_ended(None, at(10_000))


@pytest.mark.parametrize(
    ("renewals", "count", "refused"),
    [((), 0, False), (renewed("pending"), 0, False), (renewed("failed", "card_closed"), 1, True),
     (renewed("failed", "abandoned"), 1, False), (renewed("failed"), 1, False)],
)  # fmt: skip
def test_a_renewal_is_refused_by_its_provider_alone(renewals: tuple[Renewal, ...], count: int, refused: bool) -> None:
    facts = replace(HELD, renewals=renewals)
    assert (len(failed(facts)), is_refused(facts)) == (count, refused)
