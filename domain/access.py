"""Who may do what: roles, principals and the object-level rule for orders."""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """Roles of callers. `admin` may do what every staff role may."""

    CUSTOMER = "customer"
    CHANNEL = "channel"
    SUPPORT = "support"
    WAREHOUSE = "warehouse"
    FINANCE = "finance"
    OPERATIONS = "operations"
    ADMIN = "admin"


# Staff who may read names, addresses, e-mail addresses and telephone numbers; admin may, too.
PERSONAL_DATA_READ_BY = (Role.SUPPORT, Role.WAREHOUSE)
STAFF = frozenset({Role.SUPPORT, Role.WAREHOUSE, Role.FINANCE, Role.OPERATIONS, Role.ADMIN})
# What a member of staff signs in with.
STAFF_NAME = r"^[a-z0-9][a-z0-9._-]{0,31}$"
STAFF_NAME_RULE = "1 to 32 small letters, digits, dots, hyphens and underscores, a letter or digit first"


def same_person(one: str, other: str) -> bool:
    """Whether two names of staff are one person's: case and spaces around do not make another."""
    return one.strip().casefold() == other.strip().casefold()


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: `subject` is the customer id, the channel code or the staff member.

    `origin` says where a member of staff speaks from, for the audit log: `api ADDRESS`, `console ADDRESS`. `token_id`
    is that of the bearer token, empty where there is none or it has none.
    """

    role: Role
    subject: str
    origin: str = field(default="", compare=False)
    token_id: str = field(default="", compare=False)

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF

    def may_act_as(self, *roles: Role) -> bool:
        """True when this principal holds one of `roles`; an admin holds every staff role."""
        return self.role in roles or (self.role is Role.ADMIN and any(role in STAFF for role in roles))

    @property
    def reads_personal_data(self) -> bool:
        """Whether lists name people to this caller. Customers and channels see their own orders only."""
        return not self.is_staff or self.may_act_as(*PERSONAL_DATA_READ_BY)

    def may_see_order(self, customer_id: str, channel: str) -> bool:
        """The object-level rule: staff see every order, customers their own, a channel those it sent."""
        if self.is_staff:
            return True
        if self.role is Role.CUSTOMER:
            return self.subject == customer_id
        return self.subject == channel
