"""Where carriers show the way of a parcel to everybody."""

from urllib.parse import quote

# {carrier: address before the tracking number}
_PAGES = {
    "dhl": "https://www.dhl.com/en/express/tracking.html?AWB=",
    "fedex": "https://www.fedex.com/fedextrack/?trknbr=",
    "ups": "https://www.ups.com/track?tracknum=",
    "usps": "https://tools.usps.com/go/TrackConfirmAction?tLabels=",
}


def tracking_link(carrier: str, tracking_no: str | None) -> str | None:
    """The page of this parcel; None for a carrier that has none here, and while there is no number."""
    page = _PAGES.get(carrier.strip().lower())
    return f"{page}{quote(tracking_no, safe='')}" if page and tracking_no else None
