"""The record of exports; its trigger writes the audit log."""

from collections.abc import Mapping

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_RECORD = text(
    """
    INSERT INTO order_exports (actor, format, filters, personal_data)
    VALUES (:actor, :format, CAST(:filters AS jsonb), :personal_data)
    """
)


async def record(
    conn: AsyncConnection, actor: str, file_format: str, filters: Mapping[str, object], *, personal: bool
) -> None:
    """Before the first row leaves; the transaction is `actor`'s. `filters` hold no personal data."""
    row = {"actor": actor, "format": file_format, "personal_data": personal}
    await conn.execute(_RECORD, {**row, "filters": orjson.dumps(dict(filters)).decode()})
