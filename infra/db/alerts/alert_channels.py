"""Where alerts go: channels, their addresses and secrets encrypted under a key of each channel's own."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.security.crypto import Unreadable, Vault

_ADD = text(
    """
    INSERT INTO alert_channels (channel_id, kind, name, language, causes, target_enc, data_key, created_by)
    VALUES (:channel_id, :kind, :name, :language, CAST(:causes AS text[]), :target_enc, :data_key, :created_by)
    RETURNING created_at
    """
)
_FIND = text(
    """
    SELECT channel_id, kind, language, target_enc, data_key FROM alert_channels
     WHERE channel_id = :channel_id AND active
    """
)
_ALL = text(
    """
    SELECT c.channel_id, c.kind, c.name, c.language, c.causes, c.created_by, c.created_at, c.target_enc, c.data_key,
           last.state AS last_state, last.last_error, last.tries AS last_tries, taken.at AS taken_at
      FROM alert_channels c
      LEFT JOIN LATERAL (SELECT d.state, d.last_error, d.tries FROM alert_deliveries d
                          WHERE d.channel_id = c.channel_id AND d.state <> 'superseded'
                          ORDER BY d.delivery_id DESC LIMIT 1) last ON true
      LEFT JOIN LATERAL (SELECT max(d.done_at) AS at FROM alert_deliveries d
                          WHERE d.channel_id = c.channel_id AND d.state = 'done') taken ON true
     WHERE c.active ORDER BY c.created_at, c.channel_id
    """
)
# The row stays for whoever reads what was sent; the address and the secret go.
_REMOVE = text(
    """
    UPDATE alert_channels SET active = false, removed_by = :actor, target_enc = NULL, data_key = NULL
     WHERE channel_id = :channel_id AND active
    """
)
_DROP_OPEN = text(
    """
    UPDATE alert_deliveries SET state = 'superseded', done_at = now()
     WHERE channel_id = :channel_id AND state = 'open'
    """
)


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel to add. `target` is {url, secret} or {address}; `causes` empty: all kinds."""

    channel_id: str
    kind: str
    name: str
    language: str
    causes: list[str]
    target: dict[str, str]
    created_by: str


@dataclass(frozen=True, slots=True)
class Channel:
    """Where one message goes; its target is sealed by the wrapped `data_key`."""

    channel_id: str
    kind: str
    language: str
    target_enc: bytes
    data_key: bytes


def target_of(vault: Vault, channel: Channel) -> dict[str, str]:
    """{url, secret} or {address}. Raises Unreadable."""
    opened = vault.open_json(vault.unwrap(channel.data_key), channel.target_enc, _context(channel.channel_id))
    return {str(name): str(value) for name, value in opened.items()}


def _context(channel_id: str) -> str:
    return f"{channel_id}:target"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedChannel:
    """A channel as it was added; its target as far as it is no secret, None where its key is gone."""

    channel_id: str
    kind: str
    name: str
    language: str
    causes: list[str]
    created_by: str
    target: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedChannel(AddedChannel):
    """An active channel, and how the last message went: `last_state` is open, done, failed or None."""

    last_state: str | None
    last_error: str | None
    last_tries: int | None
    taken_at: datetime | None


async def add(conn: AsyncConnection, vault: Vault, channel: NewChannel) -> AddedChannel:
    """Insert it, the target sealed; what is returned holds neither the whole address nor a secret."""
    plain, wrapped = vault.new_data_key()
    row = {name: value for name, value in asdict(channel).items() if name != "target"}
    sealed = vault.seal_json(plain, channel.target, _context(channel.channel_id))
    created_at = (await conn.execute(_ADD, {**row, "target_enc": sealed, "data_key": wrapped})).scalar_one()
    return AddedChannel(
        channel_id=channel.channel_id,
        kind=channel.kind,
        name=channel.name,
        language=channel.language,
        causes=channel.causes,
        created_by=channel.created_by,
        target=readable_target(channel.target),
        created_at=created_at,
    )


async def find(conn: AsyncConnection, channel_id: str) -> Channel | None:
    """An active channel, or None."""
    row = (await conn.execute(_FIND, {"channel_id": channel_id})).one_or_none()
    return None if row is None else Channel(**row._mapping)


async def secret_of(conn: AsyncConnection, vault: Vault, channel_id: str) -> str | None:
    """What signs messages to a channel; None when the channel is gone, or signs nothing."""
    channel = await find(conn, channel_id)
    return None if channel is None else target_of(vault, channel).get("secret")


async def every(conn: AsyncConnection, vault: Vault) -> list[ListedChannel]:
    """All active channels, oldest first."""
    return [_shown(vault, row) for row in (await conn.execute(_ALL)).mappings()]


def _shown(vault: Vault, row: RowMapping) -> ListedChannel:
    channel = Channel(row["channel_id"], row["kind"], row["language"], row["target_enc"], row["data_key"])
    known = {name: value for name, value in row.items() if name not in ("target_enc", "data_key")}
    try:
        return ListedChannel(**known, target=readable_target(target_of(vault, channel)))
    except Unreadable:
        return ListedChannel(**known, target=None)


def readable_target(target: dict[str, str]) -> str:
    """An e-mail address whole; of a URL no more than scheme and host, since the rest is what a robot is called with."""
    if "address" in target:
        return target["address"]
    return "/".join(target["url"].split("/", 3)[:3]).partition("?")[0]


async def remove(conn: AsyncConnection, channel_id: str, actor: str) -> bool:
    """Tell it nothing any more, and forget its address; False when there is no such channel."""
    removed = (await conn.execute(_REMOVE, {"channel_id": channel_id, "actor": actor})).rowcount
    await conn.execute(_DROP_OPEN, {"channel_id": channel_id})
    return bool(removed)
