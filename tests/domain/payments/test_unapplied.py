"""Unapplied money, as a table: what the order's workflow gives back."""

import pytest

from domain.orders.status import Status
from domain.payments.transactions import TransactionFacts
from domain.payments.unapplied import (
    MoneyFacts,
    has_unapplied,
    left_of,
    open_authorisations,
    to_return,
    unapplied_authorisations,
    unapplied_captures,
)
from tests.domain.payments.known import payment

UNPAID, PAID = MoneyFacts(Status.PENDING_PAYMENT, 1, False), MoneyFacts(Status.PAID, 1, False)
CHANGING = MoneyFacts(Status.PAID, 1, True)
AUTHORISED = payment(1, "authorise")
DIFFERENCE = payment(1, "authorise", purpose="supplement", attempt=None, change_payment_no=1)
SURPLUS = payment(1, "capture", purpose="stray", attempt=None)

# What is voided, and whether that is still to be begun.
AUTHORISATIONS: dict[str, tuple[MoneyFacts, list[TransactionFacts], list[int], bool]] = {
    "the newest attempt's is needed": (UNPAID, [AUTHORISED], [], False),
    "an older attempt's is not": (MoneyFacts(Status.PENDING_PAYMENT, 2, False), [AUTHORISED], [1], True),
    "none is needed once the order is paid": (PAID, [AUTHORISED], [1], True),
    "its capture was refused": (UNPAID, [AUTHORISED, payment(2, "capture", "failed", parent_id=1)], [1], True),
    "captured": (PAID, [AUTHORISED, payment(2, "capture", parent_id=1)], [], False),
    "voided": (PAID, [AUTHORISED, payment(2, "void", parent_id=1)], [], False),
    "the void is on its way": (PAID, [AUTHORISED, payment(2, "void", "pending", parent_id=1)], [1], False),
    "the void was refused": (PAID, [AUTHORISED, payment(2, "void", "failed", parent_id=1)], [1], True),
    "declined": (PAID, [payment(1, "authorise", "failed")], [], False),
    "unapplied": (UNPAID, [payment(1, "authorise", purpose="stray")], [1], True),
    "a guarantee has its own operations": (PAID, [payment(1, "authorise", purpose="guarantee")], [], False),
    "a change waits for its difference": (CHANGING, [DIFFERENCE], [], False),
    "the change was undone": (PAID, [DIFFERENCE], [1], True),
    "told by the provider alone": (MoneyFacts(Status.RECEIVED, None, False), [payment(1, "authorise", attempt=None)],
                                   [1], True),
}  # fmt: skip


@pytest.mark.parametrize("name", AUTHORISATIONS)
def test_authorisations_that_nothing_waits_for_are_voided(name: str) -> None:
    facts, transactions, voided, begun = AUTHORISATIONS[name]
    assert [t.payment_id for t in unapplied_authorisations(facts, transactions)] == voided
    assert has_unapplied(facts, transactions) == begun


# What of a captured surplus is left, and whether that is still to be begun.
CAPTURES: dict[str, tuple[list[TransactionFacts], int, bool]] = {
    "nothing went back": ([SURPLUS], 1000, True),
    "all of it went back": ([SURPLUS, payment(2, "refund", parent_id=1)], 0, False),
    "a part went back": ([SURPLUS, payment(2, "refund", parent_id=1, amount_minor=400)], 600, True),
    "the provider decides later": ([SURPLUS, payment(2, "refund", "pending", parent_id=1)], 1000, False),
    "a part is pending": ([SURPLUS, payment(2, "refund", "pending", parent_id=1, amount_minor=400)], 1000, True),
    "promised as a refund": ([SURPLUS, payment(2, "refund", "pending", parent_id=1, refund_id="rf_1")], 0, False),
    "refused": ([SURPLUS, payment(2, "refund", "failed", parent_id=1)], 1000, True),
    "disputed": ([SURPLUS, payment(2, "dispute", parent_id=1)], 0, False),
    "the dispute is won": (
        [SURPLUS, payment(2, "dispute", parent_id=1), payment(3, "dispute_won", parent_id=1)],
        1000,
        True,
    ),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_surplus_goes_back_as_far_as_it_is_not_back_yet(name: str) -> None:
    transactions, left, begun = CAPTURES[name]
    (capture,) = unapplied_captures(transactions)
    assert left_of(capture, transactions) == left
    assert has_unapplied(PAID, transactions) == begun


def test_the_orders_own_money_is_applied() -> None:
    known = [AUTHORISED, payment(2, "capture", parent_id=1)]
    assert unapplied_captures(known) == [] and not has_unapplied(PAID, known)


def test_everything_that_is_open_goes_back_but_a_guarantee() -> None:
    known = [AUTHORISED, payment(2, "authorise", purpose="guarantee"), payment(3, "authorise", purpose="supplement")]
    assert [t.payment_id for t in open_authorisations(known)] == [1, 3]


# What a person who returns the money otherwise returns: (payment, void or refund, amount).
RETURNABLE: dict[str, tuple[bool, list[TransactionFacts], list[tuple[int, str, int]]]] = {
    "nothing is unapplied": (False, [payment(1, "capture")], []),
    "the order's own money of an order that is undone": (True, [payment(1, "capture")], [(1, "refund", 1000)]),
    "less what was refunded": (
        True,
        [payment(1, "capture"), payment(2, "refund", parent_id=1, amount_minor=400)],
        [(1, "refund", 600)],
    ),
    "what is promised as a refund, too": (
        True,
        [payment(1, "capture"), payment(2, "refund", "pending", parent_id=1, refund_id="rf_1")],
        [(1, "refund", 1000)],
    ),
    "all of it is back": (True, [payment(1, "capture"), payment(2, "refund", parent_id=1)], []),
    "captures before authorisations": (
        True,
        [AUTHORISED, payment(2, "capture", purpose="stray")],
        [(2, "refund", 1000), (1, "void", 1000)],
    ),
    "no guarantee": (True, [payment(1, "authorise", purpose="guarantee")], []),
    "unapplied money": (False, [SURPLUS, payment(2, "capture")], [(1, "refund", 1000)]),
    "what no provider is asked for": (
        False,
        [SURPLUS, payment(2, "refund", "pending", parent_id=1), payment(3, "capture", purpose="stray")],
        [(3, "refund", 1000)],
    ),
    "all, where providers are asked for all": (
        False,
        [SURPLUS, payment(2, "refund", "pending", parent_id=1)],
        [(1, "refund", 1000)],
    ),
    "all that is left of an order that is undone": (
        True,
        [payment(1, "capture"), payment(2, "refund", "pending", parent_id=1), payment(3, "capture")],
        [(1, "refund", 1000), (3, "refund", 1000)],
    ),
}


@pytest.mark.parametrize("name", RETURNABLE)
def test_money_that_a_person_returns(name: str) -> None:
    everything, known, expected = RETURNABLE[name]
    found = to_return(PAID, known, everything=everything)
    assert [(one.payment_id, one.kind, one.amount_minor) for one in found] == expected
