"""Credit of customers, and what they owe for orders on payment terms."""

from dataclasses import dataclass
from datetime import datetime

from api import pagination
from api.dependencies import Services, actor, derived_id
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.payments.credit import RecordTransfer, SetCredit
from domain.access import Principal, Role
from domain.errors import Conflict, NotFound
from domain.payments.receivables import Credit
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.payments import credit_accounts, receivables
from infra.db.payments.receivables import ListedReceivable

SET_BY = (Role.FINANCE,)
COUNTED = receivables.COUNTED
READ_BY = (Role.FINANCE, Role.SUPPORT)
RECORDED_BY = (Role.FINANCE,)


@dataclass(frozen=True, slots=True)
class CreditOfCustomer:
    """A customer's credit in one currency, as it stands."""

    customer_id: str
    currency: str
    limit_minor: int
    terms_days: int
    used_minor: int
    left_minor: int


@dataclass(frozen=True, slots=True)
class PaidTransfer:
    """What is owed for an order after a bank transfer."""

    order_no: str
    owed_minor: int


async def put(services: Services, caller: Principal, customer_id: str, wanted: SetCredit) -> CreditOfCustomer:
    """Set the customer's credit in a currency, also before the first order of a customer."""
    new = wanted.currency, wanted.limit_minor, wanted.terms_days
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        found = await credit_accounts.set_limit(conn, customer_id, *new)
        if found is None:
            _, data_key = services.keys.vault.new_data_key()
            await credit_accounts.add_customer(conn, customer_id, data_key)
            found = await credit_accounts.set_limit(conn, customer_id, *new)
    assert found is not None, "the customer is there now"
    return _shown(customer_id, found)


async def of_customer(services: Services, customer_id: str) -> list[CreditOfCustomer]:
    """By currency; empty for a customer without credit. Raises NotFound `customer_not_found`."""
    async with services.database.begin() as conn:
        found = await credit_accounts.of_customer(conn, customer_id)
    if found is None:
        raise NotFound("customer_not_found")
    return [_shown(customer_id, credit) for credit in found]


async def owed(
    services: Services, customer: str | None, cursor: str | None, limit: int, *, overdue: bool
) -> tuple[list[ListedReceivable], str | None]:
    """Orders on terms that are not paid, the earliest due first. Raises Problem `invalid_cursor`."""
    after = None
    if cursor is not None:
        due_at, order_no = pagination.decoded(cursor, str, str)
        after = pagination.moment(due_at), str(order_no)
    async with services.database.begin() as conn:
        rows = await receivables.page(conn, customer, after, limit, overdue=overdue)
    last = rows[limit - 1] if len(rows) > limit else None
    following = pagination.encoded([_due(last).isoformat(), last.order_no]) if last else None
    return rows[:limit], following


async def of_order(services: Services, order_no: str) -> ListedReceivable:
    """What is owed for the order. Raises Conflict `not_on_terms`."""
    async with services.database.begin() as conn:
        found = await receivables.of_order(conn, order_no)
    if found is None:
        raise Conflict("not_on_terms")
    return found


async def known(services: Services, customer_id: str) -> list[CreditOfCustomer]:
    """By currency; empty for a customer without credit, also for one whom nobody knows."""
    async with services.database.begin() as conn:
        return [_shown(customer_id, credit) for credit in await credit_accounts.of_customer(conn, customer_id) or ()]


async def escalated(services: Services) -> int:
    """Orders that finance looks into: overdue for long."""
    async with services.database.begin() as conn:
        return await receivables.escalated(conn)


async def record_transfer(
    services: Services, caller: Principal, key: str, digest: bytes, order_no: str, transfer: RecordTransfer
) -> Reply:
    """A bank transfer paid what is owed, or a part of it; 201. Raises as `receivables.record_transfer` does."""
    of_request = derived_id(caller, key, f"transfer {order_no}")

    async def work(conn: Connection) -> PaidTransfer:
        left = await receivables.record_transfer(
            conn, order_no, transfer.amount_minor, transfer.reference, of_request, actor(caller)
        )
        return PaidTransfer(order_no, left.owed_minor)

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


def _shown(customer_id: str, credit: Credit) -> CreditOfCustomer:
    return CreditOfCustomer(
        customer_id, credit.currency, credit.limit_minor, credit.terms_days, credit.used_minor, credit.left_minor
    )


def _due(receivable: ListedReceivable) -> datetime:
    assert receivable.due_at is not None, "only what is due is listed"
    return receivable.due_at
