"""What is due on a return, and what becomes of its label, as tables."""

from dataclasses import replace
from typing import Any

import pytest

from domain.after_sales.return_deadlines import LabelStatus, LabelWork, NextDue, ReturnFacts, label_work, next_due
from domain.after_sales.returns import CLOSED, ReturnDue, ReturnStatus
from tests.domain.payments.known import at

S, L, W = ReturnStatus, LabelStatus, LabelWork
WAITS = ReturnFacts(
    status=S.APPROVED, deadline=at(9), remind_at=at(5), reminded_at=None, default_outcome=ReturnDue.EXPIRE,
    label=L.NONE, label_tries=0, parcel=None,
)  # fmt: skip
DUE: dict[str, tuple[dict[str, Any], bool, tuple[ReturnDue, int] | None]] = {
    "a reminder before the deadline": ({}, False, (ReturnDue.REMIND, 5)),
    "the default outcome after the reminder": ({"reminded_at": at(6)}, False, (ReturnDue.EXPIRE, 9)),
    "a wait without a reminder": ({"remind_at": None}, False, (ReturnDue.EXPIRE, 9)),
    "a wait without a deadline": ({"remind_at": None, "deadline": None}, False, None),
    "a wait without an outcome": ({"remind_at": None, "default_outcome": None}, False, None),
    "what the inspection began is at its end": ({"status": S.INSPECTED}, True, (ReturnDue.COMPLETE, 0)),
    "what the inspection began goes on": ({"status": S.INSPECTED}, False, None),
    **{f"it is {status}": ({"status": status}, True, None) for status in sorted(CLOSED)},
}
LABELS: dict[str, tuple[ReturnStatus, LabelStatus, int, str | None, LabelWork]] = {
    "to be booked": (S.APPROVED, L.WANTED, 0, None, W.WANTED),
    "to be booked again": (S.IN_TRANSIT, L.WANTED, 2, None, W.WANTED),
    "booked": (S.APPROVED, L.BOOKED, 1, None, W.BOOKED),
    "none can be had": (S.APPROVED, L.FAILED, 1, None, W.FAILED),
    "none was wanted": (S.APPROVED, L.NONE, 0, None, W.NONE),
    "the parcel is here": (S.RECEIVED, L.WANTED, 0, None, W.NONE),
    "cancelled before anybody asked for one": (S.CANCELLED, L.WANTED, 0, None, W.NONE),
    "cancelled while it may have been booked": (S.CANCELLED, L.WANTED, 1, None, W.UNUSED),
    "cancelled after it was booked": (S.CANCELLED, L.BOOKED, 1, None, W.UNUSED),
    "expired after it was booked": (S.EXPIRED, L.BOOKED, 1, None, W.UNUSED),
    "expired while its parcel is on its way": (S.EXPIRED, L.BOOKED, 1, "in_transit", W.BOOKED),
    "cancelled while its parcel is on its way": (S.CANCELLED, L.WANTED, 1, "picked_up", W.NONE),
    "completed": (S.COMPLETED, L.BOOKED, 1, "delivered", W.BOOKED),
}


@pytest.mark.parametrize("name", DUE)
def test_next_due(name: str) -> None:
    changed, settled, due = DUE[name]
    found = next_due(replace(WAITS, **changed), settled=settled)
    if due is None or due[0] is ReturnDue.COMPLETE:
        assert (found.action if found else None) == (due[0] if due else None)
    else:
        assert found == NextDue(due[0], at(due[1]))


@pytest.mark.parametrize("name", LABELS)
def test_label_work(name: str) -> None:
    status, label, tries, parcel, work = LABELS[name]
    assert label_work(replace(WAITS, status=status, label=label, label_tries=tries, parcel=parcel)) is work
