"""Which customers a text finds: an id, or an e-mail address, telephone number or name, as known now or before."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra import contact_search
from infra.db.customers.profiles import KeyRing, NamedPerson, person_in, profile_context
from infra.security.crypto import Vault

# Each branch gives its first rows behind the position, so the first of all of them are among these.
_BRANCH = "(SELECT DISTINCT k.customer_id FROM {rows} AND k.customer_id > :after ORDER BY k.customer_id LIMIT :limit)"
_SHOWN = """
    SELECT c.customer_id, c.created_at, c.data_key, c.profile_enc,
           (SELECT count(*) FROM (SELECT FROM orders o WHERE o.customer_id = c.customer_id LIMIT :most) f) AS orders,
           (SELECT max(o.created_at) FROM orders o WHERE o.customer_id = c.customer_id) AS last_order_at
      FROM customers c {among} ORDER BY c.customer_id LIMIT :limit
"""
_ALL = text(_SHOWN.format(among="WHERE c.customer_id > :after"))
MOST_ORDERS = 1_000


class CustomerRow(NamedPerson):
    """A customer as a list shows them; `erased` where the key is gone. `orders` is counted up to MOST_ORDERS."""

    customer_id: str
    created_at: datetime
    orders: int
    last_order_at: datetime | None
    erased: bool


async def page(conn: AsyncConnection, keys: KeyRing, q: str, after: str, limit: int) -> list[CustomerRow]:
    """At most `limit` customers behind the id `after`, in the order of their ids; all of them for an empty text."""
    values: dict[str, object] = {"after": after, "limit": limit, "most": MOST_ORDERS}
    if not q:
        rows = await conn.execute(_ALL, values)
    else:
        branches, parameters = _branches(keys.vault, q)
        union = " UNION ".join(_BRANCH.format(rows=rows) for rows in branches)
        rows = await conn.execute(
            text(_SHOWN.format(among=f"JOIN ({union}) k USING (customer_id)")), values | parameters
        )
    return [_row(keys, row) for row in rows.mappings()]


def _branches(vault: Vault, q: str) -> tuple[list[str], dict[str, object]]:
    """FROM clauses of rows `k` that name a customer, and their parameters."""
    branches = ["customers k WHERE k.customer_id = :q"]
    values: dict[str, object] = {"q": q}
    for kind, is_one in (("email", "@" in q), ("phone", bool(contact_search.phone_sought(q)))):
        if is_one:
            plain = contact_search.address_in(q) if kind == "email" else q
            values[kind] = vault.blind_indexes("email" if kind == "email" else "phone", plain)
            for table in ("customers", "customer_contacts"):
                branches.append(f"{table} k WHERE k.{kind}_index = ANY(CAST(:{kind} AS bytea[]))")
    for name, (operator, words) in _sought(q).items():
        for number, terms in enumerate(vault.terms_by_key(words)):
            values[f"{name}_{number}"] = terms
            branches.append(f"order_contacts k WHERE k.terms {operator} CAST(:{name}_{number} AS bytea[])")
    return branches, values


def _sought(q: str) -> dict[str, tuple[str, Sequence[str]]]:
    found: dict[str, tuple[str, Sequence[str]]] = {}
    if (email := contact_search.email_sought(q)) is not None:
        found["email_words"] = ("&&", [email])
    if phones := contact_search.phone_sought(q):
        found["phone_words"] = ("&&", phones)
    if names := contact_search.name_sought(q):
        found["name_words"] = ("@>", names)
    return found


def _row(keys: KeyRing, row: RowMapping) -> CustomerRow:
    known = keys.open_json(row["data_key"], row["profile_enc"], profile_context(row["customer_id"])) or {}
    return {
        **person_in(known),
        "customer_id": row["customer_id"],
        "created_at": row["created_at"],
        "orders": row["orders"],
        "last_order_at": row["last_order_at"],
        "erased": row["data_key"] is None,
    }
