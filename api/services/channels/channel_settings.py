"""The settings of channels: read, set, and as the customers' pages use them."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from api.dependencies import Services, actor
from api.schemas.channels import SetChannel, is_channel
from api.services.files import file_store
from domain.access import Principal, Role
from domain.channels import ChannelLook, require_readable
from domain.errors import NotFound
from infra.db.audit import actor_context
from infra.db.channels import channel_settings
from infra.db.channels.channel_settings import ChannelSettings, OrderSurroundings

__all__ = [
    "SET_BY",
    "ListedChannel",
    "channel_of",
    "every",
    "is_channel",
    "look_of",
    "of_order",
    "one",
    "put",
    "put_logo",
]

SET_BY = (Role.OPERATIONS,)


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


async def put(services: Services, caller: Principal, channel: str, wanted: SetChannel) -> ListedChannel:
    """Set all of the channel's look. Raises RuleBroken `colour_contrast`, `dark_colour_contrast`, NotFound
    `picture_not_found`."""
    _require(channel)
    look = ChannelLook(**dict(wanted))
    require_readable(look)
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        if look.logo is not None:
            await file_store.require_public(conn, look.logo)
        await channel_settings.save(conn, channel, look, actor(caller))
        return _shown(await channel_settings.one(conn, channel))


async def put_logo(services: Services, caller: Principal, channel: str, content: bytes | None) -> None:
    """Set the logo alone; None removes it. Raises RuleBroken `picture_invalid`, `picture_too_large`."""
    _require(channel)
    picture = await file_store.checked_picture(content) if content is not None else None
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        logo = await file_store.keep_public(conn, picture, actor(caller)) if picture else None
        look = await channel_settings.look_of(conn, channel)
        await channel_settings.save(conn, channel, replace(look, logo=logo), actor(caller))


def _shown(found: ChannelSettings) -> ListedChannel:
    return ListedChannel(found.channel, **asdict(found.look), updated_at=found.updated_at, updated_by=found.updated_by)


def _require(channel: str) -> None:
    if not is_channel(channel):
        raise NotFound("channel_not_found")
