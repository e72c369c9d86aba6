"""What a search text may mean, and the branches that find it: one search for the API's lists and for the console."""

import re
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.order_no import beginning, normalise, span_of
from infra import contact_search
from infra.db.orders.searching.list_sources import Branch, Exactly, Numbered, Source
from infra.security.crypto import Vault

MANY = 2000
MAX_PRODUCTS = 200
MIN_PRODUCT_CHARS = 2
# A customer with more contacts than this is not taken for one person.
ONE_PERSON = 50
# How far the clocks of the processes that number orders may be from that of the database.
CLOCKS_APART = timedelta(days=1)

# external_ref is unique per channel: the channels are found by one step down the index each. A provider's reference is
# unique with its provider.
_EXACT = text(
    """
    WITH RECURSIVE channels AS (
      (SELECT channel FROM orders ORDER BY channel LIMIT 1)
      UNION ALL
      (SELECT (SELECT o.channel FROM orders o WHERE o.channel > c.channel ORDER BY o.channel LIMIT 1)
         FROM channels c WHERE c.channel IS NOT NULL))
    SELECT 'order_no' AS kind, o.order_no FROM orders o WHERE o.order_no = CAST(:order_no AS text)
    UNION ALL
    SELECT 'external_ref', o.order_no FROM channels c JOIN orders o ON o.channel = c.channel AND o.external_ref = :q
    UNION ALL
    (SELECT 'tracking_no', s.order_no FROM shipments s WHERE s.tracking_no IN (:q, :joined) LIMIT :many)
    UNION ALL
    (SELECT 'tracking_no', r.order_no FROM returns r WHERE r.tracking_no IN (:q, :joined) LIMIT :many)
    UNION ALL
    (SELECT 'payment', p.order_no FROM payments p
      WHERE p.provider = ANY(CAST(:providers AS text[])) AND p.provider_ref = :q AND p.provider <> 'manual' LIMIT :many)
    UNION ALL
    (SELECT 'payment', p.order_no FROM payments p WHERE p.provider = 'manual' AND p.provider_ref = :q LIMIT :many)
    UNION ALL
    SELECT 'refund', r.order_no FROM refunds r WHERE r.refund_id = :q
    UNION ALL
    SELECT 'return', r.order_no FROM returns r WHERE r.return_id = :q
    UNION ALL
    SELECT 'document', d.order_no FROM documents d WHERE d.document_no = :q
    """
)
_GOODS = text(
    """
    WITH goods AS MATERIALIZED (
      (SELECT 'sku' AS kind, sku FROM products WHERE lower(sku) = lower(:q) ORDER BY sku LIMIT :few)
      UNION ALL
      (SELECT 'product_name', sku FROM products
        WHERE CAST(:pattern AS text) IS NOT NULL AND lower(name) LIKE lower(:pattern) ORDER BY sku LIMIT :few))
    SELECT kind, array_agg(sku) AS skus,
           (SELECT count(*) FROM (SELECT FROM order_lines l WHERE l.sku = ANY(array_agg(g.sku)) LIMIT :many + 1) f)
             > :many AS many
      FROM goods g GROUP BY kind
    """
)
_NUMBERED = text(
    """SELECT count(*) > :many FROM (SELECT FROM orders WHERE order_no BETWEEN :first AND :last LIMIT :many + 1) f"""
)
_LATER_SYMBOLS = "Z" * 20


async def meanings(
    conn: AsyncConnection, vault: Vault, q: str, providers: Sequence[str], *, everybody: bool
) -> list[Branch]:
    """The branches that find `q`: an order's number or its beginning, a reference, a contact as orders named it, a
    SKU, a part of a product's name. `everybody` (staff) also finds all orders of a customer who is known by `q` now,
    or whom another order named with this e-mail address.
    """
    return [
        *await _exact(conn, q, providers),
        *await _numbered(conn, q),
        *await _contacts(conn, vault, q),
        *_profiles(vault, q, everybody=everybody),
        *(_named_before(vault, q) if everybody else ()),
        *await _goods(conn, q),
    ]


async def _exact(conn: AsyncConnection, q: str, providers: Sequence[str]) -> list[Branch]:
    parameters: dict[str, object] = {"q": q, "joined": re.sub(r"[\s-]", "", q), "order_no": normalise(q), "many": MANY}
    found: dict[str, list[str]] = {}
    for row in await conn.execute(_EXACT, {**parameters, "providers": list(providers)}):
        found.setdefault(row.kind, []).append(row.order_no)
    return [Exactly(kind, order_nos) for kind, order_nos in found.items()]


async def _numbered(conn: AsyncConnection, q: str) -> list[Branch]:
    if (first := beginning(q)) is None:
        return []
    ends = {"first": first, "last": first + _LATER_SYMBOLS}
    many = (await conn.execute(_NUMBERED, {**ends, "many": MANY})).scalar_one()
    since, until = span_of(first)
    return [Numbered("order_no", **ends, since=since - CLOCKS_APART, until=until + CLOCKS_APART, many=many)]


async def _contacts(conn: AsyncConnection, vault: Vault, q: str) -> list[Branch]:
    sought: dict[str, tuple[str, list[str]]] = {}
    if (email := contact_search.email_sought(q)) is not None:
        sought["email"] = ("&&", [email])
    if phones := contact_search.phone_sought(q):
        sought["phone"] = ("&&", phones)
    if names := contact_search.name_sought(q):
        sought["name"] = ("@>", names)
    return [
        await _counted(conn, kind, operator, vault.terms_by_key(words)) for kind, (operator, words) in sought.items()
    ]


async def _counted(conn: AsyncConnection, kind: str, operator: str, by_key: Sequence[list[bytes]]) -> Branch:
    values = {f"{kind}_{number}": terms for number, terms in enumerate(by_key)}
    either = " OR ".join(f"k.terms {operator} CAST(:{name} AS bytea[])" for name in values)
    rows = f"order_contacts k WHERE ({either})"
    found = f"WITH k AS MATERIALIZED (SELECT FROM {rows})"
    count = f"{found} SELECT count(*) > {MANY} FROM (TABLE k LIMIT {MANY} + 1) f"  # noqa: S608
    many = (await conn.execute(text(count), values)).scalar_one()
    belongs = "k.customer_id = orders.customer_id AND k.contact_id = orders.contact_id"
    return Source(kind, rows, belongs, values, many)


def _named_before(vault: Vault, q: str) -> list[Branch]:
    """All orders of customers whom any order named with this e-mail address: the ones after it was changed, too.

    A telephone number is not taken so: it may be that of a receiver, who is another person. Nor is an id that has many
    contacts: shops give one to all of their guests.
    """
    if (email := contact_search.email_sought(q)) is None:
        return []
    values = {f"before_{number}": terms for number, terms in enumerate(vault.terms_by_key([email]))}
    either = " OR ".join(f"c.terms && CAST(:{name} AS bytea[])" for name in values)
    contacts = f"SELECT FROM order_contacts m WHERE m.customer_id = c.customer_id LIMIT {ONE_PERSON} + 1"
    person = f"(SELECT count(*) FROM ({contacts}) f) <= {ONE_PERSON}"  # noqa: S608
    rows = f"(SELECT DISTINCT c.customer_id FROM order_contacts c WHERE ({either}) AND {person}) k WHERE true"  # noqa: S608
    return [Source("email", rows, "k.customer_id = orders.customer_id", values)]


def _profiles(vault: Vault, q: str, *, everybody: bool) -> list[Branch]:
    """What is known of customers by their newest word, and by each channel's: also finds what no order named yet."""
    found: list[Branch] = []
    for kind, is_one in (("email", "@" in q), ("phone", bool(contact_search.phone_sought(q)))):
        if not is_one:
            continue
        plain = contact_search.address_in(q) if kind == "email" else q
        values = {f"{kind}_known": vault.blind_indexes("email" if kind == "email" else "phone", plain)}
        known = f"k.{kind}_index = ANY(CAST(:{kind}_known AS bytea[]))"
        own = "k.customer_id = orders.customer_id"
        found.append(
            Source(kind, f"customer_contacts k WHERE {known}", f"{own} AND k.channel = orders.channel", values)
        )
        if everybody:
            found.append(Source(kind, f"customers k WHERE {known}", own, values))
    return found


async def _goods(conn: AsyncConnection, q: str) -> list[Branch]:
    escaped = q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{escaped}%" if len(q) >= MIN_PRODUCT_CHARS else None
    parameters = {"q": q, "pattern": pattern, "few": MAX_PRODUCTS, "many": MANY}
    found: list[Branch] = []
    for row in await conn.execute(_GOODS, parameters):
        values = {f"{row.kind}_skus": row.skus}
        wanted = f"k.sku = ANY(CAST(:{row.kind}_skus AS text[]))"
        found.append(
            Source(row.kind, f"order_lines k WHERE {wanted}", "k.order_no = orders.order_no", values, row.many)
        )
    return found
