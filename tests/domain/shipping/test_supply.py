"""The lines of an order are divided by how they are supplied, and nothing of them is lost."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import RuleBroken
from domain.products import DeliveredBy, ProductKind, require_supply
from domain.shipping.fulfilments import FulfilmentKind
from domain.shipping.supply import SuppliedLine, unstocked_parts

LINES = st.lists(
    st.tuples(
        st.integers(1, 9),
        st.sampled_from(ProductKind),
        st.sampled_from(DeliveredBy),
        st.integers(1, 365),
        st.none() | st.integers(0, 365),
    ),
    max_size=12,
).map(
    lambda found: [
        SuppliedLine(no, f"S{no}", units, kind, by, days, after)
        for no, (units, kind, by, days, after) in enumerate(found, 1)
    ]
)


@given(LINES)
def test_each_unit_that_is_not_from_stock_is_in_one_part(lines: list[SuppliedLine]) -> None:
    parts = unstocked_parts(lines)
    there = Counter(line for part in parts for line in part.lines)
    assert there == Counter(line.shared for line in lines if line.kind is not ProductKind.PHYSICAL)
    kinds = [part.kind for part in parts]
    assert kinds.count(FulfilmentKind.PRODUCTION) <= 1
    assert kinds.count(FulfilmentKind.CODES) <= 1
    assert FulfilmentKind.PARCEL not in kinds


@given(LINES)
def test_what_is_made_takes_as_long_as_its_slowest_line(lines: list[SuppliedLine]) -> None:
    for part in unstocked_parts(lines):
        made = [line.lead_time_days for line in lines if line.kind is ProductKind.MADE_TO_ORDER]
        assert part.lead_time_days == (max(made, key=lambda days: days or 0) if part.kind == "production" else None)


@pytest.mark.parametrize(
    ("kind", "lead", "by", "after", "code"),
    [
        ("physical", None, "code", None, ""),
        ("made_to_order", 1, "code", None, ""),
        ("virtual", None, "code", None, ""),
        ("virtual", None, "confirmation", 0, ""),
        ("made_to_order", None, "code", None, "lead_time_missing"),
        ("physical", 1, "code", None, "supply_mismatch"),
        ("made_to_order", 1, "confirmation", None, "supply_mismatch"),
        ("virtual", None, "code", 3, "supply_mismatch"),
    ],
)
def test_what_a_product_says_fits_its_kind(kind: str, lead: int | None, by: str, after: int | None, code: str) -> None:
    found = ""
    try:
        require_supply(ProductKind(kind), lead, DeliveredBy(by), after)
    except RuleBroken as refused:
        found = refused.code
    assert found == code
