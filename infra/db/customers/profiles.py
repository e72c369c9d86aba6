"""Customers' personal fields: sealed under a data key each, found by blind index."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypedDict

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.customers import CustomerProfile
from domain.errors import NotFound
from domain.json_types import JsonObject, JsonValue
from infra.security.crypto import Unreadable, Vault

CACHED_KEYS = 4096
_KEY_OF_ORDER = text(
    "SELECT c.data_key FROM orders o JOIN customers c USING (customer_id) WHERE o.order_no = :order_no"
)


class NamedPerson(TypedDict):
    """How a customer is named and reached; None where it is not known."""

    name: str | None
    email: str | None
    phone: str | None


class KeyRing:
    """A vault that remembers the data keys it unwrapped last. One per process, not for threads."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.unwrap = lru_cache(maxsize=CACHED_KEYS)(vault.unwrap)

    def open_json(self, wrapped: bytes | None, sealed: bytes | None, context: str) -> JsonValue:
        """The sealed value, or None where there is none or where its key is gone (erasure)."""
        if wrapped is None or sealed is None:
            return None
        try:
            return self.vault.open_json(self.unwrap(wrapped), sealed, context)
        except Unreadable:
            return None

    def seal_json(self, wrapped: bytes, value: JsonValue, context: str) -> bytes:
        """Seal `value` under the wrapped data key. Raises Unreadable when its master key is gone."""
        return self.vault.seal_json(self.unwrap(wrapped), value, context)


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """What the database stores of a customer when an order names them. `changed` asks for it to be written."""

    customer_id: str
    data_key: bytes
    plain_key: bytes
    changed: bool
    profile_enc: bytes | None = None
    email_index: bytes | None = None
    phone_index: bytes | None = None


def profile_context(customer_id: str) -> str:
    """The context that a profile is sealed with."""
    return f"customer:{customer_id}"


def person_in(stored: JsonObject) -> NamedPerson:
    """The person of an opened profile."""
    return {"name": stored.get("name"), "email": stored.get("email"), "phone": stored.get("phone")}


def recorded(
    keys: KeyRing,
    customer_id: str,
    profile: CustomerProfile,
    data_key: bytes | None,
    kept: bytes | None,
    reported: bytes | None,
) -> CustomerRecord:
    """The record for `profile`, given the stored key and encrypted profile, and the encrypted profile that the channel
    sent last.

    A customer without a key (new, or erased) gets a fresh one; who names no language keeps the one named
    before. Raises Unreadable when the master key is gone.
    """
    if data_key is None:
        plain, wrapped = keys.vault.new_data_key()
    else:
        plain, wrapped = keys.unwrap(data_key), data_key
        stored = keys.open_json(wrapped, kept, profile_context(customer_id))
        known = CustomerProfile.from_json(stored) if stored else None
        if known is not None and profile.language is None:
            profile = replace(profile, language=known.language)
        if known == profile and reported == kept:
            return CustomerRecord(customer_id, wrapped, plain, changed=False)
    email, phone = profile.email, profile.phone
    return CustomerRecord(
        customer_id,
        wrapped,
        plain,
        changed=True,
        profile_enc=keys.vault.seal_json(plain, profile.as_json(), profile_context(customer_id)),
        email_index=keys.vault.blind_index("email", email) if email else None,
        phone_index=keys.vault.blind_index("phone", phone) if phone else None,
    )


async def data_key_of(conn: AsyncConnection, order_no: str) -> bytes | None:
    """The wrapped key of the order's customer; None when the customer was erased. Raises NotFound `order_not_found`."""
    row = (await conn.execute(_KEY_OF_ORDER, {"order_no": order_no})).one_or_none()
    if row is None:
        raise NotFound("order_not_found")
    key: bytes | None = row.data_key
    return key
