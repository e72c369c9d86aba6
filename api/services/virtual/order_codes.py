"""The codes of an order: its owner reads them; when staff do, the audit log says so."""

from api.dependencies import Services, actor
from domain.access import Principal
from infra.db.virtual import issued_codes
from infra.db.virtual.issued_codes import IssuedCode


async def read(services: Services, caller: Principal, order_no: str) -> list[IssuedCode]:
    """The codes of an order that the caller may see; none before they are issued."""
    async with services.database.begin() as conn:
        found = await issued_codes.of_order(conn, services.keys, order_no)
        if found and caller.is_staff:
            await issued_codes.note_reading(conn, order_no, actor(caller))
    return found


async def bought(services: Services, order_no: str) -> list[IssuedCode]:
    """The codes of an order for its customer; who may see it is decided."""
    async with services.database.begin() as conn:
        return await issued_codes.of_order(conn, services.keys, order_no)
