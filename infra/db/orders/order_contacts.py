"""How orders name their customers and receivers: sealed, and found by blind terms."""

import hmac
import json
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.customers import CustomerProfile
from domain.json_types import JsonObject
from domain.orders.addresses import ShippingAddress
from infra.contact_search import words_of
from infra.db.customers.profiles import KeyRing, profile_context

CONTACT_BYTES = 16
NOBODY = b""

# What the order named before stays among the terms: it is still found by it.
_RENAME = text(
    """
    WITH named AS (
      INSERT INTO order_contacts AS k (customer_id, contact_id, profile_enc, terms, email_index, phone_index)
      SELECT o.customer_id, CAST(:contact_id AS bytea), CAST(:profile_enc AS bytea),
             ARRAY(SELECT unnest(coalesce(w.terms, '{}')) UNION SELECT unnest(CAST(:terms AS bytea[]))),
             CAST(:email_index AS bytea), CAST(:phone_index AS bytea)
        FROM orders o LEFT JOIN order_contacts w USING (customer_id, contact_id) WHERE o.order_no = :order_no
      ON CONFLICT (customer_id, contact_id) DO UPDATE
         SET profile_enc = excluded.profile_enc, terms = excluded.terms, email_index = excluded.email_index,
             phone_index = excluded.phone_index)
    UPDATE orders SET contact_id = CAST(:contact_id AS bytea),
           contact_corrected = CAST(:corrected AS boolean)
     WHERE order_no = :order_no
    """
)
_AMEND_ADDRESS = text(
    """UPDATE orders SET ship_to_enc = :sealed, country = :country, province = :province, city = :city,
              address_rev = address_rev + 1 WHERE order_no = :order_no"""
)
_NOW = text(
    """
    SELECT o.customer_id, o.contact_corrected, c.data_key, o.ship_to_enc, o.country,
           CASE WHEN o.contact_corrected THEN k.profile_enc ELSE coalesce(s.profile_enc, c.profile_enc) END
             AS profile_enc,
           CASE WHEN o.contact_corrected THEN k.profile_enc
                ELSE coalesce(k.profile_enc, s.profile_enc, c.profile_enc) END AS named_enc
      FROM orders o JOIN customers c USING (customer_id)
      LEFT JOIN customer_contacts s USING (customer_id, channel)
      LEFT JOIN order_contacts k USING (customer_id, contact_id)
     WHERE o.order_no = :order_no
    """
)
_UNKNOWN = text(
    """
    SELECT o.order_no, o.customer_id, o.country, o.ship_to_enc, c.data_key,
           coalesce(s.profile_enc, c.profile_enc) AS profile_enc
      FROM orders o JOIN customers c USING (customer_id) LEFT JOIN customer_contacts s USING (customer_id, channel)
     WHERE o.contact_id IS NULL ORDER BY o.order_no LIMIT :limit FOR UPDATE OF o SKIP LOCKED
    """
)
_FILL = text(
    """
    INSERT INTO order_contacts (customer_id, contact_id, profile_enc, terms)
    VALUES (:customer_id, :contact_id, :profile_enc, CAST(:terms AS bytea[])) ON CONFLICT DO NOTHING
    """
)
_POINT = text("UPDATE orders SET contact_id = :contact_id WHERE order_no = :order_no AND contact_id IS NULL")


@dataclass(frozen=True, slots=True)
class Named:
    """A contact that an order named, ready for the database."""

    contact_id: bytes
    profile_enc: bytes
    terms: list[bytes]


@dataclass(frozen=True, slots=True)
class Standing:
    """How an order's customer is reached now (`profile`); None where nothing can be opened any more."""

    customer_id: str
    data_key: bytes | None
    profile: CustomerProfile | None
    named: CustomerProfile | None
    ship_to: ShippingAddress | None
    country: str
    corrected: bool


def named(
    keys: KeyRing, plain_key: bytes, customer_id: str, profile: CustomerProfile, ship_to: ShippingAddress
) -> Named:
    """What an order that names these two is found by; the same for each order of the customer that names the same."""
    contact = profile.as_json()
    return Named(
        contact_id(plain_key, profile, ship_to),
        keys.vault.seal_json(plain_key, contact, profile_context(customer_id)),
        keys.vault.terms(words_of((contact, _receiver(ship_to)), ship_to.country)),
    )


def contact_id(plain_key: bytes, profile: CustomerProfile, ship_to: ShippingAddress) -> bytes:
    """The key under which the search terms of an order with these two are stored."""
    texts = [sorted(profile.as_json().items()), sorted(_receiver(ship_to).items())]
    return _id(plain_key, json.dumps(texts, ensure_ascii=False))


def _receiver(ship_to: ShippingAddress) -> dict[str, str | None]:
    return {"name": ship_to.name, "phone": ship_to.phone}


async def standing(conn: AsyncConnection, keys: KeyRing, order_no: str) -> Standing:
    """The order's contact as it stands."""
    row = (await conn.execute(_NOW, {"order_no": order_no})).one()
    context = profile_context(row.customer_id)
    return Standing(
        row.customer_id,
        row.data_key,
        _profile(keys.open_json(row.data_key, row.profile_enc, context)),
        _profile(keys.open_json(row.data_key, row.named_enc, context)),
        address_of(keys.open_json(row.data_key, row.ship_to_enc, f"{order_no}:ship_to")),
        row.country,
        row.contact_corrected,
    )


async def correct(
    conn: AsyncConnection, keys: KeyRing, order_no: str, contacts: Standing, profile: CustomerProfile
) -> None:
    """From now on the order's customer is reached by this profile, and by no other; it is found by both."""
    await _rename(conn, keys, order_no, contacts, profile, contacts.ship_to, corrected=True)


async def readdress(conn: AsyncConnection, keys: KeyRing, order_no: str, ship_to: ShippingAddress) -> None:
    """The order's parcel goes to somebody else: it is found by the new receiver, too."""
    contacts = await standing(conn, keys, order_no)
    if contacts.data_key is not None and contacts.named is not None:
        await _rename(conn, keys, order_no, contacts, contacts.named, ship_to, corrected=contacts.corrected)


async def _rename(
    conn: AsyncConnection,
    keys: KeyRing,
    order_no: str,
    contacts: Standing,
    profile: CustomerProfile,
    ship_to: ShippingAddress | None,
    *,
    corrected: bool,
) -> None:
    assert contacts.data_key is not None, "an erased customer's order is not renamed"
    plain, vault = keys.unwrap(contacts.data_key), keys.vault
    email, phone, contact = profile.email, profile.phone, profile.as_json()
    receiver = _receiver(ship_to) if ship_to else {}
    row: dict[str, object] = {"order_no": order_no, "contact_id": _id(plain, order_no), "corrected": corrected}
    row["profile_enc"] = vault.seal_json(plain, contact, profile_context(contacts.customer_id))
    row["terms"] = vault.terms(words_of((contact, receiver), ship_to.country if ship_to else contacts.country))
    row["email_index"] = vault.blind_index("email", email) if corrected and email else None
    row["phone_index"] = vault.blind_index("phone", phone) if corrected and phone else None
    await conn.execute(_RENAME, row)


async def fill(conn: AsyncConnection, keys: KeyRing, limit: int) -> int:
    """Make up to `limit` orders from before searchable by what they named; the number of them. Repeatable."""
    rows = (await conn.execute(_UNKNOWN, {"limit": limit})).mappings().all()
    for row in rows:
        found = _named_by(keys, row)
        place = {"customer_id": row["customer_id"], "contact_id": found.contact_id if found else NOBODY}
        if found is not None:
            await conn.execute(_FILL, {**place, "profile_enc": found.profile_enc, "terms": found.terms})
        await conn.execute(_POINT, {"order_no": row["order_no"], "contact_id": place["contact_id"]})
    return len(rows)


def _named_by(keys: KeyRing, row: RowMapping) -> Named | None:
    """None where the key is gone: such an order is found by nobody's contact."""
    key, customer_id = row["data_key"], row["customer_id"]
    profile = _profile(keys.open_json(key, row["profile_enc"], profile_context(customer_id)))
    ship_to = keys.open_json(key, row["ship_to_enc"], f"{row['order_no']}:ship_to")
    if profile is None and ship_to is None:
        return None
    place = ShippingAddress.from_json({"country": row["country"], **(ship_to or {})})
    return named(keys, keys.unwrap(key), customer_id, profile or CustomerProfile(), place)


def _profile(stored: JsonObject | None) -> CustomerProfile | None:
    return None if stored is None else CustomerProfile.from_json(stored)


def address_of(stored: JsonObject | None) -> ShippingAddress | None:
    """The address as the database keeps it; None where there is none any more."""
    return None if stored is None else ShippingAddress.from_json(stored)


def _id(plain_key: bytes, text: str) -> bytes:
    return hmac.digest(plain_key, f"contact:{text}".encode(), "sha256")[:CONTACT_BYTES]


async def amend_address(
    conn: AsyncConnection, order_no: str, sealed: bytes, country: str, province: str, city: str
) -> None:
    """Another address for the parcel, as support corrects it."""
    place = {"country": country, "province": province, "city": city}
    await conn.execute(_AMEND_ADDRESS, {"order_no": order_no, "sealed": sealed, **place})
