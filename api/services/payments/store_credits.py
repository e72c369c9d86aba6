"""What a customer has in store credit, and how it came and went: what the HTTP call and the console both show."""

from collections.abc import Sequence
from dataclasses import dataclass

from api import pagination
from api.dependencies import Services
from domain.access import Role
from domain.errors import NotFound
from infra.db.payments import store_credit
from infra.db.payments.store_credit import Balance, StatementEntry

READ_BY = (Role.SUPPORT, Role.FINANCE)

_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class CreditStatement:
    """Balances by currency, and a page of the entries behind them."""

    customer_id: str
    balances: Sequence[Balance]
    items: Sequence[StatementEntry]
    next_cursor: str | None


async def statement(services: Services, customer_id: str, cursor: str | None, limit: int) -> CreditStatement:
    """Balances by currency, and a page of the entries behind them, newest first. Raises NotFound
    `customer_not_found`; Problem `invalid_cursor`."""
    before = pagination.large_number(cursor) if cursor else _NEWEST
    async with services.database.begin() as conn:
        found = await store_credit.statement_of(conn, customer_id, before, limit + 1)
    if found is None:
        raise NotFound("customer_not_found", "no order ever named this customer")
    balances, entries = found
    more = pagination.encoded([entries[limit - 1].entry_id]) if len(entries) > limit else None
    return CreditStatement(customer_id, balances, entries[:limit], more)
