"""Disputes: what a customer's bank takes back of a capture, until it is won or lost. Each step is told by webhook.

A dispute is `{id, order_no, payment_id, amount_minor, currency, reason, status: open|won|lost, created_at}`; its
webhook also says `evidence_due_at`, a week after it was opened.
"""

from datetime import datetime, timedelta

from infra.sandbox.calls import Call, RefusalError, invalid
from infra.sandbox.ledger import Ledger, Row, new_id, rfc3339
from infra.sandbox.webhooks import Webhooks

ANSWERED_WITHIN = timedelta(days=7)


def shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "seq"}


class Disputes:
    """Each method is one call; refusals are `RefusalError`."""

    def __init__(self, ledger: Ledger, webhooks: Webhooks) -> None:
        self._ledger, self._webhooks = ledger, webhooks

    def open(self, call: Call) -> Row:
        """The whole capture unless the call names an amount. Raises RefusalError 404, 409 (not a capture, or more)."""
        capture = self._ledger.one("SELECT * FROM payments WHERE id = ?", call.path["id"])
        if capture is None:
            raise RefusalError(404, "not_found")
        amount = call.amount_minor() if "amount_minor" in call.body else capture["amount_minor"]
        if capture["kind"] != "capture" or capture["status"] != "succeeded":
            raise RefusalError(409, "not_a_capture")
        if self.of(capture) + amount > capture["amount_minor"]:
            raise RefusalError(409, "dispute_exceeds_captured")
        row = {
            "id": new_id("dsp"),
            "order_no": capture["order_no"],
            "payment_id": capture["id"],
            "amount_minor": amount,
            "currency": capture["currency"],
            "reason": str(call.body.get("reason") or "fraudulent"),
            "status": "open",
            "created_at": rfc3339(),
        }
        with self._ledger.write():
            self._ledger.insert("disputes", row)
            self._tell(row)
        return row

    def close(self, call: Call) -> Row:
        """Raises RefusalError 404, 409 (closed already), 422."""
        status = call.body.get("status")
        if status not in ("won", "lost"):
            raise invalid("status must be won or lost")
        row = self._ledger.one("SELECT * FROM disputes WHERE id = ?", call.path["id"])
        if row is None:
            raise RefusalError(404, "not_found")
        if row["status"] != "open":
            raise RefusalError(409, "already_closed")
        closed = {**row, "status": status}
        with self._ledger.write():
            self._ledger.run("UPDATE disputes SET status = ? WHERE id = ?", status, row["id"])
            self._tell(shown(closed))
        return shown(closed)

    def of(self, capture: Row) -> int:
        """What of a capture is taken back, in minor units; what was won is not."""
        sql = "SELECT coalesce(sum(amount_minor), 0) AS taken FROM disputes WHERE payment_id = ? AND status <> 'won'"
        row = self._ledger.one(sql, capture["id"])
        return int(row["taken"]) if row else 0

    def _tell(self, row: Row) -> None:
        data = {name: value for name, value in row.items() if name != "created_at"}
        data["evidence_due_at"] = (datetime.fromisoformat(row["created_at"]) + ANSWERED_WITHIN).isoformat()
        self._webhooks.enqueue("dispute.updated", data, "payments", "dispute")
