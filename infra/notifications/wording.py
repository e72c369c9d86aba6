"""One message as text: its recipient, its language, and the data about its event from the database."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.money import shown
from domain.notifications import Channel, language_of
from domain.shipping.tracking_links import shops_pages, tracking_link
from infra.alerts.message import readable
from infra.db.notifications.send_queue import Claimed
from infra.notifications.rendering import Words, render
from infra.settings import Settings
from infra.time_zones import zone_at

# Templates that are about the order's whole amount when the event names none.
_OF_THE_TOTAL = frozenset({"payment_captured"})
# More codes than a person copies from an e-mail: they are read with the order.
_MOST_CODES = 100


def portal_url(settings: Settings) -> str:
    """Where customers help themselves, without a slash at its end."""
    base = settings.portal_url.rstrip("/") or f"http://{settings.api_host}:{settings.api_port}"
    return f"{base}/portal"


def address_of(profile: dict[str, Any], channel: str) -> str | None:
    """The customer's address or number, None if it was removed."""
    return profile.get("email" if channel == Channel.EMAIL else "phone") or None


def worded(message: Claimed, profile: dict[str, Any], settings: Settings) -> Words:
    """The words of a message about an order. Raises UndefinedError when a template needs what is not known."""
    language = language_of(profile.get("language"), message.country)
    words = render(message.template, message.channel, language, facts_of(message, settings, language))
    return replace(words, body=words.body + _signature(message)) if message.channel == Channel.EMAIL else words


def _signature(message: Claimed) -> str:
    """The shop's name and contact below an e-mail, where its channel has them."""
    contact = (message.contact or "").removeprefix("mailto:")
    lines = [line for line in (message.shop, contact) if line]
    return "\n-- \n" + "\n".join(lines) + "\n" if lines else ""


def facts_of(message: Claimed, settings: Settings, lang: str) -> dict[str, str]:
    """What templates may name: {order_no, total, link, tracking_no, tracking_link, cause, until, rma_no, return_link,
    pay_by, codes}, and {amount} where it is known.

    Days and times are those of where the order goes. `to_pay` is what a new order waits for, or what an exchange costs
    more, empty where that is nothing; its link leads to the order to be paid.
    """
    data, currency = message.data or {}, message.currency or ""
    zone = zone_at({"country": message.country or "", "province": message.province or ""}, settings.portal_time_zone)
    facts = {
        "order_no": message.order_no or "",
        "total": shown(message.total_minor or 0, currency, lang),
        "link": f"{portal_url(settings)}/orders/{message.order_no}",
        "tracking_no": readable(str(data.get("tracking_no") or message.tracking_no or "")),
        "cause": str(data.get("cause") or ""),
        "until": _day(data.get("until") or (data.get("waiting") or {}).get("until"), zone),
        "codes": "\n".join(message.codes) if len(message.codes) <= _MOST_CODES else "",
        "to_pay": "",
        "pay_by": _pay_by(message, settings, zone) if message.payment_due else "",
        "rma_no": f"{message.order_no}-R{data['return_no']}" if data.get("return_no") else "",
    }
    carrier = str(data.get("carrier") or message.carrier or "")
    pages = shops_pages(settings.tracking_links)
    facts["tracking_link"] = tracking_link(carrier, facts["tracking_no"], pages) or ""
    returned = f"/returns/{data['return_id']}" if data.get("return_id") else ""
    facts["return_link"] = facts["link"] + returned
    if message.payment_due:
        facts |= {"to_pay": facts["total"], "link": f"{facts['link']}/pay"}
    if due := data.get("to_pay_minor"):
        facts["to_pay"] = shown(int(due), currency, lang)
        facts["link"] = f"{portal_url(settings)}/orders/{data['order_no']}"
    amount = data.get("amount_minor", message.total_minor if message.template in _OF_THE_TOTAL else None)
    if amount is not None:
        facts["amount"] = shown(int(amount), str(data.get("currency") or currency), lang)
    return facts


def _day(moment: str | None, zone: ZoneInfo) -> str:
    """The day of a stored time in the customer's time zone; empty for none."""
    return datetime.fromisoformat(moment).astimezone(zone).date().isoformat() if moment else ""


def _pay_by(message: Claimed, settings: Settings, zone: ZoneInfo) -> str:
    """Until when a new order can be paid, to the minute. The time begins with the reservation: before that, it is at
    least as long as from now on."""
    if message.pay_until is None:
        return ""
    until = datetime.fromisoformat(message.pay_until) if message.pay_until else _window_from(message, settings)
    local = until.astimezone(zone)
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M} (UTC{offset[:3]}:{offset[3:]})"


def _window_from(message: Claimed, settings: Settings) -> datetime:
    return message.created_at + timedelta(seconds=settings.payment_timeout_s)
