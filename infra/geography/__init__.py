"""Coordinates of provinces and cities of China, by name."""

import csv
from functools import cache
from pathlib import Path

from domain.sourcing.places import Coordinates

_FILE = Path(__file__).parent / "chinese_places.csv"
# People leave these out, or write them.
_ENDINGS = ("特别行政区", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "自治州", "地区", "省", "市", "盟")


def coordinates_of(country: str, province: str, city: str) -> Coordinates | None:
    """Those of the city; of the province where the city is unknown; None outside China or for an unknown province."""
    if country != "CN":
        return None
    known, at = _places(), _short(province)
    return known.get((at, _short(city))) or known.get((at, ""))


def _short(name: str) -> str:
    name = name.strip()
    for ending in _ENDINGS:
        if len(name) > len(ending) + 1 and name.endswith(ending):
            return name.removesuffix(ending)
    return name


@cache
def _places() -> dict[tuple[str, str], Coordinates]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {
            (_short(row["province"]), _short(row["city"])): Coordinates(float(row["latitude"]), float(row["longitude"]))
            for row in csv.DictReader(file)
        }
