"""Paying with store credit: a payment provider whose books are ours.

Each call is one transaction, so there is no call whose outcome is unknown; the steps before and after it are those of
every provider. An unreachable database is our own fault, not the provider's: its errors go through as they are.
"""

from collections.abc import Mapping

from domain.gateways import (
    BadSignature,
    Evidence,
    GatewayResult,
    LostCall,
    PaymentNotification,
    PaymentRequest,
    ProviderRefused,
)
from domain.payments.transactions import PaymentKind, PaymentStatus
from infra.db.engine import Connection, Database
from infra.db.payments import store_credit
from infra.db.payments.store_credit import PROVIDER, Entry, EntryKind, NewEntry

_KIND = {
    PaymentKind.AUTHORISE: (EntryKind.HELD, EntryKind.DECLINED),
    PaymentKind.CAPTURE: (EntryKind.SPENT,),
    PaymentKind.VOID: (EntryKind.RELEASED,),
    PaymentKind.REFUND: (EntryKind.RETURNED, EntryKind.GRANTED),
}
_AFTER = {
    EntryKind.SPENT: EntryKind.HELD,
    EntryKind.RELEASED: EntryKind.HELD,
    EntryKind.RETURNED: EntryKind.SPENT,
}


class StoreCredit:
    """A PaymentGateway: authorise holds, capture spends, void releases, refund gives back to the balance."""

    name = PROVIDER
    # A hold is spent once, by constraint.
    captures_in_parts = False

    def __init__(self, database: Database) -> None:
        self._db = database

    async def authorise(self, request: PaymentRequest) -> GatewayResult:
        """Hold the amount of the balance of the order's customer; the token says nothing. Declines
        `insufficient_credit`: the balance covers the whole payment, or nothing of it."""
        async with self._db.begin() as conn:
            customer_id = await store_credit.owner_of(conn, request.order_no)
            if customer_id is None:
                raise ProviderRefused("order_not_found", PROVIDER)
            balance_minor = await store_credit.lock_balance(conn, customer_id, request.currency)
            balance_minor = await store_credit.open_to(conn, request.order_no, balance_minor)
            kind = EntryKind.HELD if balance_minor >= request.amount_minor else EntryKind.DECLINED
            return _result(
                await store_credit.write(
                    conn,
                    NewEntry(request.idempotency_key, kind, customer_id, request.currency, request.amount_minor,
                             request.order_no),
                )
            )  # fmt: skip

    async def capture(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        """Spend what is held; with the final capture what was held beyond it is released."""
        async with self._db.begin() as conn:
            held, spent = await _follow(conn, authorisation_ref, EntryKind.SPENT, request)
            if request.final and (rest := held.amount_minor - spent.amount_minor):
                await store_credit.write(
                    conn, _child(held, EntryKind.RELEASED, f"{request.idempotency_key}/rest", rest)
                )
        return _result(spent)

    async def void(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        """Release what is left of the hold."""
        return await self._one(authorisation_ref, EntryKind.RELEASED, request)

    async def refund(self, capture_ref: str, request: PaymentRequest) -> GatewayResult:
        """Give back to the balance, at most what was spent."""
        return await self._one(capture_ref, EntryKind.RETURNED, request)

    async def _one(self, ref: str, kind: EntryKind, request: PaymentRequest) -> GatewayResult:
        async with self._db.begin() as conn:
            return _result((await _follow(conn, ref, kind, request))[1])

    async def lookup(self, lost: LostCall) -> GatewayResult | None:
        """The entry under the key, if it is of this kind."""
        async with self._db.begin() as conn:
            entry = await store_credit.find(conn, lost.request.idempotency_key)
        return _result(entry) if entry is not None and entry.kind in _KIND[lost.kind] else None

    async def answer_dispute(self, dispute_ref: str, evidence: Evidence, idempotency_key: str) -> None:
        raise ProviderRefused("dispute_by_hand", PROVIDER)  # no bank takes store credit back

    async def accept_dispute(self, dispute_ref: str, idempotency_key: str) -> None:
        raise ProviderRefused("dispute_by_hand", PROVIDER)

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> PaymentNotification | None:
        """Nobody notifies us of our own books."""
        raise BadSignature("signature_invalid", PROVIDER)

    async def aclose(self) -> None:
        """The pool is the process's."""


async def _follow(conn: Connection, ref: str, kind: EntryKind, request: PaymentRequest) -> tuple[Entry, Entry]:
    """(the entry that `ref` names, the one that follows it under the request's key, written once).

    The order and the balance are taken before anything is judged.
    """
    entry_id = store_credit.entry_id_of(ref)
    first = await store_credit.by_id(conn, entry_id) if entry_id is not None else None
    if first is None or first.kind is not _AFTER[kind] or first.currency != request.currency:
        raise ProviderRefused("not_found", PROVIDER)
    await store_credit.owner_of(conn, first.order_no)
    await store_credit.lock_balance(conn, first.customer_id, first.currency)
    if known := await store_credit.find(conn, request.idempotency_key):
        return first, known
    # A void gives up all that is left of the hold, whatever amount it names.
    left = first.amount_minor - await store_credit.ended_minor(conn, first)
    amount = left if kind is EntryKind.RELEASED else request.amount_minor
    if not 0 < amount <= left:
        raise ProviderRefused("amount_too_large", PROVIDER)
    return first, await store_credit.write(conn, _child(first, kind, request.idempotency_key, amount))


def _child(first: Entry, kind: EntryKind, key: str, amount_minor: int) -> NewEntry:
    return NewEntry(
        key, kind, first.customer_id, first.currency, amount_minor, first.order_no, parent_id=first.entry_id
    )


def _result(entry: Entry) -> GatewayResult:
    if entry.kind is EntryKind.DECLINED:
        return GatewayResult(PaymentStatus.FAILED, None, entry.amount_minor, "insufficient_credit")
    return GatewayResult(PaymentStatus.SUCCEEDED, store_credit.reference(entry), entry.amount_minor)
