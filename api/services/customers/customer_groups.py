"""The group of a customer."""

from api.dependencies import Services, actor
from api.schemas.customers import SetCustomerGroup
from domain.access import Principal, Role
from domain.errors import NotFound
from infra.db.audit import actor_context
from infra.db.customers import groups

SET_BY = (Role.SUPPORT, Role.OPERATIONS)


async def put(services: Services, caller: Principal, customer_id: str, wanted: SetCustomerGroup) -> None:
    """From the next decision on, sourcing knows the customer by this group. Raises NotFound `customer_not_found`."""
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        if not await groups.set_group(conn, customer_id, wanted.customer_group):
            raise NotFound("customer_not_found")
