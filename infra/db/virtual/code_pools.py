"""The codes of virtual products: added to the pool of their product, encrypted under its key, counted."""

import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers.profiles import KeyRing

_OPEN = text(
    """
    INSERT INTO code_pools (sku, data_key) VALUES (:sku, :data_key)
    ON CONFLICT (sku) DO NOTHING
    """
)
_KEY = text("SELECT data_key FROM code_pools WHERE sku = :sku")
# In order of the locks, so that two who need several pools do not wait for each other.
_TURN = text(
    """
    SELECT pg_advisory_xact_lock(p.pool)
      FROM (SELECT DISTINCT hashtextextended('code pool ' || s.sku, 0) AS pool
              FROM unnest(CAST(:skus AS text[])) AS s (sku) ORDER BY 1) p
    """
)
_ADD = text(
    """
    WITH added AS (
      INSERT INTO product_codes (sku, upload_id, digest, code_enc)
      SELECT :sku, :upload_id, n.digest, n.code_enc
        FROM unnest(CAST(:digests AS bytea[]), CAST(:codes AS bytea[])) WITH ORDINALITY AS n (digest, code_enc, place)
       ORDER BY n.place
      ON CONFLICT ON CONSTRAINT product_codes_once DO NOTHING RETURNING 1)
    INSERT INTO code_uploads (upload_id, sku, added, duplicates, added_by)
    SELECT :upload_id, :sku, a.added, :sent - a.added, :actor FROM (SELECT count(*)::integer AS added FROM added) a
    RETURNING added, duplicates
    """
)
_COUNTS = text(
    """
    SELECT (SELECT count(*) FROM product_codes WHERE sku = :sku AND order_no IS NULL) AS free,
           (SELECT count(*) FROM product_codes WHERE sku = :sku AND order_no IS NOT NULL) AS issued
    """
)
_UPLOADS = text(
    """
    SELECT upload_id, added, duplicates, added_by, added_at FROM code_uploads
     WHERE sku = :sku ORDER BY added_at DESC, upload_id DESC LIMIT :limit
    """
)
# Orders whose codes were missing try again, the oldest ones first: no more of them than there are new codes.
_RETRY_PARKED = text(
    """
    INSERT INTO workflow_requests (kind, subject, name)
    SELECT 'signal_order', w.order_no, 'stock_arrived'
      FROM (SELECT p.order_no FROM parked_steps p JOIN fulfilments f ON f.fulfilment_id = p.subject
             WHERE p.step = 'issue_codes' AND p.resolved_at IS NULL
               AND EXISTS (SELECT FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no)
                            WHERE n.order_no = f.order_no AND n.number = f.number AND l.sku = :sku)
             ORDER BY p.since, p.order_no LIMIT :most) w
    """
)


@dataclass(frozen=True, slots=True)
class Upload:
    """Codes that were added together; `duplicates` were in the pool already, or twice in what was sent."""

    upload_id: str
    added: int
    duplicates: int
    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Pool:
    """How many codes of a product are left and were issued, and its newest uploads."""

    sku: str
    left: int
    issued: int
    uploads: list[Upload]


async def add(
    conn: AsyncConnection, keys: KeyRing, sku: str, upload_id: str, codes: Sequence[str], actor: str
) -> tuple[int, int]:
    """Add codes to the pool of a product; how many are new, and how many it has already. Orders that are parked because
    they lacked some try again."""
    await take_turn(conn, [sku])
    await conn.execute(_OPEN, {"sku": sku, "data_key": keys.vault.new_data_key()[1]})
    key = keys.unwrap((await conn.execute(_KEY, {"sku": sku})).scalar_one())
    digests = {digest_of(key, code): code for code in codes}
    sealed = [keys.vault.seal(key, code, context(sku, digest)) for digest, code in digests.items()]
    values = {"sku": sku, "upload_id": upload_id, "actor": actor, "sent": len(codes)}
    row = (await conn.execute(_ADD, {**values, "digests": list(digests), "codes": sealed})).one()
    await conn.execute(_RETRY_PARKED, {"sku": sku, "most": row.added})
    return row.added, row.duplicates


async def take_turn(conn: AsyncConnection, skus: Collection[str]) -> None:
    """Nobody else adds to these pools, or waits for codes of them, before the end of the transaction."""
    await conn.execute(_TURN, {"skus": list(skus)})


async def left(conn: AsyncConnection, sku: str) -> int:
    """The codes of a product that are not issued."""
    return int((await conn.execute(_COUNTS, {"sku": sku})).one().free)


async def pool(conn: AsyncConnection, sku: str, uploads: int) -> Pool:
    """The pool of a product with its newest `uploads`; empty where nothing was added."""
    counted = (await conn.execute(_COUNTS, {"sku": sku})).one()
    newest = await conn.execute(_UPLOADS, {"sku": sku, "limit": uploads})
    return Pool(sku, counted.free, counted.issued, [Upload(**row._mapping) for row in newest])


def digest_of(key: bytes, code: str) -> bytes:
    """What tells a code from the others of its pool: HMAC-SHA-256 under the key of the pool."""
    return hmac.digest(key, b"oms code digest:" + code.encode(), hashlib.sha256)


def context(sku: str, digest: bytes) -> str:
    """What a code is encrypted with: it opens in its own row alone."""
    return f"code:{sku}:{digest.hex()}"
