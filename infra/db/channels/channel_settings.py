"""The settings of channels: how the shop of each looks to its customers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.channels import ChannelLook

_LOOK = text("SELECT name, colour, dark_colour, contact, logo FROM channel_settings WHERE channel = :channel")
_CHANNEL_OF = text("SELECT channel FROM orders WHERE order_no = :order_no")
_ONE = text(
    """SELECT channel, name, colour, dark_colour, contact, logo, updated_at, updated_by, version,
              messages_off, max_fulfilments FROM channel_settings
        WHERE channel = :channel"""
)
# The channels of orders are found by skipping from one to the next along the index, however many orders there are.
_CHANNELS = text(
    """
    WITH RECURSIVE known AS (
      (SELECT channel FROM orders ORDER BY channel LIMIT 1)
      UNION ALL
      SELECT (SELECT o.channel FROM orders o WHERE o.channel > k.channel ORDER BY o.channel LIMIT 1)
        FROM known k WHERE k.channel IS NOT NULL)
    SELECT channel FROM known WHERE channel IS NOT NULL
     UNION SELECT channel FROM channel_settings ORDER BY channel LIMIT :limit
    """
)
_ALL = text(
    """SELECT channel, name, colour, dark_colour, contact, logo, updated_at, updated_by, version,
              messages_off, max_fulfilments FROM channel_settings
        ORDER BY channel LIMIT :limit"""
)
# A channel that nobody has set has version 0, so that two who set it first do not overwrite each other either.
_SAVE = text(
    """
    INSERT INTO channel_settings AS c
      (channel, name, colour, dark_colour, contact, logo, messages_off, max_fulfilments, updated_by)
    VALUES (:channel, :name, :colour, :dark_colour, :contact, :logo, CAST(:messages_off AS text[]),
            CAST(:max_fulfilments AS smallint), :updated_by)
    ON CONFLICT (channel) DO UPDATE
       SET name = excluded.name, colour = excluded.colour, dark_colour = excluded.dark_colour,
           contact = excluded.contact, logo = excluded.logo, messages_off = excluded.messages_off,
           max_fulfilments = excluded.max_fulfilments, updated_by = excluded.updated_by, updated_at = now()
     WHERE c.version = :version
    """
)
# Where the order goes is in clear: no address is opened for the time zone of a page.
_OF_ORDER = text(
    """
    SELECT o.channel, o.country, o.province, s.name, s.colour, s.dark_colour, s.contact, s.logo
      FROM orders o LEFT JOIN channel_settings s USING (channel) WHERE o.order_no = :order_no
    """
)
MAX_CHANNELS = 500


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """A channel with its look, the templates of messages that it does not send, and in how many parts its orders may
    ship (None: OMS_MAX_FULFILMENTS); nobody has set it where `updated_at` is None, and its version is 0."""

    channel: str
    look: ChannelLook
    updated_at: datetime | None = None
    updated_by: str | None = None
    version: int = 0
    messages_off: tuple[str, ...] = ()
    max_fulfilments: int | None = None


@dataclass(frozen=True, slots=True)
class OrderSurroundings:
    """What a page about an order looks like, and where the order goes: its times are of that place."""

    channel: str
    look: ChannelLook
    place: dict[str, str]


async def of_order(conn: AsyncConnection, order_no: str) -> OrderSurroundings:
    """The surroundings of an order that exists."""
    row = (await conn.execute(_OF_ORDER, {"order_no": order_no})).one()
    known = ChannelLook(row.name, row.colour, row.dark_colour, row.contact, row.logo) if row.colour else ChannelLook()
    return OrderSurroundings(row.channel, known, {"country": row.country, "province": row.province})


async def channel_of(conn: AsyncConnection, order_no: str) -> str | None:
    """The channel of an order; None where there is none."""
    channel: str | None = (await conn.execute(_CHANNEL_OF, {"order_no": order_no})).scalar_one_or_none()
    return channel


async def look_of(conn: AsyncConnection, channel: str) -> ChannelLook:
    """How the channel looks; the default where nobody has set it."""
    row = (await conn.execute(_LOOK, {"channel": channel})).one_or_none()
    return ChannelLook(**row._mapping) if row else ChannelLook()


async def one(conn: AsyncConnection, channel: str) -> ChannelSettings:
    """The channel's settings, those of a channel that nobody has set included."""
    row = (await conn.execute(_ONE, {"channel": channel})).one_or_none()
    return _settings(**row._mapping) if row else ChannelSettings(channel, ChannelLook())


async def every(conn: AsyncConnection) -> list[ChannelSettings]:
    """All channels that have orders or settings, by name; at most MAX_CHANNELS."""
    limit = {"limit": MAX_CHANNELS}
    known = {row.channel: _settings(**row._mapping) for row in await conn.execute(_ALL, limit)}
    channels = (await conn.execute(_CHANNELS, limit)).scalars()
    return [known.get(channel) or ChannelSettings(channel, ChannelLook()) for channel in channels]


async def save(conn: AsyncConnection, known: ChannelSettings, actor: str) -> bool:
    """Keep what is set of `known`; the audit log has it by trigger. False where the channel has another
    version than `known`: nothing is changed."""
    look = {name: getattr(known.look, name) for name in ("name", "colour", "dark_colour", "contact", "logo")}
    values = {"channel": known.channel, "version": known.version, "messages_off": list(known.messages_off)}
    values["max_fulfilments"] = known.max_fulfilments
    return (await conn.execute(_SAVE, {"updated_by": actor, **values, **look})).rowcount == 1


def _settings(
    channel: str, name: str | None, colour: str, dark_colour: str | None, contact: str | None, logo: str | None,
    updated_at: datetime, updated_by: str, version: int, messages_off: list[str],
    max_fulfilments: int | None,
) -> ChannelSettings:  # fmt: skip
    look = ChannelLook(name, colour, dark_colour, contact, logo)
    return ChannelSettings(channel, look, updated_at, updated_by, version, tuple(messages_off), max_fulfilments)
