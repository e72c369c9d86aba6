"""The state of a payment attempt, as a table."""

import pytest

from domain.payments.attempts import DECIDED, IN_FLIGHT, IN_TIME, AttemptState, awaits_provider, state_of
from domain.payments.transactions import TransactionFacts
from tests.domain.payments.known import payment

AUTHORISED = payment(1, "authorise")
TABLE: dict[str, tuple[int | None, list[TransactionFacts], str]] = {
    "nobody has paid": (None, [], "none"),
    "the request is taken up": (1, [], "open"),
    "the call is about to be made": (1, [payment(1, "authorise", "intent")], "open"),
    "the provider decides later": (1, [payment(1, "authorise", "pending")], "pending"),
    "declined": (1, [payment(1, "authorise", "failed")], "failed"),
    "authorised": (1, [AUTHORISED], "authorised"),
    "the capture is about to be made": (1, [AUTHORISED, payment(2, "capture", "intent", parent_id=1)], "authorised"),
    "the provider captures later": (1, [AUTHORISED, payment(2, "capture", "pending", parent_id=1)], "capturing"),
    "captured": (1, [AUTHORISED, payment(2, "capture", parent_id=1)], "captured"),
    "the capture is refused": (1, [AUTHORISED, payment(2, "capture", "failed", parent_id=1)], "failed"),
    "voided": (1, [AUTHORISED, payment(2, "void", parent_id=1)], "failed"),
    "the void is not decided": (1, [AUTHORISED, payment(2, "void", "pending", parent_id=1)], "authorised"),
    "the authorisation is unapplied": (1, [payment(1, "authorise", purpose="stray")], "failed"),
    "captured by another amount": (1, [AUTHORISED, payment(2, "capture", purpose="stray", parent_id=1)], "failed"),
    "a newer attempt is open": (2, [payment(1, "authorise", "failed")], "open"),
    "paid by an older attempt": (2, [payment(1, "capture", attempt=1)], "captured"),
    "paid without an attempt": (None, [payment(1, "capture", attempt=None)], "captured"),
    "unapplied money pays nothing": (None, [payment(1, "capture", attempt=None, purpose="stray")], "none"),
    "a guarantee is no attempt": (1, [payment(1, "authorise", attempt=None, purpose="guarantee")], "open"),
    "captured by the second try": (
        1,
        [AUTHORISED, payment(2, "capture", parent_id=1), payment(3, "capture", "failed", parent_id=1)],
        "captured",
    ),
    "the newest capture counts": (
        1,
        [AUTHORISED, payment(2, "capture", "failed", parent_id=1), payment(3, "capture", "pending", parent_id=1)],
        "capturing",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_state_of_an_attempt_follows_from_its_transactions(name: str) -> None:
    attempt, transactions, state = TABLE[name]
    assert state_of(attempt, transactions) == state
    assert state_of(attempt, transactions[::-1]) == state


def test_the_groups_of_states_leave_out_what_they_should() -> None:
    assert set(AttemptState) - IN_FLIGHT == {"none", "failed", "captured"}
    assert set(AttemptState) - IN_TIME == {"none", "failed", "pending"}
    assert set(AttemptState) - DECIDED == {"none", "open", "pending"}


CALLS: dict[str, tuple[TransactionFacts, bool]] = {
    "about to be authorised": (payment(1, "authorise", "intent"), True),
    "the provider authorises later": (payment(1, "authorise", "pending"), True),
    "about to be captured": (payment(1, "capture", "intent"), True),
    "authorised": (AUTHORISED, False),
    "declined": (payment(1, "authorise", "failed"), False),
    "a refund": (payment(1, "refund", "pending"), False),
    "a guarantee": (payment(1, "authorise", "pending", purpose="guarantee"), False),
    "a change payment": (payment(1, "authorise", "intent", purpose="supplement"), False),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_undecided_call_that_takes_the_orders_money_is_awaited(name: str) -> None:
    transaction, expected = CALLS[name]
    assert awaits_provider([transaction]) == expected
