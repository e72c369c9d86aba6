"""Made-up people for real households: every name and address says that it is made up."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

HOUSEHOLDS = 4096


@dataclass(frozen=True, slots=True)
class Region:
    """Where households live, and the warehouse that is nearest to them."""

    warehouse: str
    name: str
    province: str
    city: str
    priority: int

    def body(self) -> dict[str, Any]:
        """As POST /v1/warehouses takes it."""
        place = {"country": "US", "province": self.province, "city": self.city}
        return {"code": self.warehouse, "name": self.name, **place, "priority": self.priority}


REGIONS = (
    Region("DEMO-OHIO", "Demo, Ohio", "Ohio", "Cincinnati", 110),
    Region("DEMO-TEXAS", "Demo, Texas", "Texas", "Houston", 120),
)


def region_of(household_id: int) -> Region:
    """The same household always lives in the same region."""
    return REGIONS[household_id % len(REGIONS)]


@lru_cache(maxsize=HOUSEHOLDS)
def person_of(household_id: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """(customer, ship_to) as POST /v1/orders takes them; the same household always is the same person."""
    fake = _generator()
    fake.seed_instance(household_id)
    name, region = f"{fake.name()} (made up)", region_of(household_id)
    phone = f"+1 555 01{household_id % 100:02d}"  # numbers that belong to nobody
    customer = {
        "id": f"c-hh-{household_id}",
        "name": name,
        "email": f"household-{household_id}@example.com",
        "phone": phone,
    }
    ship_to = {
        "name": name,
        "phone": phone,
        "country": "US",
        "province": region.province,
        "city": region.city,
        "district": "",
        "line1": f"{fake.building_number()} Made-up {fake.street_suffix()}, {fake.street_name()}",
        "postcode": "00000",
    }
    return customer, ship_to


@cache
def _generator() -> Any:
    from faker import Faker

    return Faker("en_US")
