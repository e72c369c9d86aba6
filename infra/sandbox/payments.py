"""The payment gateway: authorise, capture, void, refund, and customers who pay directly.

A transaction is `{id, order_no, kind, amount_minor, currency, status, idempotency_key, error_code, risk, parent_id,
created_at}`. One idempotency key is one transaction for ever, a refused one too.

An authorisation stands without end, unless its token says for how many seconds: `tok_ok@60`. Then it has `expires_at`.

What somebody does in the provider's own dashboard is a capture, void or refund with `"at_provider": true`: it needs no
key, and is reported by webhook. With the fault `pending` only `POST /payments/{id}/decide` decides a transaction.
"""

import time
from dataclasses import dataclass
from typing import Literal

from infra.sandbox.calls import Call, RefusalError, invalid
from infra.sandbox.clock import Alarm
from infra.sandbox.disputes import Disputes
from infra.sandbox.ledger import Ledger, Row, new_id, rfc3339
from infra.sandbox.webhooks import Webhooks

Kind = Literal["authorise", "capture", "void", "refund"]

# token -> (status, error_code, risk)
TOKENS: dict[str, tuple[str, str | None, str | None]] = {
    "tok_ok": ("succeeded", None, None),
    "tok_review": ("succeeded", None, "review"),
    "tok_pending": ("pending", None, None),
    "tok_decline": ("failed", "declined", None),
    "tok_insufficient_funds": ("failed", "insufficient_funds", None),
}
_UNKNOWN_TOKEN = ("failed", "unknown_token", None)
_REJECTED = ("failed", "rejected", None)
_DONE = ("succeeded", None, None)
_EXPIRED = "authorisation_expired"
_UNDECIDED = ("pending", None, None)


@dataclass(frozen=True)
class _Request:
    """What a call wants entered."""

    kind: Kind
    order_no: str
    amount_minor: int
    currency: str
    key: str
    parent_id: str | None = None

    def agrees_with(self, row: Row) -> bool:
        mine = (self.kind, self.order_no, self.amount_minor, self.currency, self.parent_id)
        return mine == (row["kind"], row["order_no"], row["amount_minor"], row["currency"], row["parent_id"])


def as_json(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("seq", "decide_at")}


class Payments:
    """Each method is one call of the gateway; refusals are `RefusalError`, everything else is a transaction."""

    def __init__(self, ledger: Ledger, webhooks: Webhooks, pending_s: float) -> None:
        self._ledger, self._webhooks, self._pending_s = ledger, webhooks, pending_s
        self.disputes = Disputes(ledger, webhooks)
        self.alarm = Alarm(self._earliest_decision, self._decide_due)

    def authorise(self, call: Call) -> Row:
        request = _Request("authorise", call.text("order_no"), call.amount_minor(), call.currency(), _key(call))
        token, _, lifetime_s = call.text("token").partition("@")
        if known := self._recorded(request, call):
            return known
        if lifetime_s and not (lifetime_s.isdecimal() and len(lifetime_s) < 10):
            token = ""
        outcome = _REJECTED if call.rejected else TOKENS.get(token, _UNKNOWN_TOKEN)
        return self._enter(request, call, outcome, int(lifetime_s) if lifetime_s and token else None)

    def capture(self, call: Call) -> Row:
        """Raises RefusalError 404, 409: not an authorisation that stands, or more than it has left."""
        parent = self._parent(call)
        request = _Request(
            "capture", parent["order_no"], call.amount_minor(), call.currency(), _key(call), parent["id"]
        )
        return self._recorded(request, call) or self._follow(request, parent, call)

    def refund(self, call: Call) -> Row:
        """Raises RefusalError 404, 409: not a capture that succeeded, or more than it has left."""
        parent = self._parent(call)
        request = _Request("refund", parent["order_no"], call.amount_minor(), call.currency(), _key(call), parent["id"])
        return self._recorded(request, call) or self._follow(request, parent, call)

    def void(self, call: Call) -> Row:
        """Gives up what is not captured of an authorisation, an undecided one too. Raises RefusalError 404, 409 (all of
        it is captured)."""
        parent = self._parent(call)
        left_minor = parent["amount_minor"] - self._children(parent, "capture")
        request = _Request("void", parent["order_no"], left_minor, parent["currency"], _key(call), parent["id"])
        return self._recorded(request, call) or self._follow(request, parent, call)

    def pay(self, call: Call) -> Row:
        """A customer pays directly at the provider: a capture without a request, reported by webhook.

        With `"capture": false` it is only authorised.
        """
        key = _key(call) if "idempotency_key" in call.body else new_id("self")
        kind: Kind = "authorise" if call.body.get("capture") is False else "capture"
        request = _Request(kind, call.text("order_no"), call.amount_minor(), call.currency(), key)
        if known := self._recorded(request, call):
            return known
        with self._ledger.write():
            row = self._enter(request, call, _DONE)
            self._notify(row)
        return row

    def decide(self, call: Call) -> Row:
        """End the suspense about a pending transaction. Raises RefusalError 404, 409 (decided otherwise), 422."""
        status = call.body.get("status")
        if status not in ("succeeded", "failed"):
            raise invalid("status must be succeeded or failed")
        row = self._parent(call)
        if row["status"] == "pending":
            with self._ledger.write():
                return as_json(self._settle(row, status, "declined" if status == "failed" else None))
        if row["status"] != status:
            raise RefusalError(409, "already_decided")
        return as_json(row)

    def expire(self, call: Call) -> Row:
        """End an authorisation by its age: it holds nothing any more. Raises RefusalError 404, 409 (none, captured)."""
        row = self._parent(call)
        if row["error_code"] != _EXPIRED:
            self._may_void(None, row)
            with self._ledger.write():
                self._ledger.run("UPDATE payments SET error_code = ? WHERE id = ?", _EXPIRED, row["id"])
        return as_json({**row, "error_code": _EXPIRED})

    def lookup(self, call: Call) -> Row:
        """The transaction under a key. Raises RefusalError 404."""
        if row := self._by_key(call.wanted_key()):
            return as_json(row)
        raise RefusalError(404, "not_found")

    def order_of(self, call: Call) -> str | None:
        """The order of this call, if it says so or the ledger knows it."""
        if named := call.body.get("order_no") or call.query.get("order_no"):
            return str(named)
        row = self._by_id(call.path["id"]) if "id" in call.path else self._by_key(call.query.get("idempotency_key", ""))
        return row["order_no"] if row else None

    def _recorded(self, request: _Request, call: Call) -> Row | None:
        row = self._by_key(request.key)
        if row is None:
            return None
        if not request.agrees_with(row):
            raise RefusalError(422, "idempotency_key_reused")
        if call.unheard:
            with self._ledger.write():
                self._notify(as_json(row))
        return as_json(row)

    def _follow(self, request: _Request, parent: Row, call: Call) -> Row:
        if call.rejected:
            return self._enter(request, call, _REJECTED)
        _RULES[request.kind](self, request, parent)
        with self._ledger.write():
            if request.kind == "void" and parent["status"] == "pending":
                self._settle(parent, "failed", "voided")
            return self._enter(request, call, _DONE)

    def _enter(
        self, request: _Request, call: Call, outcome: tuple[str, str | None, str | None], lifetime_s: int | None = None
    ) -> Row:
        status, error_code, risk = _UNDECIDED if call.undecided else outcome
        row = {
            "id": new_id("pay"),
            "order_no": request.order_no,
            "kind": request.kind,
            "amount_minor": request.amount_minor,
            "currency": request.currency,
            "status": status,
            "idempotency_key": request.key,
            "error_code": error_code,
            "risk": risk,
            "parent_id": request.parent_id,
            "created_at": rfc3339(),
        }
        decide_at = time.time() + self._pending_s if status == "pending" and not call.undecided else None
        with self._ledger.write():
            self._ledger.insert("payments", {**row, "decide_at": decide_at})
            if lifetime_s is not None:
                row["expires_at"] = rfc3339(time.time() + lifetime_s)
                end = {"payment_id": row["id"], "expires_at": row["expires_at"]}
                self._ledger.insert("authorisation_ends", end)
            if call.unheard or call.body.get("at_provider") is True:
                self._notify(row)
        if decide_at is not None:
            self.alarm.expect(decide_at)
        return row

    def _settle(self, row: Row, status: str, error_code: str | None) -> Row:
        sql = "UPDATE payments SET status = ?, error_code = ?, decide_at = NULL WHERE id = ?"
        self._ledger.run(sql, status, error_code, row["id"])
        settled = {**row, "status": status, "error_code": error_code}
        self._notify(settled)
        return settled

    def _notify(self, row: Row) -> None:
        data = {name: value for name, value in row.items() if name not in ("seq", "decide_at", "created_at")}
        self._webhooks.enqueue("payment.updated", data, "payments", row["kind"])

    def _earliest_decision(self) -> float | None:
        row = self._ledger.one("SELECT min(decide_at) AS at FROM payments WHERE decide_at IS NOT NULL")
        return row["at"] if row else None

    def _decide_due(self, now: float) -> None:
        with self._ledger.write():
            for row in self._ledger.all("SELECT * FROM payments WHERE decide_at <= ? ORDER BY decide_at", now):
                self._settle(row, "succeeded", None)

    def _by_key(self, key: str) -> Row | None:
        return self._with_end(self._ledger.one("SELECT * FROM payments WHERE idempotency_key = ?", key))

    def _by_id(self, payment_id: str) -> Row | None:
        return self._with_end(self._ledger.one("SELECT * FROM payments WHERE id = ?", payment_id))

    def _with_end(self, row: Row | None) -> Row | None:
        if row is None or row["kind"] != "authorise":
            return row
        end = self._ledger.one("SELECT expires_at FROM authorisation_ends WHERE payment_id = ?", row["id"])
        return {**row, **end} if end else row

    def _parent(self, call: Call) -> Row:
        row = self._by_id(call.path["id"])
        if row is None:
            raise RefusalError(404, "not_found")
        if call.body.get("order_no", row["order_no"]) != row["order_no"]:
            raise RefusalError(409, "order_mismatch")
        return row

    def _children(self, parent: Row, kind: Kind) -> int:
        """What succeeded under a transaction so far, or may yet, in minor units."""
        sql = (
            "SELECT coalesce(sum(amount_minor), 0) AS done FROM payments"
            " WHERE parent_id = ? AND kind = ? AND status <> 'failed'"
        )
        row = self._ledger.one(sql, parent["id"], kind)
        return int(row["done"]) if row else 0

    def _may_capture(self, request: _Request, parent: Row) -> None:
        _is(parent, "authorise", "not_an_authorisation")
        _is_open(parent)
        if self._children(parent, "void"):
            raise RefusalError(409, "authorisation_voided")
        _succeeded(parent, "authorisation_not_succeeded")
        _same_currency(request, parent)
        if self._children(parent, "capture") + request.amount_minor > parent["amount_minor"]:
            raise RefusalError(409, "capture_exceeds_authorised")

    def _may_void(self, _: _Request | None, parent: Row) -> None:
        _is(parent, "authorise", "not_an_authorisation")
        _is_open(parent)
        if self._children(parent, "void"):
            raise RefusalError(409, "authorisation_voided")
        if parent["status"] == "failed":
            raise RefusalError(409, "authorisation_not_succeeded")
        if self._children(parent, "capture") >= parent["amount_minor"]:
            raise RefusalError(409, "already_captured")

    def _may_refund(self, request: _Request, parent: Row) -> None:
        _is(parent, "capture", "not_a_capture")
        _succeeded(parent, "capture_not_succeeded")
        _same_currency(request, parent)
        if self._children(parent, "refund") + request.amount_minor > parent["amount_minor"]:
            raise RefusalError(409, "refund_exceeds_captured")
        if self._children(parent, "refund") + request.amount_minor + self.disputes.of(parent) > parent["amount_minor"]:
            raise RefusalError(409, "charge_disputed")


_RULES = {"capture": Payments._may_capture, "void": Payments._may_void, "refund": Payments._may_refund}


def _key(call: Call) -> str:
    if call.body.get("at_provider") is True and "idempotency_key" not in call.body:
        return new_id("dashboard")
    return call.text("idempotency_key")


def _is(row: Row, kind: Kind, error_code: str) -> None:
    if row["kind"] != kind:
        raise RefusalError(409, error_code)


def _is_open(row: Row) -> None:
    if row["error_code"] == _EXPIRED or row.get("expires_at", "9") <= rfc3339():
        raise RefusalError(409, _EXPIRED)


def _succeeded(row: Row, error_code: str) -> None:
    if row["status"] != "succeeded":
        raise RefusalError(409, error_code)


def _same_currency(request: _Request, parent: Row) -> None:
    if request.currency != parent["currency"]:
        raise RefusalError(409, "currency_mismatch")
