"""The console's navigation. A page gets a place with one line; what a role may not open, it does not see."""

from collections.abc import Iterable
from dataclasses import dataclass

from api.console.session import StaffMember
from domain.access import Role

_CASES = (Role.SUPPORT, Role.FINANCE, Role.OPERATIONS)


@dataclass(frozen=True, slots=True)
class Entry:
    """A link: `label` is a key of words, `roles` who may open it (nobody named: all staff), `icon` a shape of kit.html,
    `count` a number that GET /console/counts answers, `under` further addresses that belong to the page."""

    label: str
    href: str
    roles: tuple[Role, ...] = ()
    icon: str = ""
    count: str = ""
    under: tuple[str, ...] = ()
    children: tuple["Entry", ...] = ()


NAVIGATION = (
    Entry("nav.home", "/console", icon="home", under=("/console/home",)),
    Entry("nav.orders", "/console/orders", icon="orders", children=(
        Entry("nav.all_orders", "/console/orders"),
        Entry("draft.new", "/console/orders/new", (Role.SUPPORT,)),
        Entry("holds", "/console/holds"),
    )),
    Entry("nav.attention", "/console/stuck", icon="attention", count="attention", children=(
        Entry("nav.failed", "/console/stuck", (Role.SUPPORT, Role.OPERATIONS)),
        Entry("retrying", "/console/retrying", (Role.SUPPORT, Role.OPERATIONS)),
        Entry("bugs", "/console/bugs", (Role.SUPPORT, Role.OPERATIONS)),
        Entry("stock_cases", "/console/stock-cases", (Role.WAREHOUSE, Role.OPERATIONS), count="stock_cases"),
        Entry("approvals", "/console/approvals", (*_CASES, Role.WAREHOUSE)),
        Entry("receivables", "/console/receivables", (Role.FINANCE, Role.SUPPORT), count="receivables", under=(
            "/console/credit",
        )),
        Entry("at_providers", "/console/at-providers", _CASES),
        Entry("jobs", "/console/jobs", (Role.SUPPORT,)),
    )),
    Entry("nav.for_me", "/console/for-me", icon="note", count="for_me"),
    Entry("returns", "/console/returns", icon="returns"),
    Entry("nav.fulfilment", "/console/fulfilment", (Role.WAREHOUSE, Role.OPERATIONS), icon="truck"),
    Entry("nav.products", "/console/products", icon="products", children=(
        Entry("products", "/console/products", under=(
            "/console/new/product", "/console/new/product-import", "/console/product-imports",
        )),
        Entry("stock", "/console/stock"),
        Entry("purchase_orders", "/console/purchase-orders", under=("/console/new/purchase-order",)),
        Entry("replenishment", "/console/replenishment", under=("/console/replenishment-rules",)),
        Entry("transfers", "/console/transfers", under=("/console/new/transfer",)),
        Entry("counts", "/console/stock-counts", under=("/console/new/count",)),
        Entry("locations", "/console/locations"),
        Entry("warehouses", "/console/warehouses", under=("/console/new/warehouse",)),
    )),
    Entry("customers", "/console/customers", (Role.SUPPORT,), icon="customers"),
    Entry("nav.notices", "/console/notices", (Role.OPERATIONS,), icon="alerts"),
    Entry("nav.reports", "/console/reports", icon="reports", children=(
        Entry("reports", "/console/reports", _CASES),
        Entry("feedback", "/console/feedback", (Role.SUPPORT, Role.OPERATIONS)),
        Entry("carrier_bills", "/console/carrier-bills", (Role.FINANCE, Role.OPERATIONS), under=(
            "/console/new/carrier-bill", "/console/freight-differences",
        )),
        Entry("nav.audit", "/console/audit", (Role.ADMIN,)),
    )),
    Entry("nav.settings", "/console/settings", icon="settings", children=(
        Entry("settings", "/console/settings"),
        Entry("own_account", "/console/account"),
        Entry("team", "/console/settings/staff", (Role.ADMIN,)),
        Entry("webhooks", "/console/webhooks", (Role.OPERATIONS,)),
        Entry("nav.channels", "/console/settings/channels", (Role.OPERATIONS,)),
        Entry("nav.sourcing", "/console/settings/sourcing", (Role.OPERATIONS,)),
    )),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as a page shows it to somebody; `current` is "page", "true" (the page is within it) or empty."""

    label: str
    href: str
    icon: str
    count: str
    current: str
    children: tuple["Link", ...]


def links(member: StaffMember, path: str) -> list[Link]:
    """What this person may open; the sub-pages only where the reader is."""
    here = nearest(path)
    return [link for entry in NAVIGATION if (link := _link(entry, member, here)) is not None]


def every_entry(member: StaffMember) -> list[Entry]:
    """All pages that this person may open, for the command palette."""
    return [leaf for leaf in _leaves(NAVIGATION) if not leaf.roles or member.may(*leaf.roles)]


def _link(entry: Entry, member: StaffMember, here: Entry | None) -> Link | None:
    children = [child for child in entry.children if not child.roles or member.may(*child.roles)]
    if (entry.roles and not member.may(*entry.roles)) or (entry.children and not children):
        return None
    inside = here is entry or here in entry.children
    shown = tuple(_shown(child, "page" if here is child else "") for child in children) if inside else ()
    href = children[0].href if children else entry.href
    return Link(entry.label, href, entry.icon, entry.count, _current(entry, here, inside), shown)


def _shown(entry: Entry, current: str) -> Link:
    return Link(entry.label, entry.href, entry.icon, entry.count, current, ())


def _current(entry: Entry, here: Entry | None, inside: bool) -> str:
    return "page" if here is entry else ("true" if inside else "")


def nearest(path: str) -> Entry | None:
    """The entry whose address, or one under it, is the longest that `path` begins with."""
    fits = [(len(place), entry) for entry in _leaves(NAVIGATION) for place in _places(entry) if _within(path, place)]
    return max(fits, key=lambda fit: fit[0])[1] if fits else None


def _places(entry: Entry) -> tuple[str, ...]:
    return (entry.href, *entry.under)


def _within(path: str, place: str) -> bool:
    return path == place or (place != "/console" and path.startswith(f"{place}/"))


def _leaves(entries: Iterable[Entry]) -> list[Entry]:
    return [leaf for entry in entries for leaf in (entry.children or (entry,))]
