"""Where carriers show the way of a parcel to everybody.

Carriers do not promise these addresses. UPS, FedEx, DHL and USPS: as public code has them, among it
github.com/jkeen/tracking_number_data (couriers/*.json, DHL and USPS), the fulfilments in the tests of Shopify's API
client (FedEx: `fedextrack/?trknbr=`) and github.com/TheDoubleH/eshipguy.com (content/tracking/index.md, UPS and FedEx).
SF Express: `chn/sc/waybill/waybill-detail/`, as several public shops have it; no list of the carrier was found. A shop
sets others with `OMS_TRACKING_LINKS`.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

NUMBER = "{number}"
# {carrier: address}; NUMBER is the place of the tracking number.
_PAGES = {
    "dhl": "https://www.dhl.com/en/express/tracking.html?AWB={number}",
    "fedex": "https://www.fedex.com/fedextrack/?trknbr={number}",
    "sf": "https://www.sf-express.com/chn/sc/waybill/waybill-detail/{number}",
    "ups": "https://www.ups.com/track?tracknum={number}",
    "usps": "https://tools.usps.com/go/TrackConfirmAction?tLabels={number}",
}
_ALSO = {"sf express": "sf", "sf-express": "sf", "sfexpress": "sf", "顺丰": "sf", "顺丰速运": "sf"}


def tracking_link(carrier: str, tracking_no: str | None, shops: Mapping[str, str] | None = None) -> str | None:
    """The page of this parcel; None for a carrier that has none, and while there is no number. `shops` are addresses
    that the shop sets, by carrier, in front of those that are known here."""
    name = carrier.strip().lower()
    page = (shops or {}).get(name) or _PAGES.get(_ALSO.get(name, name))
    return page.replace(NUMBER, quote(tracking_no, safe="")) if page and tracking_no else None


def shops_pages(settings: Sequence[str]) -> dict[str, str]:
    """The addresses that a shop sets as `carrier=https://…{number}`. Raises ValueError with what each must be."""
    pages = {}
    for one in settings:
        name, _, page = one.partition("=")
        plain = page.startswith("https://") and page.count(NUMBER) == 1 and page.isprintable() and " " not in page
        if not name.strip() or not plain:
            raise ValueError('must be a JSON list such as ["gls=https://gls.example/track?no={number}"]')
        pages[name.strip().lower()] = page
    return pages
