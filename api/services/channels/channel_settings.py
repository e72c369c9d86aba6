"""The settings of channels: read, set, and as the pages of customers use them."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from api.dependencies import Services, actor
from api.errors import Problem
from api.schemas.channels import SetChannel, is_channel
from api.services.files import file_store
from api.services.orders.order_changes import ANY
from domain.access import Principal, Role
from domain.channels import ChannelLook, require_readable
from domain.errors import NotFound
from domain.notifications import NOTIFICATION_OF_EVENT
from infra.db.audit import actor_context
from infra.db.channels import channel_settings
from infra.db.channels.channel_settings import ChannelSettings, OrderSurroundings
from infra.db.engine import Connection

__all__ = [
    "SET_BY",
    "SWITCHED",
    "ListedChannel",
    "channel_of",
    "every",
    "is_channel",
    "look_of",
    "of_order",
    "one",
    "put",
    "put_logo",
    "put_messages",
]

SET_BY = (Role.OPERATIONS,)
# Messages that a shop can switch off: all about orders. A code to sign in is always sent.
SWITCHED = tuple(sorted(set(NOTIFICATION_OF_EVENT.values())))
# The versions that a caller saw, as in If-Match; None: whatever there is.
Versions = frozenset[str] | None
Change = Callable[[Connection, ChannelSettings], Awaitable[ChannelSettings]]


@dataclass(frozen=True, slots=True)
class ListedChannel:
    """A channel as the API shows it."""

    channel: str
    name: str | None
    colour: str
    dark_colour: str | None
    contact: str | None
    logo: str | None
    updated_at: datetime | None
    updated_by: str | None
    version: int
    messages_off: tuple[str, ...]
    max_fulfilments: int | None


async def look_of(services: Services, channel: str) -> ChannelLook:
    """How the channel looks to its customers."""
    async with services.database.begin() as conn:
        look = await channel_settings.look_of(conn, channel)
    services.looks.remember(channel, look)
    return look


async def channel_of(services: Services, order_no: str) -> str:
    """The channel of an order; empty where there is none."""
    async with services.database.begin() as conn:
        return await channel_settings.channel_of(conn, order_no) or ""


async def of_order(services: Services, order_no: str) -> OrderSurroundings:
    """The look of the order's channel, and where the order goes."""
    async with services.database.begin() as conn:
        found = await channel_settings.of_order(conn, order_no)
    services.looks.remember(found.channel, found.look)
    return found


async def every(services: Services) -> list[ListedChannel]:
    """All channels that have orders or settings."""
    async with services.database.begin() as conn:
        return [_shown(one) for one in await channel_settings.every(conn)]


async def one(services: Services, channel: str) -> ListedChannel:
    """The channel. Raises NotFound `channel_not_found` for what cannot be one."""
    _require(channel)
    async with services.database.begin() as conn:
        return _shown(await channel_settings.one(conn, channel))


async def put(
    services: Services, caller: Principal, channel: str, wanted: SetChannel, versions: Versions = None
) -> ListedChannel:
    """Set all of the channel. Raises RuleBroken `colour_contrast`, `dark_colour_contrast`, NotFound
    `picture_not_found`, Problem `channel_changed`."""
    _require(channel)
    given = dict(wanted)
    off, most = tuple(sorted(set(given.pop("messages_off")))), given.pop("max_fulfilments")
    look = ChannelLook(**given)
    require_readable(look)

    async def changed(conn: Connection, known: ChannelSettings) -> ChannelSettings:
        if look.logo is not None:
            await file_store.require_public(conn, look.logo)
        return replace(known, look=look, messages_off=off, max_fulfilments=most)

    return await _save(services, caller, channel, versions, changed)


async def put_logo(
    services: Services, caller: Principal, channel: str, content: bytes | None, versions: Versions = None
) -> None:
    """Set the logo alone; None removes it. Raises RuleBroken `picture_invalid`, `picture_too_large`, Problem
    `channel_changed`."""
    _require(channel)
    picture = await file_store.checked_picture(content) if content is not None else None

    async def changed(conn: Connection, known: ChannelSettings) -> ChannelSettings:
        logo = await file_store.keep_public(conn, picture, actor(caller)) if picture else None
        return replace(known, look=replace(known.look, logo=logo))

    await _save(services, caller, channel, versions, changed)


async def put_messages(
    services: Services, caller: Principal, channel: str, off: Collection[str], versions: Versions = None
) -> None:
    """Set which messages its customers are not sent, of those that there are. Raises Problem `channel_changed`."""
    _require(channel)

    async def changed(_: Connection, known: ChannelSettings) -> ChannelSettings:
        return replace(known, messages_off=tuple(one for one in SWITCHED if one in off))

    await _save(services, caller, channel, versions, changed)


async def _save(
    services: Services, caller: Principal, channel: str, versions: Versions, changed: Change
) -> ListedChannel:
    """Change the channel as it is, if that is what the caller saw."""
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        known = await channel_settings.one(conn, channel)
        if versions is not None and ANY not in versions and str(known.version) not in versions:
            raise Problem("channel_changed")
        if not await channel_settings.save(conn, await changed(conn, known), actor(caller)):
            raise Problem("channel_changed")
        return _shown(await channel_settings.one(conn, channel))


def _shown(found: ChannelSettings) -> ListedChannel:
    return ListedChannel(
        found.channel,
        **asdict(found.look),
        updated_at=found.updated_at,
        updated_by=found.updated_by,
        version=found.version,
        messages_off=found.messages_off,
        max_fulfilments=found.max_fulfilments,
    )


def _require(channel: str) -> None:
    if not is_channel(channel):
        raise NotFound("channel_not_found")
