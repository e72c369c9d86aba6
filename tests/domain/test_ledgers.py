"""The rules behind the two ledgers: what a movement does to a level, what a payment does to the accounts."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.payments.transactions import POSTINGS, PaymentKind, idempotency_key
from domain.stock.movements import EFFECTS, MovementKind, effect

PARTS = st.text(alphabet="ABC123-", min_size=1, max_size=8)


def test_every_kind_has_its_effect_and_its_postings() -> None:
    assert set(EFFECTS) == set(MovementKind)
    assert set(POSTINGS) == set(PaymentKind)


@given(st.sampled_from(MovementKind), st.integers(-(10**9), 10**9))
def test_an_effect_is_proportional(kind: MovementKind, quantity: int) -> None:
    assert effect(kind, quantity) == tuple(sign * quantity for sign in EFFECTS[kind])


@given(st.integers(1, 10**6))
def test_what_is_done_can_be_undone(units: int) -> None:
    def net(*kinds: MovementKind) -> tuple[int, ...]:
        return tuple(map(sum, zip(*(effect(kind, units) for kind in kinds), strict=True)))

    assert net(MovementKind.RESERVE, MovementKind.RELEASE) == (0, 0, 0)
    assert net(MovementKind.TRANSFER_OUT, MovementKind.TRANSFER_IN) == (0, 0, 0)
    assert net(MovementKind.RECEIPT, MovementKind.RESERVE, MovementKind.SHIP) == (0, 0, 0)
    assert net(MovementKind.QUARANTINE_IN, MovementKind.SCRAP) == (0, 0, 0)
    assert net(MovementKind.QUARANTINE_IN, MovementKind.QUARANTINE_RELEASE) == effect(MovementKind.RECEIPT, units)


@pytest.mark.parametrize(
    ("done", "undone"), [(PaymentKind.AUTHORISE, PaymentKind.VOID), (PaymentKind.CAPTURE, PaymentKind.REFUND)]
)
def test_a_return_books_the_other_way_round(done: PaymentKind, undone: PaymentKind) -> None:
    balance: Counter[str] = Counter()
    for debit, credit in (POSTINGS[done], POSTINGS[undone]):
        balance[debit] += 1
        balance[credit] -= 1
        assert debit != credit
    assert not any(balance.values())


@given(PARTS, PARTS, st.integers(0, 99), PARTS, PARTS, st.integers(0, 99))
def test_keys_of_different_effects_differ(o1: str, s1: str, n1: int, o2: str, s2: str, n2: int) -> None:
    same = (o1, s1, n1) == (o2, s2, n2)
    assert (idempotency_key(o1, s1, n1) == idempotency_key(o2, s2, n2)) == same
