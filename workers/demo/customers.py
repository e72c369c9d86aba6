"""Made-up people for real households: every name and address says that it is made up."""

from dataclasses import dataclass
from typing import Any

from workers.demo.dataset import Household


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


def region_of(household: Household) -> Region:
    """The same household always lives in the same region."""
    return REGIONS[household.household_id % len(REGIONS)]


def person_of(household: Household) -> tuple[dict[str, Any], dict[str, Any]]:
    """(customer, ship_to) as POST /v1/orders takes them; the same household always is the same person."""
    number, region = household.household_id, region_of(household)
    phone = f"+1 555 01{number % 100:02d}"  # numbers that belong to nobody
    customer = {
        "id": f"c-hh-{number}",
        "name": household.name,
        "email": f"household-{number}@example.com",
        "phone": phone,
    }
    ship_to = {
        "name": household.name,
        "phone": phone,
        "country": "US",
        "province": region.province,
        "city": region.city,
        "district": "",
        "line1": household.street,
        "postcode": "00000",
    }
    return customer, ship_to
