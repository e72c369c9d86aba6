"""The lifecycle: a closed table without dead ends, and no way around it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.status import (
    CANCELLABLE,
    NOTES,
    TERMINAL,
    TRANSITIONS,
    UNPAID,
    ChangeKind,
    OrderEvent,
    Status,
    allowed_actions,
    next_status,
    reachable,
)


def test_the_table_is_closed() -> None:
    for (source, event), target in TRANSITIONS.items():
        assert isinstance(source, Status)
        assert isinstance(event, OrderEvent)
        assert isinstance(target, Status)
        assert source is not target


def test_every_event_is_used_and_none_is_a_note() -> None:
    assert {event for _, event in TRANSITIONS} == set(OrderEvent)
    assert not NOTES & {str(event) for event in OrderEvent}


def test_every_status_is_reachable_from_the_first() -> None:
    assert reachable() == frozenset(Status)


def test_terminal_statuses_have_no_way_out_and_all_others_do() -> None:
    assert frozenset(Status) - {source for source, _ in TRANSITIONS} == TERMINAL


@pytest.mark.parametrize("status", Status)
def test_every_status_can_still_end(status: Status) -> None:
    assert reachable(status) & TERMINAL


@pytest.mark.parametrize("pair", list(itertools.product(Status, OrderEvent)))
def test_a_jump_is_legal_only_where_the_table_says_so(pair: tuple[Status, OrderEvent]) -> None:
    assert next_status(*pair) == TRANSITIONS.get(pair)
    assert (next_status(*pair) is None) == (pair not in TRANSITIONS)


def test_what_may_be_cancelled_leads_to_cancelled() -> None:
    for status in CANCELLABLE:
        assert next_status(status, OrderEvent.ORDER_CANCELLED) is Status.CANCELLED
    by_rule = {source for (source, event) in TRANSITIONS if event is OrderEvent.ORDER_CANCELLED}
    # A shipped order is undone only by support, after its parcel was lost or refused.
    assert by_rule - CANCELLABLE == {Status.SHIPPED}


def test_nothing_is_paid_or_shipped_twice() -> None:
    once = {Status.PAID, Status.PREPARING, Status.SHIPPED, Status.DELIVERED}
    assert all(status not in reachable(status) - {status} for status in once)
    for (source, _), target in TRANSITIONS.items():
        assert source not in reachable(target), "the lifecycle never goes back"


@given(st.lists(st.sampled_from(OrderEvent), max_size=30))
def test_any_events_end_in_a_status_and_stay_at_a_terminal_one(reported: list[OrderEvent]) -> None:
    status, ended = Status.RECEIVED, None
    for event in reported:
        status = next_status(status, event) or status
        assert ended in (None, status)
        ended = status if status in TERMINAL else None
    assert status in Status


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("cancelling", [True, False])
@pytest.mark.parametrize("awaiting", [True, False])
def test_actions_offered_are_those_that_the_lifecycle_takes(status: Status, cancelling: bool, awaiting: bool) -> None:
    actions = allowed_actions(status, cancelling=cancelling, awaiting_payment=awaiting)
    assert ("cancel" in actions) == (status in CANCELLABLE and not cancelling)
    assert ("pay" in actions) == (status is Status.PENDING_PAYMENT and awaiting and not cancelling)
    assert set(actions) <= {"cancel", "pay", *ChangeKind}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("paying", [True, False])
@pytest.mark.parametrize("parcel", [True, False])
def test_changes_are_offered_until_it_is_too_late(status: Status, paying: bool, parcel: bool) -> None:
    actions = allowed_actions(status, cancelling=False, awaiting_payment=False, paying=paying, parcel=parcel)
    open_to_all = status in UNPAID or status is Status.PAID
    assert (ChangeKind.ADDRESS in actions) == (open_to_all and not parcel)
    assert (ChangeKind.LINES in actions) == (open_to_all and not parcel and not (paying and status in UNPAID))
    assert (ChangeKind.NOTE in actions) == (open_to_all or status is Status.PREPARING)
    assert (ChangeKind.DELIVERY_SLOT in actions) == (ChangeKind.ADDRESS in actions)
    undone = allowed_actions(status, cancelling=True, awaiting_payment=False, paying=paying, parcel=parcel)
    assert undone == []
    waits = {"paying": paying, "parcel": parcel, "change_waits": True}
    assert not set(allowed_actions(status, cancelling=False, awaiting_payment=False, **waits)) & set(ChangeKind)
