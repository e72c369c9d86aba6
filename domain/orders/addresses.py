"""Where an order's parcel goes."""

from dataclasses import dataclass

from domain.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class ShippingAddress:
    """The receiver and the place; `country` is ISO 3166-1 alpha-2."""

    name: str
    phone: str
    country: str
    province: str
    city: str
    district: str
    line1: str
    postcode: str

    @classmethod
    def from_json(cls, stored: JsonObject) -> "ShippingAddress":
        """The address as the database keeps it; a part that an old one does not have is empty."""
        return cls(**{name: stored.get(name) or "" for name in cls.__slots__})

    def as_json(self) -> dict[str, str]:
        """As the database keeps it."""
        return {name: getattr(self, name) for name in self.__slots__}


# Where the postcode stands in front of the city.
_POSTCODE_FIRST = frozenset(
    {"AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GR", "HR", "HU", "IT", "LI", "LU", "NL", "NO", "PL", "PT"}
    | {"RO", "RS", "SE", "SI", "SK", "TR"}
)
# What people type where they have nothing to say.
_NOTHING = frozenset({"", "-", "–", "—", "."})


def address_lines(ship_to: JsonObject) -> list[str]:
    """The place as it is written in its country, without the receiver: from the large to the small in China, where the
    country is left out, else from the street to the country. Parts that are empty or a lone dash are left out."""
    part = {name: _said(ship_to.get(name)) for name in ShippingAddress.__slots__}
    if part["country"] == "CN":
        return _filled(_joined(part["province"], part["city"], part["district"]), part["line1"], part["postcode"])
    town = part["city"] or part["province"]
    region = part["province"] if part["province"] != town or (part["country"] == "US" and part["city"]) else ""
    if part["country"] in _POSTCODE_FIRST:
        place = ", ".join(_filled(_joined(part["postcode"], town), region))
    else:
        place = ", ".join(_filled(town, _joined(region, part["postcode"])))
    return _filled(part["line1"], part["district"], place, part["country"])


def _said(value: str | None) -> str:
    text = (value or "").strip()
    return "" if text in _NOTHING else text


def _joined(*parts: str) -> str:
    """With blanks between them, one that repeats left out: "上海市 浦东新区"."""
    return " ".join(dict.fromkeys(_filled(*parts)))


def _filled(*parts: str) -> list[str]:
    return [part for part in parts if part]
