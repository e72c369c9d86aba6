"""What is done with a return: what the HTTP calls, the console's forms and the portal all do.

It is decided in the database, under the order's lock, and answered at once, also while Temporal is down.
"""

from collections.abc import Awaitable, Callable

from api.dependencies import Services, actor
from api.idempotency import run_in_transaction
from api.replies import Reply
from api.schemas.after_sales.returns import FoundPieces, InspectedPieces, SentReturn
from api.services.after_sales import return_lookup
from api.services.after_sales.keyed_request import KeyedRequest
from domain.after_sales.returns import Condition, Found
from infra.db.after_sales import return_handling, returns
from infra.db.after_sales.return_fields import ReturnView
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.returns import Return
from infra.db.after_sales.settlement import SettlementContext
from infra.db.engine import Connection

Operation = Callable[[Connection, Return], Awaitable[Return]]


async def approve(services: Services, keyed: KeyedRequest, return_id: str) -> Reply:
    """Approve it. Raises Conflict `return_closed`."""
    terms, name = ReturnPolicy.from_settings(services.settings), actor(keyed.caller)
    return await _apply(
        services, keyed, return_id, lambda conn, order_return: return_handling.approve(conn, order_return, name, terms)
    )


async def reject(services: Services, keyed: KeyedRequest, return_id: str, reason: str) -> Reply:
    """Reject it with a reason. Raises Conflict `return_decided`."""
    terms, name = ReturnPolicy.from_settings(services.settings), actor(keyed.caller)

    async def work(conn: Connection, order_return: Return) -> Return:
        return await return_handling.reject(conn, order_return, name, terms, services.keys, reason)

    return await _apply(services, keyed, return_id, work)


async def cancel(services: Services, keyed: KeyedRequest, return_id: str) -> Reply:
    """The customer keeps it. Raises Conflict `return_not_cancellable`."""
    terms, name = ReturnPolicy.from_settings(services.settings), actor(keyed.caller)
    return await _apply(
        services, keyed, return_id, lambda conn, order_return: return_handling.cancel(conn, order_return, name, terms)
    )


async def sent(services: Services, keyed: KeyedRequest, return_id: str, parcel: SentReturn) -> Reply:
    """The customer has sent it by a carrier of their own. Raises Conflict `return_closed`."""
    terms, name = ReturnPolicy.from_settings(services.settings), actor(keyed.caller)

    async def work(conn: Connection, order_return: Return) -> Return:
        return await return_handling.sent(conn, order_return, name, terms, parcel.carrier, parcel.tracking_no)

    return await _apply(services, keyed, return_id, work)


async def receive(services: Services, keyed: KeyedRequest, return_id: str, found: FoundPieces) -> Reply:
    """It is in the warehouse. Raises Conflict `return_already_received`, `return_closed`, `more_than_returned`."""
    terms, name = ReturnPolicy.from_settings(services.settings), actor(keyed.caller)

    async def work(conn: Connection, order_return: Return) -> Return:
        return await return_handling.receive(conn, order_return, name, terms, _found(found))

    return await _apply(services, keyed, return_id, work)


async def inspect(services: Services, keyed: KeyedRequest, return_id: str, found: InspectedPieces) -> Reply:
    """Record the inspection; pieces return to stock and the refund is opened, in one transaction. Raises RuleBroken
    `unknown_location`, `location_closed`."""
    terms = ReturnPolicy.from_settings(services.settings)
    context = SettlementContext(services.keys, terms, actor(keyed.caller), found.location)

    async def work(conn: Connection, order_return: Return) -> Return:
        return await return_handling.inspect(conn, order_return, context, _found(found))

    return await _apply(services, keyed, return_id, work)


def _found(pieces: FoundPieces) -> list[Found]:
    return [Found(line.sku, line.quantity, Condition(line.condition), line.line_no) for line in pieces.lines]


async def _apply(services: Services, keyed: KeyedRequest, return_id: str, confirmation: Operation) -> Reply:
    async def work(conn: Connection) -> ReturnView:
        await confirmation(conn, await returns.lock(conn, return_id))
        return await return_lookup.view_of(conn, services, keyed.caller, return_id)

    return await run_in_transaction(services, keyed.claim, 200, work)
