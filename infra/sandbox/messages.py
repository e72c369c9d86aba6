"""The message provider: takes e-mails and text messages, keeps that it did, forgets what they said and to whom.

A message is `{id, channel, template, order_no, to_hash, idempotency_key, created_at}`. What the newest ones said is in
this process's memory alone, so that a person who tries the product can read their sign-in code.
"""

from collections import OrderedDict

from infra.sandbox.calls import Call, RefusalError, invalid
from infra.sandbox.ledger import Ledger, Row, digest, new_id, rfc3339

CHANNELS = ("email", "sms")
FILTERS = ("order_no", "idempotency_key", "template", "to_hash")
REMEMBERED = 200


def as_json(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("seq", "fingerprint")}


class Messages:
    """Each method is one call of the provider; refusals are `RefusalError`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._contents: OrderedDict[str, Row] = OrderedDict()

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
            return as_json(row)
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
        self._remember(str(row["id"]), call)
        return as_json(row)

    def content(self, call: Call) -> Row:
        """What a message said, {id, to, subject, body}. Raises RefusalError 404 for one that is forgotten."""
        if (content := self._contents.get(call.path["id"])) is None:
            raise RefusalError(404, "not_found", f"the newest {REMEMBERED} since the start are remembered")
        return content

    def _remember(self, message_id: str, call: Call) -> None:
        self._contents[message_id] = {
            "id": message_id, **{name: call.body.get(name) for name in ("to", "subject", "body")}
        }  # fmt: skip
        while len(self._contents) > REMEMBERED:
            self._contents.popitem(last=False)

    def order_of(self, call: Call) -> str | None:
        order_no = call.body.get("order_no")
        return str(order_no) if order_no else None
