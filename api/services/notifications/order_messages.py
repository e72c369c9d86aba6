"""Messages to customers: those of an order, and sending a failed one again."""

import hashlib

from api.dependencies import Services, actor
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from domain.access import Principal, Role
from domain.errors import NotFound
from domain.notifications import CODES_ISSUED
from infra.db.engine import Connection
from infra.db.notifications import messages, sent_words
from infra.db.notifications.messages import ListedMessage
from infra.db.notifications.sent_words import SentMessage
from infra.db.virtual import issued_codes

MAX_ID = 64
# Who reads messages as they were sent: those who may see the customer's data, and the order's owner.
READ_BY = (Role.SUPPORT, Role.WAREHOUSE, Role.CUSTOMER, Role.CHANNEL)


async def of_order(services: Services, number: str) -> list[ListedMessage]:
    """The messages to the customer about the order."""
    async with services.database.begin() as conn:
        return await messages.of_order(conn, services.keys, number)


async def as_sent(services: Services, caller: Principal, number: str, message_id: str) -> SentMessage:
    """The message with its words; when staff read codes in it, the audit log has it. Raises NotFound
    `message_not_found`."""
    _require_id(message_id)
    async with services.database.begin() as conn:
        message = await sent_words.one(conn, services.keys, number, message_id)
        if message.template == CODES_ISSUED and caller.is_staff:
            await issued_codes.note_reading(conn, number, actor(caller))
    return message


async def sent_about(services: Services, number: str) -> list[SentMessage]:
    """What was sent about the order, the newest first."""
    async with services.database.begin() as conn:
        return await sent_words.sent(conn, services.keys, number)


async def send_again(services: Services, caller: Principal, key: str, number: str, message_id: str) -> Reply:
    """Have a failed message sent once more. Raises NotFound `message_not_found`, Conflict `message_not_failed`."""
    _require_id(message_id)
    digest = hashlib.sha256(f"send again {number} {message_id}".encode()).digest()

    async def work(conn: Connection) -> dict[str, object]:
        await messages.send_again(conn, number, message_id, actor(caller))
        return {"message_id": message_id, "state": "open"}

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


def _require_id(message_id: str) -> None:
    """Raises NotFound `message_not_found` for what cannot be an id."""
    if len(message_id) > MAX_ID or not message_id.isascii() or not message_id.isprintable():
        raise NotFound("message_not_found", "this order has no such message")
