"""Which refunds wait for a person's decision, as tables."""

from typing import Any

import pytest

from domain.payments.transactions import PaymentStatus
from domain.support.refund_decisions import ParkedFacts, RefundCall, has_bounced, refusal
from tests.domain.payments.known import at


def call(number: int, status: str = "failed", code: str | None = "card_closed", **more: Any) -> RefundCall:
    """A call that was answered in the minute of its number."""
    return RefundCall(payment_id=number, status=PaymentStatus(status), error_code=code, updated_at=at(number), **more)


def parked(minute: int, step: str = "refund", **more: Any) -> ParkedFacts:
    facts: dict[str, Any] = {"error": "card_closed", "subject": None, "resolved": True} | more
    return ParkedFacts(step=step, since=at(minute), **facts)


TAKEN_BACK = call(1, "succeeded", "account_closed", reversed_at=at(5))
# The calls, the parked steps, and whether a person is to decide about money that came back.
BOUNCED: dict[str, tuple[list[RefundCall], list[ParkedFacts], bool]] = {
    "nothing was asked": ([], [], False),
    "it was paid": ([call(1, "succeeded", None)], [], False),
    "it was taken back": ([TAKEN_BACK], [], True),
    "it is parked for that and not resolved": ([TAKEN_BACK], [parked(6, error="refund_bounced", resolved=False)], True),
    "a person has decided": ([TAKEN_BACK], [parked(6, error="refund_bounced")], False),
    "a person decided in the same moment": ([TAKEN_BACK], [parked(5, error="refund_bounced")], False),
    "a person decided about an earlier one": ([TAKEN_BACK], [parked(4, error="refund_bounced")], True),
    "a person decided about something else": ([TAKEN_BACK], [parked(6)], True),
    "one of two is decided": (
        [TAKEN_BACK, call(7, "succeeded", None, reversed_at=at(8))], [parked(6, error="refund_bounced")], True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOUNCED)
def test_a_refund_that_was_taken_back_waits_for_a_decision(name: str) -> None:
    calls, steps, waits = BOUNCED[name]
    assert has_bounced(calls, steps) is waits


# The refund, its calls, the parked steps, and the code for which it parks.
REFUSED: dict[str, tuple[str | None, list[RefundCall], list[ParkedFacts], str | None]] = {
    "nothing was asked": ("rf_1", [], [], None),
    "refused": ("rf_1", [call(1)], [], "card_closed"),
    "refused without a code": ("rf_1", [call(1, code=None)], [], "refund_refused"),
    "given up here": ("rf_1", [call(1, code="abandoned"), call(2, code="overtaken_at_provider")], [], None),
    "the newest refusal counts": ("rf_1", [call(2, code="new"), call(1, code="old")], [], "new"),
    "asked again, not decided": ("rf_1", [call(1), call(2, "pending", None)], [], None),
    "about to be asked again": ("rf_1", [call(1), call(2, "intent", None)], [], None),
    "parked for it": ("rf_1", [call(1)], [parked(1, resolved=False)], None),
    "parked for this refund": ("rf_1", [call(1)], [parked(2, subject="rf_1")], None),
    "parked for another refund": ("rf_1", [call(1)], [parked(2, subject="rf_2")], "card_closed"),
    "parked before": ("rf_1", [call(3)], [parked(2)], "card_closed"),
    "another step parked": ("rf_1", [call(1)], [parked(2, step="book")], "card_closed"),
    "all money goes back": ("rf_1", [call(1)], [parked(2, step="return_payment")], None),
    "without a refund": (None, [call(1)], [parked(2)], "card_closed"),
    "without a refund, all money goes back": (None, [call(1)], [parked(2, step="return_payment")], None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refund_that_was_refused_parks_once(name: str) -> None:
    refund_id, calls, steps, code = REFUSED[name]
    assert refusal(refund_id, calls, steps) == code
