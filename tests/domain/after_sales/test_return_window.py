"""Until when goods can be returned, and the sentence that says why not."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.after_sales.return_window import ReturnWindow, refusal, require_open
from domain.errors import Conflict
from domain.orders.status import Status

DELIVERED_AT = datetime(2026, 3, 1, 9, 30, 15, 250_000, tzinfo=UTC)
WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)


def window(status: Status, length: timedelta | None = WEEK) -> ReturnWindow:
    return ReturnWindow(status, DELIVERED_AT, None if length is None else DELIVERED_AT + length)


def code_of(found: Conflict | None) -> str | None:
    return None if found is None else found.code


@pytest.mark.parametrize("status", Status)
def test_the_window_opens_with_the_delivery_and_closes_with_the_completion(status: Status) -> None:
    expected = {Status.DELIVERED: None, Status.COMPLETED: "return_window_closed"}
    for length in (WEEK, None):
        assert code_of(refusal(window(status, length), DELIVERED_AT)) == expected.get(status, "not_delivered")


@pytest.mark.parametrize(
    ("length", "passed", "code"),
    [
        (WEEK, WEEK - SECOND, None),
        (WEEK, WEEK, "return_window_closed"),
        (WEEK, WEEK + SECOND, "return_window_closed"),
        (timedelta(), timedelta(), "return_window_closed"),
        (None, 1000 * WEEK, None),
    ],
)
def test_a_window_is_over_at_its_end(length: timedelta | None, passed: timedelta, code: str | None) -> None:
    open_one = window(Status.DELIVERED, length)
    assert code_of(refusal(open_one, DELIVERED_AT + passed)) == code
    assert open_one.is_over(DELIVERED_AT + passed) == (code is not None)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (WEEK, "for 7 days after delivery: for this order until 2026-03-08T09:30:15Z"),
        (timedelta(days=1), "for 1 day after delivery: for this order until 2026-03-02T09:30:15Z"),
        (timedelta(hours=1), "for 3,600 seconds after delivery: for this order until 2026-03-01T10:30:15Z"),
        (-timedelta(hours=1), "for 0 seconds after delivery: for this order until 2026-03-01T08:30:15Z"),
        (None, "until the order is completed, and it is"),
    ],
)
def test_the_refusal_names_the_window(length: timedelta | None, text: str) -> None:
    with pytest.raises(Conflict) as refused:
        require_open(window(Status.COMPLETED, length), DELIVERED_AT + 2 * WEEK)
    assert text in str(refused.value.detail) and "support may still refund it" in str(refused.value.detail)
