"""Distances: over the earth where both places are known, by class elsewhere."""

import pytest

from domain.sourcing.distances import distance_km, haversine_km
from domain.sourcing.places import Coordinates, Destination, Warehouse
from infra.geography import coordinates_of


@pytest.mark.parametrize(
    ("province", "city", "km"),
    [("上海市", "上海市", 0), ("浙江省", "杭州市", 164), ("北京市", "北京市", 1068), ("新疆", "乌鲁木齐", 3270)],
)
def test_cities_of_china_are_as_far_as_on_the_map(province: str, city: str, km: float) -> None:
    shanghai, there = coordinates_of("CN", "上海市", "上海市"), coordinates_of("CN", province, city)
    assert shanghai is not None
    assert there is not None
    assert haversine_km(shanghai, there) == pytest.approx(km, rel=0.02, abs=1)


def test_an_unknown_city_is_in_its_province_and_an_unknown_province_nowhere() -> None:
    assert coordinates_of("CN", "浙江省", "无名市") == coordinates_of("CN", "浙江", "")
    assert coordinates_of("CN", "无名省", "杭州市") is None
    assert coordinates_of("US", "浙江省", "杭州市") is None


def test_without_coordinates_a_nearer_class_is_nearer() -> None:
    to = Destination("US", "OH", "Columbus", Coordinates(40, -83))
    places = [("US", "OH", "Columbus"), ("US", "OH", "Dayton"), ("US", "NY", "Albany"), ("CN", "浙江省", "杭州市")]
    kms = [distance_km(Warehouse("W", *place, 1), to) for place in places]
    assert kms == sorted(set(kms))
