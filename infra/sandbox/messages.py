"""The message provider: takes e-mails and text messages, keeps that it did, forgets what they said and to whom.

A message is `{id, channel, template, order_no, to_hash, idempotency_key, created_at}`.
"""

from infra.sandbox.calls import Call, RefusalError, invalid
from infra.sandbox.ledger import Ledger, Row, digest, new_id, rfc3339

CHANNELS = ("email", "sms")


def shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("seq", "fingerprint")}


class Messages:
    """Each method is one call of the provider; refusals are `RefusalError`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def send(self, call: Call) -> Row:
        """One key is one message. Raises RefusalError 422: rejected, idempotency_key_reused."""
        key, to, template = call.text("idempotency_key"), call.text("to", 320), call.text("template")
        order_no = call.text("order_no") if call.body.get("order_no") is not None else None
        channel = call.body.get("channel")
        if channel not in CHANNELS:
            raise invalid(f"channel must be one of {', '.join(CHANNELS)}")
        fingerprint = digest(call.body)
        if row := self._ledger.one("SELECT * FROM messages WHERE idempotency_key = ?", key):
            if row["fingerprint"] != fingerprint:
                raise RefusalError(422, "idempotency_key_reused")
            return shown(row)
        if call.rejected:
            raise RefusalError(422, "rejected")
        row = {
            "id": new_id("ntf"),
            "channel": channel,
            "template": template,
            "order_no": order_no,
            "to_hash": digest(to),
            "idempotency_key": key,
            "fingerprint": fingerprint,
            "created_at": rfc3339(),
        }
        with self._ledger.write():
            self._ledger.insert("messages", row)
        return shown(row)

    def order_of(self, call: Call) -> str | None:
        order_no = call.body.get("order_no")
        return str(order_no) if order_no else None
