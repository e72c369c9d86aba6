"""Which orders can be cancelled, as a table: the API, the workflow and the order's actions read the same rule."""

import pytest

from domain.orders.cancellation import COMPENSATED, may_begin, refusal
from domain.orders.status import Status, allowed_actions

# Status, whether it is being cancelled; a word of the refusal, None where there is none.
TABLE: dict[str, tuple[Status, bool, str | None]] = {
    "waits for stock": (Status.RECEIVED, False, None),
    "waits for payment": (Status.PENDING_PAYMENT, False, None),
    "paid": (Status.PAID, False, None),
    "the parcel is booked": (Status.PREPARING, False, None),
    "being cancelled": (Status.PAID, True, "already"),
    "has shipped": (Status.SHIPPED, False, "left the warehouse"),
    "being cancelled after it has shipped": (Status.SHIPPED, True, "already"),
    "delivered": (Status.DELIVERED, False, "can be returned"),
    "completed": (Status.COMPLETED, False, "is over"),
    "cancelled": (Status.CANCELLED, False, "is over"),
    "cancelled, its cause still written down": (Status.CANCELLED, True, "is over"),
}


@pytest.mark.parametrize("name", TABLE)
def test_an_order_is_cancelled_until_its_parcel_has_left(name: str) -> None:
    status, cancelling, word = TABLE[name]
    why = refusal(status, cancelling)
    assert (why.code if why else None) == ("not_cancellable" if word else None)
    assert (word or "") in (why.detail if why else "")
    offered = allowed_actions(status, cancelling=cancelling, awaiting_payment=False)
    assert ("cancel" in offered) == (why is None)


@pytest.mark.parametrize("status", Status)
def test_only_compensation_cancels_an_order_that_has_shipped(status: Status) -> None:
    assert may_begin(status, "customer_request") == (refusal(status, cancelling=False) is None)
    assert may_begin(status, COMPENSATED) == (may_begin(status, "customer_request") or status is Status.SHIPPED)
