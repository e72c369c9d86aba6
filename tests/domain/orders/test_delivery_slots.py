"""Delivery slots: what is one, and when it may still be promised."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import RuleBroken
from domain.orders.delivery_slots import (
    MAX_LENGTH,
    MIN_LENGTH,
    TimeSlot,
    as_json,
    require_ahead,
    require_length,
    slot_of,
)

MOMENTS = st.builds(
    lambda seconds, zone: datetime.fromtimestamp(seconds, zone),
    st.integers(1_577_836_800, 4_102_444_800).map(lambda seconds: seconds - seconds % 60),
    st.timezones(),
)


@given(MOMENTS, st.integers(0, 2 * 24 * 60))
def test_a_slot_is_one_to_24_hours_whatever_its_offset(begin: datetime, minutes: int) -> None:
    end = begin.astimezone(UTC) + timedelta(minutes=minutes)
    fits = MIN_LENGTH <= timedelta(minutes=minutes) <= MAX_LENGTH
    try:
        slot = slot_of(begin.isoformat(), end.isoformat())
    except RuleBroken as error:
        assert not fits and error.code == "invalid_delivery_slot"
        return
    assert fits and slot.end - slot.start == timedelta(minutes=minutes)
    text = as_json(slot)
    assert text is not None and slot_of(text["from"], text["to"]) == slot


@pytest.mark.parametrize(
    "typed",
    ["", "noon", "2026-13-01T09:00:00Z", "2026-03-01T09:00:00", "2026-03-01", "0001-01-01T00:00:00+14:00", "24:00Z"],
)
def test_what_is_no_moment_is_refused_with_its_name(typed: str) -> None:
    for begin, to, name in ((typed, "2026-03-01T12:00:00Z", "`from`"), ("2026-03-01T09:00:00Z", typed, "`to`")):
        with pytest.raises(RuleBroken) as caught:
            slot_of(begin, to)
        assert caught.value.code == "invalid_delivery_slot" and name in caught.value.detail


def test_a_slot_lies_ahead_and_not_too_far() -> None:
    now = datetime(2026, 3, 1, 10, tzinfo=UTC)

    def slot(hours: float) -> TimeSlot:
        return TimeSlot(now + timedelta(hours=hours), now + timedelta(hours=hours + 2))

    require_ahead(slot(-1), now, 60)  # has begun, and is not over
    require_ahead(slot(24 * 60), now, 60)
    for bad in (slot(-2), slot(-48), slot(24 * 60 + 1)):
        with pytest.raises(RuleBroken) as caught:
            require_ahead(bad, now, 60)
        assert caught.value.code == "invalid_delivery_slot"
    assert as_json(None) is None


@pytest.mark.parametrize(
    ("begin", "end", "zone", "fits"),
    [
        ("2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", "Europe/Berlin", True),  # the whole day: 25 hours
        ("2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", "UTC", False),
        ("2026-10-25T00:00+02:00", "2026-10-26T00:01+01:00", "Europe/Berlin", False),
        ("2026-10-24T22:00Z", "2026-10-25T23:00Z", "Europe/Berlin", True),  # said in UTC
        ("2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", "Europe/Berlin", True),  # 23 hours
        ("2026-03-29T00:00+01:00", "2026-03-30T01:00+02:00", "Europe/Berlin", True),  # 24 hours pass
        ("2026-03-29T00:00+01:00", "2026-03-30T01:01+02:00", "Europe/Berlin", False),
        ("2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00", "America/New_York", True),
        ("2026-04-05T00:00+11:00", "2026-04-06T00:00+10:30", "Australia/Lord_Howe", True),  # half an hour
    ],
)
def test_a_whole_day_is_a_slot_also_when_clocks_change(begin: str, end: str, zone: str, fits: bool) -> None:
    if fits:
        require_length(slot_of(begin, end), ZoneInfo(zone))
        return
    with pytest.raises(RuleBroken):
        require_length(slot_of(begin, end), ZoneInfo(zone))


def test_an_hour_that_clocks_skip_is_not_time_to_deliver_in() -> None:
    with pytest.raises(RuleBroken):
        slot_of("2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00")  # half an hour passes
    assert slot_of("2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00")  # a whole one
