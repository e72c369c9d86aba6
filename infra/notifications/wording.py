"""One message as text: its recipient, its language, and the data about its event from the database."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.money import shown
from domain.notifications import Channel, language_of
from infra.alerts.message import readable
from infra.db.notifications.send_queue import Claimed
from infra.notifications.rendering import Words, render
from infra.settings import Settings

# Templates that are about the order's whole amount when the event names none.
_OF_THE_TOTAL = frozenset({"payment_captured"})


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
    """What templates may name: {order_no, total, link, tracking_no, cause, until}, and {amount} where it is known.

    `to_pay` is what a new order waits for, or what an exchange costs more, empty where that is nothing; its link leads
    to the order to be paid.
    """
    data, currency = message.data or {}, message.currency or ""
    facts = {
        "order_no": message.order_no or "",
        "total": shown(message.total_minor or 0, currency, lang),
        "link": f"{portal_url(settings)}/orders/{message.order_no}",
        "tracking_no": readable(str(data.get("tracking_no") or message.tracking_no or "")),
        "cause": str(data.get("cause") or ""),
        "until": _day(data.get("until") or (data.get("waiting") or {}).get("until"), settings.portal_time_zone),
        "to_pay": "",
    }
    if message.payment_due:
        facts |= {"to_pay": facts["total"], "link": f"{facts['link']}/pay"}
    if due := data.get("to_pay_minor"):
        facts["to_pay"] = shown(int(due), currency, lang)
        facts["link"] = f"{portal_url(settings)}/orders/{data['order_no']}"
    amount = data.get("amount_minor", message.total_minor if message.template in _OF_THE_TOTAL else None)
    if amount is not None:
        facts["amount"] = shown(int(amount), str(data.get("currency") or currency), lang)
    return facts


def _day(moment: str | None, zone: str) -> str:
    """The day of a stored time in the customers' time zone; empty for none."""
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).date().isoformat() if moment else ""
