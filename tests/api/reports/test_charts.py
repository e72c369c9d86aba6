"""Columns of a chart stay within their box, whatever the values."""

from hypothesis import given
from hypothesis import strategies as st

from api.presenters.charts import HEIGHT, WIDTH, columns

VALUES = st.lists(st.integers(0, 10**9), min_size=1, max_size=31)


@given(VALUES, VALUES)
def test_columns_stay_within_their_box(first: list[int], second: list[int]) -> None:
    many = min(len(first), len(second))
    chart = columns([first[:many], second[:many]], [""] * many)
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH + 0.1 for bar in chart.bars)
    assert all(bar.y >= 0 and bar.y + bar.height <= HEIGHT for bar in chart.bars)
    assert 2 <= len(chart.lines) <= 6
    assert len(chart.bars) == sum(1 for value in first[:many] + second[:many] if value)


def test_lines_stand_at_round_numbers() -> None:
    assert [line.label for line in columns([[0, 37]], ["a", "b"]).lines] == ["0", "10", "20", "30", "40"]
    assert [line.label for line in columns([[]], []).lines] == ["0", "1"]
    named = columns([[250]], ["a"], write="¥{}".format)
    assert [line.label for line in named.lines] == ["¥0", "¥100", "¥200", "¥300"]
