"""Customers' sessions in the portal: opened with a code or a link, found by their cookie, closed."""

from api.dependencies import Services
from domain.access import Principal, Role
from infra.db.engine import Connection
from infra.db.portal import sessions, sign_in_codes
from infra.db.portal.sign_in_codes import IndexedContact, Refused

# How long a code opens a session, and how many digits it has.
CODE_LIFETIME_S = sign_in_codes.LIFETIME_S
CODE_DIGITS = sign_in_codes.DIGITS
CodeRefusal = Refused
PortalContact = IndexedContact


async def enter_with_code(services: Services, request_cookie: str, code: str) -> str | CodeRefusal:
    """The cookie of a new session, for the code that was sent when the browser with `request_cookie` asked for it."""
    async with services.database.begin() as conn:
        found = await sign_in_codes.use_code(conn, services.keys.vault, request_cookie, code)
        return await _opened(conn, services, found)


async def enter_with_link(services: Services, token: str) -> str | CodeRefusal:
    """The cookie of a new session, for the token of a link."""
    async with services.database.begin() as conn:
        return await _opened(conn, services, await sign_in_codes.use_link(conn, token))


async def _opened(conn: Connection, services: Services, found: IndexedContact | Refused) -> str | CodeRefusal:
    if isinstance(found, Refused):
        return found
    return await sessions.open_session(conn, found, services.settings.portal_session_s)


async def find(services: Services, cookie: str) -> PortalContact | None:
    """The contact that is signed in with this cookie; None when the session has ended or there is none."""
    async with services.database.begin() as conn:
        return await sessions.session_of(conn, cookie, services.settings.portal_idle_s)


async def sign_out(services: Services, cookie: str) -> None:
    """End the session of this cookie."""
    async with services.database.begin() as conn:
        await sessions.close_session(conn, cookie)


async def customer_of(services: Services, contact: PortalContact, order_no: str) -> Principal:
    """The customer as whom the contact sees this order. Raises NotFound `order_not_found`."""
    async with services.database.begin() as conn:
        return await owner_of(conn, contact, order_no)


async def owner_of(conn: Connection, contact: PortalContact, order_no: str) -> Principal:
    """As `customer_of`, in the caller's transaction."""
    return Principal(Role.CUSTOMER, await sessions.owner_of(conn, contact, order_no))
