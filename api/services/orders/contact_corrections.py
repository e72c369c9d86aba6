"""Correcting how an order's customer is reached: what the HTTP call and the console's form both do."""

import hashlib
from dataclasses import dataclass, replace

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.orders.contacts import CorrectContact
from api.services.orders.order_changes import ANY
from domain.access import Principal
from domain.errors import Conflict
from infra.db.engine import Connection
from infra.db.notifications import messages
from infra.db.orders import order_contacts
from infra.db.orders.changing import changes, staff_actions
from infra.db.orders.changing.staff_actions import StaffAction
from infra.db.orders.state import timeline

PARTS = ("name", "email", "phone")


@dataclass(frozen=True, slots=True)
class ContactCorrection:
    """The order as it was seen (see `order_changes.ChangeRequest`), and what is to be corrected."""

    versions: frozenset[str]
    body: CorrectContact

    @property
    def parts(self) -> dict[str, str | None]:
        """The fields that were named, with their new values."""
        return {part: getattr(self.body, part) for part in PARTS if part in self.body.model_fields_set}


async def correct(
    services: Services, caller: Principal, key: str, digest: bytes, number: str, request: ContactCorrection
) -> Reply:
    """Correct the contact of this order alone, whatever its status. The answer carries the order's new ETag.

    Raises Problem `order_changed` (412), `nothing_to_change`; Conflict `customer_erased`, `no_address`; NotFound
    `order_not_found`.
    """
    act_id = f"act_{derived_id(caller, key, f'contact {number}')}"
    seqs: list[int] = []

    async def work(conn: Connection) -> dict[str, object]:
        await timeline.lock_order(conn, number)
        if ANY not in request.versions and str(await changes.seq_of(conn, number)) not in request.versions:
            raise Problem("order_changed", "the order has moved on since you read it: read it again, then decide")
        corrected = await _correct(conn, services, number, act_id, actor(caller), request)
        sent = await messages.send_last_again(conn, number, actor(caller)) if request.body.send_last_again else None
        seqs.append(await changes.seq_of(conn, number))
        return {"order_no": number, "corrected": corrected, "message_id": sent}

    answer = await run_in_transaction(services, request_of(caller, key, digest), 200, work)
    if seqs:
        return answer.at(seqs[-1])
    return answer


async def _correct(
    conn: Connection, services: Services, number: str, act_id: str, by: str, request: ContactCorrection
) -> list[str]:
    contacts = await order_contacts.standing(conn, services.keys, number)
    if contacts.data_key is None or contacts.profile is None:
        raise Conflict("customer_erased", "the customer's data is erased: nothing personal can be kept any more")
    before = {part: getattr(contacts.profile, part) for part in PARTS}
    after = before | request.parts
    corrected = [part for part in PARTS if after[part] != before[part]]
    if not corrected:
        raise Problem(
            "nothing_to_change", "the order has this contact already: name a name, email or phone that differs"
        )
    value = {"before": before, "after": after}
    action = StaffAction(act_id, number, "contact", ", ".join(corrected), by, request.body.reason, value)
    await staff_actions.save(conn, services.keys, action)
    await order_contacts.correct(conn, services.keys, number, contacts, replace(contacts.profile, **after))
    await messages.write_anew(conn, number, by)
    await timeline.append(conn, number, "contact_corrected", by, key=act_id, data={"parts": corrected})
    return corrected


def digest_of_resend(number: str) -> bytes:
    """What the asking for the last message hashes to: there is nothing else to say."""
    return hashlib.sha256(f"send last again {number}".encode()).digest()


async def send_last_again(services: Services, caller: Principal, key: str, digest: bytes, number: str) -> Reply:
    """Have the order's last message sent to the contact that it has now.

    Raises NotFound `message_not_found`, Conflict `no_address`.
    """

    async def work(conn: Connection) -> dict[str, object]:
        await timeline.lock_order(conn, number)
        message_id = await messages.send_last_again(conn, number, actor(caller))
        if message_id is None:
            raise messages.unknown()
        return {"message_id": message_id, "state": "open"}

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)
