"""Customers' sessions in the portal: a contact proved to be theirs, and whose orders it opens."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from infra.db.customers.profiles import KeyRing, profile_context
from infra.db.orders.searching.list_sources import Branch, Source
from infra.db.portal.sign_in_codes import IndexedContact, Kind

MAX_CUSTOMERS = 200

_OPEN = text(
    """
    INSERT INTO portal_sessions (session_hash, contact_kind, contacts, expires_at)
    VALUES (:hash, :kind, CAST(:contacts AS bytea[]), now() + make_interval(secs => :lifetime_s))
    """
)
# One statement looks and, at most once a minute, notes that the session is in use.
_FIND = text(
    """
    WITH found AS (
      SELECT session_hash, seen_at, contact_kind, contacts FROM portal_sessions
       WHERE session_hash = :hash AND expires_at > now() AND seen_at > now() - make_interval(secs => :idle_s)),
    seen AS (
      UPDATE portal_sessions s SET seen_at = now() FROM found
       WHERE s.session_hash = found.session_hash AND found.seen_at < now() - interval '1 minute')
    SELECT contact_kind, contacts FROM found
    """
)
_CLOSE = text("DELETE FROM portal_sessions WHERE session_hash = :hash")

# A channel says for its own orders how the customer is reached, and for no other's.
_CUSTOMERS = text(
    """
    SELECT s.customer_id, s.channel, c.data_key, s.profile_enc
      FROM customer_contacts s JOIN customers c USING (customer_id)
     WHERE (s.email_index = ANY(CAST(:email AS bytea[])) OR s.phone_index = ANY(CAST(:phone AS bytea[])))
       AND c.data_key IS NOT NULL
     ORDER BY s.updated_at DESC, s.customer_id, s.channel LIMIT :limit
    """
)
# What support corrected on an order opens that order, and what the channel said of it opens it no more.
_CORRECTED = text(
    """
    SELECT k.customer_id, c.data_key, k.profile_enc
      FROM order_contacts k JOIN customers c USING (customer_id)
     WHERE (k.email_index = ANY(CAST(:email AS bytea[])) OR k.phone_index = ANY(CAST(:phone AS bytea[])))
       AND c.data_key IS NOT NULL
     ORDER BY k.customer_id, k.contact_id LIMIT 1
    """
)
_REACHED_BY = """
      FROM orders o JOIN customers c USING (customer_id) LEFT JOIN customer_contacts s USING (customer_id, channel)
      LEFT JOIN order_contacts k ON o.contact_corrected AND k.customer_id = o.customer_id
       AND k.contact_id = o.contact_id
     WHERE o.order_no = :order_no AND c.data_key IS NOT NULL
"""
_CUSTOMER_OF = text(
    "SELECT o.customer_id, o.channel, c.data_key,"
    f" CASE WHEN o.contact_corrected THEN k.profile_enc ELSE s.profile_enc END AS profile_enc {_REACHED_BY}"
)
_OWNER = text(
    f"""
    SELECT o.customer_id {_REACHED_BY}
       AND CASE WHEN o.contact_corrected
                THEN k.email_index = ANY(CAST(:email AS bytea[])) OR k.phone_index = ANY(CAST(:phone AS bytea[]))
                ELSE s.email_index = ANY(CAST(:email AS bytea[])) OR s.phone_index = ANY(CAST(:phone AS bytea[])) END
    """
)


@dataclass(frozen=True, slots=True)
class Reached:
    """A customer who can receive messages: `to` is the stored address or number, not what was typed; `channel` is the
    one that knows it, empty for what support corrected."""

    customer_id: str
    contact: IndexedContact
    to: str
    channel: str = ""


async def by_contact(conn: AsyncConnection, keys: KeyRing, contact: IndexedContact) -> Reached | None:
    """The customer who changed their profile last among those with this contact, else one of whom support corrected an
    order to it; or None."""
    row = (await conn.execute(_CUSTOMERS, {**_indexes(contact), "limit": 1})).mappings().one_or_none()
    if row is None:
        row = (await conn.execute(_CORRECTED, _indexes(contact))).mappings().one_or_none()
    to = _profile(keys, row).get(contact.kind) if row is not None else None
    return Reached(row["customer_id"], contact, to, row.get("channel", "")) if row is not None and to else None


async def by_order(conn: AsyncConnection, keys: KeyRing, order_no: str) -> Reached | None:
    """The order's customer, by e-mail where there is one, else by telephone; or None."""
    row = (await conn.execute(_CUSTOMER_OF, {"order_no": order_no})).mappings().one_or_none()
    profile = _profile(keys, row) if row is not None else {}
    kinds: tuple[Kind, ...] = ("email", "phone")
    for kind in kinds:
        if row is not None and (to := profile.get(kind)):
            indexes = keys.vault.blind_indexes(kind, to)
            return Reached(row["customer_id"], IndexedContact(kind, indexes), to, row["channel"])
    return None


async def open_session(conn: AsyncConnection, contact: IndexedContact, lifetime_s: float) -> str:
    """A new session of whoever proved to read this contact's messages; its cookie."""
    cookie = secrets.token_urlsafe(32)
    row = {"hash": _hash(cookie), "kind": contact.kind, "contacts": list(contact.indexes)}
    await conn.execute(_OPEN, {**row, "lifetime_s": float(lifetime_s)})
    return cookie


async def session_of(conn: AsyncConnection, cookie: str, idle_s: float) -> IndexedContact | None:
    """Whose cookie this is, or None when it is nobody's, too old or idle for `idle_s` seconds."""
    row = (await conn.execute(_FIND, {"hash": _hash(cookie), "idle_s": float(idle_s)})).one_or_none()
    return None if row is None else IndexedContact(row.contact_kind, row.contacts)


async def close_session(conn: AsyncConnection, cookie: str) -> None:
    """End one session."""
    await conn.execute(_CLOSE, {"hash": _hash(cookie)})


async def customers_of(conn: AsyncConnection, contact: IndexedContact) -> list[tuple[str, str]]:
    """(customer, channel) with this contact, MAX_CUSTOMERS at most: one person may have ordered under several ids."""
    rows = await conn.execute(_CUSTOMERS, {**_indexes(contact), "limit": MAX_CUSTOMERS})
    return [(row.customer_id, row.channel) for row in rows]


def branches_of(contact: IndexedContact, customers: Sequence[tuple[str, str]]) -> list[Branch]:
    """The contact's orders for a list: those of `customers` (see `customers_of`) as their channels say it, and those
    that support corrected to it."""
    own = "k.customer_id = orders.customer_id"
    pairs = {"customers": [customer for customer, _ in customers], "channels": [channel for _, channel in customers]}
    listed = "unnest(CAST(:customers AS text[]), CAST(:channels AS text[])) k (customer_id, channel) WHERE true"
    corrected = f"order_contacts k WHERE k.{contact.kind}_index = ANY(CAST(:contacts AS bytea[]))"
    named = f"{own} AND k.contact_id = orders.contact_id AND orders.contact_corrected"
    return [
        Source("customer", listed, f"{own} AND k.channel = orders.channel AND NOT orders.contact_corrected", pairs),
        Source("corrected", corrected, named, {"contacts": list(contact.indexes)}),
    ]


async def owner_of(conn: AsyncConnection, contact: IndexedContact, order_no: str) -> str:
    """The customer whose order this is, if the contact is theirs. Raises NotFound `order_not_found`."""
    found = (await conn.execute(_OWNER, {"order_no": order_no, **_indexes(contact)})).scalar_one_or_none()
    if found is None:
        raise NotFound("order_not_found")
    return str(found)


def _indexes(contact: IndexedContact) -> dict[str, Sequence[bytes]]:
    known: dict[str, Sequence[bytes]] = {"email": [], "phone": []}
    return {**known, contact.kind: list(contact.indexes)}


def _profile(keys: KeyRing, row: RowMapping) -> dict[str, str | None]:
    found = keys.open_json(row["data_key"], row["profile_enc"], profile_context(row["customer_id"]))
    return found if isinstance(found, dict) else {}


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
