"""What a claimed message becomes: something to hand to its provider, or the reason why there is nothing to send."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, cast

from domain.gateways import OutgoingMessage
from infra.db.customers.profiles import KeyRing, profile_context
from infra.db.notifications.messages import body_context, to_context
from infra.db.notifications.send_queue import Claimed, Frozen, Settled
from infra.notifications.wording import address_of, worded
from infra.security.crypto import Unreadable
from infra.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RenderedNotification:
    """A message in its words. `frozen` is to be kept before the first try, None when it is kept already."""

    message: Claimed
    words: OutgoingMessage = field(repr=False)
    frozen: Frozen | None = field(repr=False)


def event_of(message: Claimed) -> dict[str, str | int | None]:
    """What a log line says of a message."""
    about = {"message_id": message.message_id, "order_no": message.order_no, "step": "message"}
    return {**about, "attempt": message.tries}


def render(message: Claimed, keys: KeyRing, settings: Settings) -> RenderedNotification | Settled:
    """The letter: as it was frozen, else from the template's newest version. Raises nothing. What the shop has switched
    off is skipped, unless a person asks for it."""
    if message.expired:
        return Settled(message, "expired", final=True)
    if message.data_key is None:
        return Settled(message, "erased", skipped=True)
    if message.switched_off and not message.round and not message.body_enc:
        return Settled(message, "switched_off", skipped=True)
    try:
        key = keys.unwrap(message.data_key)
    except Unreadable:
        return Settled(message, "key_unreadable")
    try:
        return _again(message, keys, key) if message.body_enc else _first(message, keys, key, settings)
    except Unreadable:
        # Encrypted under a deleted key: the customer was erased, and has ordered again since.
        return Settled(message, "erased", skipped=True)
    except Exception:
        # A message that cannot even be written counts its tries like any other, and is given up.
        _log.exception("a message fails because of an internal error", extra=event_of(message))
        return Settled(message, "internal_error")


def _again(message: Claimed, keys: KeyRing, key: bytes) -> RenderedNotification:
    assert message.to_enc is not None and message.body_enc is not None
    to = keys.vault.open_json(key, message.to_enc, to_context(message.message_id))
    content = keys.vault.open_json(key, message.body_enc, body_context(message.message_id))
    return RenderedNotification(message, _handed(message, to, content), None)


def _first(message: Claimed, keys: KeyRing, key: bytes, settings: Settings) -> RenderedNotification | Settled:
    sealed = message.profile_enc
    profile = keys.vault.open_json(key, sealed, profile_context(message.customer_id)) if sealed else {}
    to = address_of(profile, message.channel)
    if to is None:
        return Settled(message, "no_address", skipped=True)
    words = worded(message, profile, settings)
    written_at = datetime.now(UTC).isoformat()
    content = {"subject": words.subject, "body": words.body, "to": to, "written_at": written_at}
    content |= {"language": words.language, "version": str(words.version)}
    frozen = Frozen(
        message.message_id,
        words.version,
        words.language,
        to_enc=keys.vault.seal_json(key, to, to_context(message.message_id)),
        body_enc=keys.vault.seal_json(key, content, body_context(message.message_id)),
    )
    return RenderedNotification(message, _handed(message, to, content), frozen)


def _handed(message: Claimed, to: str, content: dict[str, str]) -> OutgoingMessage:
    return OutgoingMessage(
        idempotency_key=message.idempotency_key,
        channel=cast(Literal["email", "sms"], message.channel),
        template=message.template,
        order_no=message.order_no,
        to=to,
        subject=content["subject"],
        body=content["body"],
    )
