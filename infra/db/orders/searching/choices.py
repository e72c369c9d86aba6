"""What the filters of the table of orders offer: channels and warehouses that exist, customers by what is typed."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra import contact_search
from infra.security.crypto import Vault

MAX_CHANNELS = 100
MAX_CUSTOMERS = 200

# One step down the index for each channel, however many orders it has.
_CHANNELS = text(
    """
    WITH RECURSIVE found AS (
      (SELECT channel FROM orders ORDER BY channel LIMIT 1)
      UNION ALL
      (SELECT (SELECT o.channel FROM orders o WHERE o.channel > f.channel ORDER BY o.channel LIMIT 1)
         FROM found f WHERE f.channel IS NOT NULL))
    SELECT channel FROM found WHERE channel IS NOT NULL LIMIT :most
    """
)
_WAREHOUSES = text("SELECT code, name FROM warehouses ORDER BY priority, code")
_EXACTLY = text("SELECT EXISTS (SELECT FROM customers WHERE customer_id = :typed)")
_NAMED_BEFORE = "SELECT customer_id FROM order_contacts k WHERE "
_KNOWN_NOW = """
    SELECT customer_id FROM customers
     WHERE email_index = ANY(CAST(:email_known AS bytea[])) OR phone_index = ANY(CAST(:phone_known AS bytea[]))"""


@dataclass(frozen=True, slots=True)
class Choices:
    """Channels that sent orders, and (code, name) of the warehouses."""

    channels: list[str]
    warehouses: list[tuple[str, str]]


async def read(conn: AsyncConnection) -> Choices:
    """What there is to choose from."""
    channels = list((await conn.execute(_CHANNELS, {"most": MAX_CHANNELS})).scalars())
    return Choices(channels, [(row.code, row.name) for row in await conn.execute(_WAREHOUSES)])


async def customers(conn: AsyncConnection, vault: Vault, typed: str) -> list[str]:
    """The ids of customers whom `typed` names: an id, a name or words of it, an e-mail address, a telephone number, as
    any of their orders named them or as they are known now. At most MAX_CUSTOMERS + 1."""
    if (await conn.execute(_EXACTLY, {"typed": typed})).scalar_one():
        return [typed]
    values: dict[str, object] = {"most": MAX_CUSTOMERS + 1}
    parts = [_NAMED_BEFORE + one for one in _named(vault, typed, values)]
    parts.append(_KNOWN_NOW)
    email, phone = contact_search.address_in(typed), bool(contact_search.phone_sought(typed))
    values["email_known"] = vault.blind_indexes("email", email) if "@" in email else []
    values["phone_known"] = vault.blind_indexes("phone", typed) if phone else []
    query = f"SELECT DISTINCT customer_id FROM ({' UNION ALL '.join(parts)}) found LIMIT :most"  # noqa: S608
    return list((await conn.execute(text(query), values)).scalars())


def _named(vault: Vault, typed: str, values: dict[str, object]) -> list[str]:
    sought = [("&&", contact_search.phone_sought(typed)), ("@>", contact_search.name_sought(typed))]
    if (email := contact_search.email_sought(typed)) is not None:
        sought.append(("&&", [email]))
    found = []
    for operator, words in sought:
        for terms in vault.terms_by_key(words) if words else ():
            name = f"terms_{len(values)}"
            values[name] = terms
            found.append(f"k.terms {operator} CAST(:{name} AS bytea[])")
    return found
