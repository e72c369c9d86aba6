"""Disputes: what a customer's bank takes back of a capture, until it is won or lost. Each step is reported by webhook.

A dispute is `{id, order_no, payment_id, amount_minor, currency, reason, status: open|won|lost, created_at}`; its
webhook also says `evidence_due_at`, a week after it was opened. It takes one answer until then: evidence, of which only
the names of what was given are kept, or that it is accepted, which loses it.
"""

import json
from datetime import UTC, datetime, timedelta

from infra.sandbox.calls import Call, RefusalError, invalid
from infra.sandbox.ledger import Ledger, Row, new_id, rfc3339
from infra.sandbox.webhooks import Webhooks

ANSWERED_WITHIN = timedelta(days=7)
EVIDENCE = ("explanation", "customer_communication", "tracking_no", "carrier")


def as_json(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "seq"}


class Disputes:
    """Each method is one call; refusals are `RefusalError`."""

    def __init__(self, ledger: Ledger, webhooks: Webhooks) -> None:
        self._ledger, self._webhooks = ledger, webhooks

    def open(self, call: Call) -> Row:
        """The whole capture unless the call names an amount, to be answered within a week or `answer_within_s`.

        Raises RefusalError 404, 409 (not a capture, or more), 422.
        """
        within = _within(call)
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
            if within is not None:
                due = (datetime.now(UTC) + within).isoformat()
                self._ledger.insert("dispute_deadlines", {"dispute_id": row["id"], "due_at": due})
            self._notify(row)
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
        with self._ledger.write():
            return self._close(row, status)

    def take_evidence(self, call: Call) -> Row:
        """Raises RefusalError 404, 409 (decided, its time is over, answered otherwise), 422 (no evidence)."""
        given = [name for name in EVIDENCE if call.body.get(name)]
        if not given:
            raise invalid("evidence is missing")
        return self._answer(call, "evidence", given)

    def accept(self, call: Call) -> Row:
        """It is lost at once, which is reported by webhook. Raises RefusalError as `take_evidence` does."""
        return self._answer(call, "accepted", [])

    def order_of(self, call: Call) -> str | None:
        """Whose dispute the call is about."""
        row = self._ledger.one("SELECT order_no FROM disputes WHERE id = ?", call.path["id"])
        return row["order_no"] if row else None

    def listed(self, row: Row) -> Row:
        """A dispute with its `answer`: null, or `{answer, given}`."""
        found = self._ledger.one("SELECT answer, given FROM dispute_answers WHERE dispute_id = ?", row["id"])
        answer = {"answer": found["answer"], "given": json.loads(found["given"])} if found else None
        return {**as_json(row), "answer": answer}

    def _answer(self, call: Call, answer: str, given: list[str]) -> Row:
        key = call.text("idempotency_key")
        row = self._ledger.one("SELECT * FROM disputes WHERE id = ?", call.path["id"])
        if row is None:
            raise RefusalError(404, "not_found")
        before = self._ledger.one(
            "SELECT answer, idempotency_key AS key FROM dispute_answers WHERE dispute_id = ?", row["id"]
        )
        if before is not None and before == {"answer": answer, "key": key}:
            return self.listed(row)
        self._may_answer(call, row, answered=before is not None)
        with self._ledger.write():
            values = {"dispute_id": row["id"], "answer": answer, "given": json.dumps(given), "idempotency_key": key}
            self._ledger.insert("dispute_answers", {**values, "created_at": rfc3339()})
            return self.listed(self._close(row, "lost") if answer == "accepted" else row)

    def _may_answer(self, call: Call, row: Row, *, answered: bool) -> None:
        for wrong, code in (
            (call.rejected, "rejected"),
            (answered, "dispute_answered"),
            (row["status"] != "open", "dispute_closed"),
            (datetime.fromisoformat(self._due_at(row)) <= datetime.now(UTC), "dispute_overdue"),
        ):
            if wrong:
                raise RefusalError(409, code)

    def _close(self, row: Row, status: str) -> Row:
        closed = as_json({**row, "status": status})
        self._ledger.run("UPDATE disputes SET status = ? WHERE id = ?", status, row["id"])
        self._notify(closed)
        return closed

    def _due_at(self, row: Row) -> str:
        deadline = self._ledger.one("SELECT due_at FROM dispute_deadlines WHERE dispute_id = ?", row["id"])
        return (
            deadline["due_at"]
            if deadline
            else (datetime.fromisoformat(row["created_at"]) + ANSWERED_WITHIN).isoformat()
        )

    def of(self, capture: Row) -> int:
        """What of a capture is taken back, in minor units; what was won is not."""
        sql = "SELECT coalesce(sum(amount_minor), 0) AS taken FROM disputes WHERE payment_id = ? AND status <> 'won'"
        row = self._ledger.one(sql, capture["id"])
        return int(row["taken"]) if row else 0

    def _notify(self, row: Row) -> None:
        data = {name: value for name, value in row.items() if name != "created_at"}
        data["evidence_due_at"] = self._due_at(row)
        self._webhooks.enqueue("dispute.updated", data, "payments", "dispute")


def _within(call: Call) -> timedelta | None:
    seconds = call.body.get("answer_within_s")
    if seconds is None:
        return None
    if type(seconds) is not int or not 0 <= seconds <= 10**8:
        raise invalid("answer_within_s must be a number of seconds")
    return timedelta(seconds=seconds)
