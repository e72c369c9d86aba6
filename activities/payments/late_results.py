"""Outcomes that come after the order's story went on without them."""

import json

from sqlalchemy import text

from domain.gateways import GatewayResult
from infra.db.engine import Connection
from infra.db.payments.transactions import PaymentIntent

_KEEP = text(
    """INSERT INTO inbox (provider, event_id, kind, order_no, fact)
       SELECT CAST(:provider AS text), CAST(:event_id AS text), 'payment', CAST(:order_no AS text), CAST(:fact AS jsonb)
        WHERE NOT EXISTS (SELECT FROM payments p WHERE p.idempotency_key = :key AND p.status = 'succeeded')
       ON CONFLICT DO NOTHING"""
)


async def save_late_result(conn: Connection, new: PaymentIntent, result: GatewayResult) -> None:
    """Put a success that came too late into the inbox: the order's workflow returns the money."""
    fact = {
        "provider_ref": result.provider_ref,
        "kind": new.kind,
        "status": result.status,
        "amount_minor": result.amount_minor,
        "currency": new.currency,
        "idempotency_key": new.key,
        "error_code": None,
        "parent_ref": None,
        "risk": result.risk,
        "expires_at": result.expires_at,
    }
    values = {"provider": new.provider, "order_no": new.order_no, "key": new.key, "fact": json.dumps(fact)}
    await conn.execute(_KEEP, {**values, "event_id": f"late:{new.key}:{result.provider_ref}"})
