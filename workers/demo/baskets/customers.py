"""Made-up people for real households: every name and address says that it is made up."""

from dataclasses import dataclass

from workers.demo.api_client.models import Customer, NewWarehouse, ShipTo
from workers.demo.baskets.dataset import Household


@dataclass(frozen=True, slots=True)
class Region:
    """Where households live, and the warehouse that is nearest to them."""

    warehouse: str
    name: str
    province: str
    city: str
    priority: int

    def body(self) -> NewWarehouse:
        """As the API takes it."""
        return NewWarehouse(
            code=self.warehouse,
            name=self.name,
            country="US",
            province=self.province,
            city=self.city,
            priority=self.priority,
        )


REGIONS = (
    Region("DEMO-OHIO", "Demo, Ohio", "Ohio", "Cincinnati", 110),
    Region("DEMO-TEXAS", "Demo, Texas", "Texas", "Houston", 120),
    Region("DEMO-OREGON", "Demo, Oregon", "Oregon", "Portland", 130),
    Region("DEMO-GEORGIA", "Demo, Georgia", "Georgia", "Atlanta", 140),
)


def region_of(household: Household) -> Region:
    """The same household always lives in the same region."""
    return REGIONS[household.household_id % len(REGIONS)]


def customer_of(household: Household) -> tuple[Customer, ShipTo]:
    """(customer, address) as the API takes them; the same household always is the same person."""
    number, region = household.household_id, region_of(household)
    phone = f"+1 555 01{number % 100:02d}"  # numbers that belong to nobody
    customer = Customer(id=f"c-hh-{number}", name=household.name, email=f"household-{number}@example.com", phone=phone)
    ship_to = ShipTo(
        name=household.name,
        phone=phone,
        country="US",
        province=region.province,
        city=region.city,
        line1=household.street,
        postcode="00000",
    )
    return customer, ship_to
