"""Addresses that events are sent to."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.customers.profiles import KeyRing

_ADD = text(
    """
    INSERT INTO webhook_endpoints (endpoint_id, url, secret_enc, data_key, event_types, stock_channels, created_by)
    VALUES (:endpoint_id, :url, :secret_enc, :data_key, CAST(:event_types AS text[]),
            CAST(:stock_channels AS text[]), :created_by)
    RETURNING created_at
    """
)
_SECRET = text("SELECT secret_enc, data_key FROM webhook_endpoints WHERE endpoint_id = :endpoint_id")
_ALL = text(
    """
    SELECT endpoint_id, url, event_types, stock_channels, active, created_by, created_at, failing_since, last_error,
           disabled_at,
           (SELECT count(*) FROM (SELECT FROM webhook_deliveries d
                                   WHERE d.endpoint_id = w.endpoint_id AND d.state = 'failed'
                                  UNION ALL
                                  SELECT FROM stock_level_deliveries l
                                   WHERE l.endpoint_id = w.endpoint_id AND l.state = 'failed' LIMIT 10000) f)
             AS given_up
      FROM webhook_endpoints w ORDER BY created_at, endpoint_id
    """
)
# Locked before its deliveries, as in every transaction.
_LOCK = text("SELECT 1 FROM webhook_endpoints WHERE endpoint_id = :endpoint_id FOR UPDATE")
_DROP_DELIVERIES = text("DELETE FROM webhook_deliveries WHERE endpoint_id = :endpoint_id")
_DROP = text("DELETE FROM webhook_endpoints WHERE endpoint_id = :endpoint_id")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address to add, with the secret that signs what is sent to it, and the channels whose stock levels are."""

    endpoint_id: str
    url: str
    event_types: list[str]
    created_by: str
    secret: str
    stock_channels: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AddedEndpoint:
    """An endpoint as it was added, without its secret."""

    endpoint_id: str
    url: str
    event_types: list[str]
    stock_channels: list[str]
    active: bool
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ListedEndpoint(AddedEndpoint):
    """An endpoint and its state; `given_up` counts deliveries, to 10,000."""

    failing_since: datetime | None
    last_error: str | None
    disabled_at: datetime | None
    given_up: int


def secret_context(endpoint_id: str) -> str:
    """The context that an endpoint's secret is sealed with."""
    return f"{endpoint_id}:secret"


async def add(conn: AsyncConnection, keys: KeyRing, endpoint: Endpoint) -> AddedEndpoint:
    """Insert it, the secret sealed under a key of its own."""
    plain, wrapped = keys.vault.new_data_key()
    sealed = keys.vault.seal_json(plain, endpoint.secret, secret_context(endpoint.endpoint_id))
    row = {
        "endpoint_id": endpoint.endpoint_id,
        "url": endpoint.url,
        "event_types": endpoint.event_types,
        "stock_channels": endpoint.stock_channels,
        "secret_enc": sealed,
        "data_key": wrapped,
        "created_by": endpoint.created_by,
    }
    created_at = (await conn.execute(_ADD, row)).scalar_one()
    return AddedEndpoint(
        endpoint.endpoint_id,
        endpoint.url,
        endpoint.event_types,
        endpoint.stock_channels,
        True,
        endpoint.created_by,
        created_at,
    )


async def secret_of(conn: AsyncConnection, keys: KeyRing, endpoint_id: str) -> str | None:
    """The signing secret, or None when the endpoint is gone."""
    row = (await conn.execute(_SECRET, {"endpoint_id": endpoint_id})).one_or_none()
    if row is None:
        return None
    secret = keys.open_json(row.data_key, row.secret_enc, secret_context(endpoint_id))
    return None if secret is None else str(secret)


async def every(conn: AsyncConnection) -> list[ListedEndpoint]:
    """All endpoints, oldest first."""
    return [ListedEndpoint(**row) for row in (await conn.execute(_ALL)).mappings()]


async def remove(conn: AsyncConnection, endpoint_id: str) -> bool:
    """Delete the endpoint and what was still to be sent to it; False when there is none."""
    if (await conn.execute(_LOCK, {"endpoint_id": endpoint_id})).first() is None:
        return False
    await conn.execute(_DROP_DELIVERIES, {"endpoint_id": endpoint_id})
    return bool((await conn.execute(_DROP, {"endpoint_id": endpoint_id})).rowcount)
