"""Requests for a code: known contacts get one, and the answer does not tell which contacts are known."""

import hashlib
import math
import re
import unicodedata
from dataclasses import dataclass

from api.dependencies import Services
from api.services.portal.code_sending import send
from domain.orders.order_no import normalise
from infra.db.engine import Connection
from infra.db.portal import sessions, sign_in_codes
from infra.db.portal.sessions import Reached
from infra.db.portal.sign_in_codes import IndexedContact
from infra.email.mail_address import mail_address
from infra.security.crypto import Vault
from infra.security.network_addresses import source_of

MAX_TYPED_CHARS = 254
DAY_S = 86_400.0
_PHONE = re.compile(r"^[+\d][\d\s().\-/]{4,31}$")


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed, as what it can be."""

    text: str
    order_no: str | None
    contact: IndexedContact


def understood(vault: Vault, typed: str) -> Typed | None:
    """`typed` as an order number, an e-mail address or a telephone number; None when it is none of them."""
    address = typed.strip()
    if len(address) > MAX_TYPED_CHARS or any(unicodedata.category(symbol) in ("Cc", "Cs") for symbol in address):
        return None
    if "@" in address:
        return _mail(vault, address)
    text = unicodedata.normalize("NFKC", address)
    if (number := normalise(text)) is not None:
        # An unknown number is stored like any contact.
        return Typed(number, number, sign_in_codes.contact_of(vault, "email", f"order {number}"))
    if _PHONE.match(text):
        return Typed(text, None, sign_in_codes.contact_of(vault, "phone", text))
    return None


def _mail(vault: Vault, typed: str) -> Typed | None:
    try:
        address = mail_address(typed)
    except ValueError:
        return None
    return Typed(address, None, sign_in_codes.contact_of(vault, "email", address))


async def request_code(services: Services, typed: Typed, address: str, lang: str) -> str | int:
    """Send a code to whom `typed` means, if anybody; the cookie of the browser that asked, or the seconds to wait.

    The limit that a person sees counts what was typed. That of a contact's messages is not reported: it would reveal
    which contact an order has.
    """
    async with services.database.begin() as conn:
        if wait_s := await _counted(conn, services, typed, address):
            return wait_s
        reached = await _reached(conn, services, typed)
        contact = reached.contact if reached else typed.contact
        made = sign_in_codes.new_secrets()
        if reached is None or await _flooded(conn, services, contact):
            return await sign_in_codes.keep(conn, services.keys.vault, contact, None)
        await send(conn, services, reached, made, lang)
        return await sign_in_codes.keep(conn, services.keys.vault, contact, made)


async def _flooded(conn: Connection, services: Services, contact: IndexedContact) -> bool:
    allowed = services.settings
    return (
        await sign_in_codes.sent_to(conn, contact, allowed.portal_ask_window_s) >= allowed.portal_asks_per_contact
        or await sign_in_codes.sent_to(conn, contact, DAY_S) >= allowed.portal_asks_per_contact_day
    )


async def _counted(conn: Connection, services: Services, typed: Typed, address: str) -> int:
    allowed, window_s = services.settings, float(services.settings.portal_ask_window_s)
    contact, place = typed.contact.indexes[0], services.keys.vault.peppered(source_of(address))
    for source, limit, within_s in (
        (b"contact" + contact, allowed.portal_asks_per_contact, window_s),
        (b"contact day" + contact, allowed.portal_asks_per_contact_day, DAY_S),
        (b"address" + place, allowed.portal_asks_per_address, window_s),
        (b"address day" + place, allowed.portal_asks_per_address_day, DAY_S),
    ):
        hashed = hashlib.sha256(source).digest()
        if wait_s := await sign_in_codes.count_request(conn, hashed, limit, within_s):
            return math.ceil(wait_s)
    return 0


async def _reached(conn: Connection, services: Services, typed: Typed) -> Reached | None:
    if typed.order_no is not None:
        return await sessions.by_order(conn, services.keys, typed.order_no)
    return await sessions.by_contact(conn, services.keys, typed.contact)
