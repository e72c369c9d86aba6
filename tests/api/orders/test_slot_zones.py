"""Delivery slots by the clock at the destination, also on the days on which clocks change."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Problem
from api.pages.slot_fields import FIELDS, as_typed, typed_slot, written
from infra.time_zones import zone_at
from tests.api.conftest import an_order, open_api
from tests.conftest import DatabaseUrls

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def typed(day: str, begin: str, end: str, zone: ZoneInfo = BERLIN) -> dict[str, str] | None:
    return typed_slot(dict(zip(FIELDS, (day, begin, end), strict=True)), zone)


@pytest.mark.parametrize(
    ("day", "begin", "end", "zone"),
    [
        ("2026-03-29", "02:30", "05:00", BERLIN),
        ("2026-03-29", "01:30", "02:59", BERLIN),
        ("2026-03-28", "20:00", "02:00", BERLIN),
        ("2026-03-08", "02:00", "04:00", NEW_YORK),
        ("2026-10-04", "02:15", "04:00", ZoneInfo("Australia/Lord_Howe")),
    ],
)
def test_a_time_that_clocks_skip_is_refused(day: str, begin: str, end: str, zone: ZoneInfo) -> None:
    with pytest.raises(Problem) as caught:
        typed(day, begin, end, zone)
    assert caught.value.code == "no_such_time" and zone.key in caught.value.detail


def test_a_time_that_comes_twice_begins_with_the_first_and_ends_with_the_second() -> None:
    slot = typed("2026-10-25", "02:00", "02:30")
    assert slot == {"from": "2026-10-25T02:00:00+02:00", "to": "2026-10-25T02:30:00+01:00"}
    assert written(slot, BERLIN) == "2026-10-25 02:00–02:30 (Europe/Berlin, +0200 +0100)"
    plain = typed("2026-10-26", "02:00", "03:30")
    assert plain is not None and written(plain, BERLIN) == "2026-10-26 02:00–03:30 (Europe/Berlin)"


@given(
    st.integers(1_767_225_600 // 60, 1_893_456_000 // 60).map(lambda minute: datetime.fromtimestamp(minute * 60, UTC)),
    st.integers(60, 24 * 60),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Africa/Casablanca"]),
)
def test_a_form_that_is_sent_as_it_was_filled_changes_nothing(begin: datetime, minutes: int, name: str) -> None:
    slot = {"from": begin.isoformat(), "to": (begin + timedelta(minutes=minutes)).isoformat()}
    assert typed_slot(as_typed(slot, ZoneInfo(name)), ZoneInfo(name)) == slot


@pytest.mark.parametrize("was", ["", "/", "a/b", "2026-10-25T02:00/2026-10-25T03:00", "\x00", "2026-10-25T02:00Z"])
def test_what_a_form_was_not_filled_with_does_not_count(was: str) -> None:
    fields = dict(zip(FIELDS, ("2026-10-25", "02:00", "03:00"), strict=True))
    assert typed_slot({**fields, "slot_was": was}, BERLIN) == typed("2026-10-25", "02:00", "03:00")


@pytest.mark.parametrize(
    ("country", "province", "zone"),
    [
        ("CN", "上海市", "Asia/Shanghai"),
        ("DE", "Bayern", "Europe/Berlin"),
        ("US", "CA", "America/Los_Angeles"),
        ("US", "new york", "America/New_York"),
        ("US", "North Dakota", "America/Chicago"),
        ("US", "Atlantis", "America/New_York"),
        ("CA", "Québec", "America/Toronto"),
        ("AU", "WA", "Australia/Perth"),
        ("BR", "SP", "America/Sao_Paulo"),
        ("ZZ", "x", "Asia/Shanghai"),
    ],
)
def test_the_zone_is_the_destinations(country: str, province: str, zone: str) -> None:
    assert zone_at({"country": country, "province": province}, "Asia/Shanghai").key == zone


def test_a_shops_own_zone_counts_in_its_country_and_where_nothing_is_known() -> None:
    assert zone_at({"country": "US", "province": "?"}, "America/Denver").key == "America/Denver"
    assert zone_at(None, "America/Denver").key == "America/Denver"


def long_day() -> tuple[datetime, datetime]:
    """The next day of 25 hours in Berlin."""
    now = datetime.now(UTC)

    def days() -> Iterator[tuple[datetime, datetime]]:
        for ahead in range(1, 365):
            begin, end = (now.astimezone(BERLIN).replace(tzinfo=None) + timedelta(days=ahead + n) for n in (0, 1))
            yield tuple(at.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=BERLIN) for at in (begin, end))  # type: ignore[misc]

    return next((b, e) for b, e in days() if e.astimezone(UTC) - b.astimezone(UTC) == timedelta(hours=25))


async def test_the_whole_day_of_25_hours_is_kept_where_it_has_them(database_url: DatabaseUrls) -> None:
    slot = {name: at.astimezone(UTC).isoformat() for name, at in zip(("from", "to"), long_day(), strict=True)}
    async with open_api(database_url, delivery_slot_days_ahead=365) as api:
        product = {"sku": "TEA-1", "name": "Tea", "price_minor": 1, "currency": "CNY"}
        assert (await api.as_("operations").post("/v1/products", product)).status_code == 201
        shop = api.as_("support")
        there = an_order()["ship_to"] | {"country": "DE", "province": "Bayern"}
        placed = await shop.post("/v1/orders", an_order(ship_to=there, delivery_slot=slot))
        assert placed.status_code == 201, placed.text
        elsewhere = await shop.post("/v1/orders", an_order(delivery_slot=slot))
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "invalid_delivery_slot")
