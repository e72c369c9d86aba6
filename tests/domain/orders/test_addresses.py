"""An address is written as in its country, without empty parts."""

import pytest

from domain.orders.addresses import address_lines

PARTS = ("country", "province", "city", "district", "line1", "postcode")

WRITTEN = [
    (("US", "OH", "Cincinnati", "-", "1 Main St", "45202"), ["1 Main St", "Cincinnati, OH 45202", "US"]),
    (("US", "New York", "New York", "", "1 Wall St", "10005"), ["1 Wall St", "New York, New York 10005", "US"]),
    (("DE", "Berlin", "Berlin", "", "Unter den Linden 1", "10117"), ["Unter den Linden 1", "10117 Berlin", "DE"]),
    (("IT", "MI", "Milano", "", "Via Dante 2", "20121"), ["Via Dante 2", "20121 Milano, MI", "IT"]),
    (("GB", "", "London", " ", "10 Downing Street", "SW1A 2AA"), ["10 Downing Street", "London, SW1A 2AA", "GB"]),
    (("SG", "Singapore", "", "Kallang", "5 Stadium Walk", ""), ["5 Stadium Walk", "Kallang", "Singapore", "SG"]),
    (("CN", "浙江省", "杭州市", "西湖区", "文三路 1 号", "310000"), ["浙江省 杭州市 西湖区", "文三路 1 号", "310000"]),
    (("CN", "上海市", "上海市", "–", "南京路 1 号", ""), ["上海市", "南京路 1 号"]),
]


@pytest.mark.parametrize(("parts", "lines"), WRITTEN, ids=[f"{parts[0]}-{parts[2]}" for parts, _ in WRITTEN])
def test_an_address_is_written_as_in_its_country(parts: tuple[str, ...], lines: list[str]) -> None:
    assert address_lines(dict(zip(PARTS, parts, strict=True))) == lines


def test_an_old_address_without_some_parts_is_written_with_the_others() -> None:
    assert address_lines({"country": "US", "line1": "1 Main St", "city": None}) == ["1 Main St", "US"]
