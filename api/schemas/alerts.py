"""Bodies and answers of the calls on channels for alerts to staff."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from api.schemas.answers import Time
from api.schemas.fields import LINE, Body, Visible
from api.schemas.webhooks import Url
from domain.alerts import ChannelKind, Kind, Language
from infra.email.mail_address import mail_address

ChannelName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=60, pattern=LINE), Visible]
SignSecret = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=r"^[\x21-\x7e]*$")]


class NewChannel(Body):
    """A channel for alerts to staff: its language and its kinds of causes (default: all).

    `target` is the robot's or webhook's URL, or the e-mail address; `secret` is DingTalk's signing secret.
    """

    kind: Annotated[ChannelKind, Field(strict=False)]
    name: ChannelName
    target: Url
    secret: SignSecret | None = None
    language: Annotated[Language, Field(strict=False)] = Language.EN
    causes: list[Annotated[Kind, Field(strict=False)]] = Field(default=[], max_length=len(Kind))

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "NewChannel":
        if self.secret is not None and self.kind is not ChannelKind.DINGTALK:
            raise ValueError("secret is DingTalk's signing secret; other channels have none")
        if self.kind is ChannelKind.EMAIL and not _is_address(self.target):
            raise ValueError("target is one e-mail address in ASCII, like team@example.com")
        return self


class _Channel(BaseModel):
    channel_id: str
    kind: ChannelKind
    name: str
    language: Language
    causes: list[Kind] = Field(description="Kinds of causes that are sent there; empty: all")
    created_by: str
    created_at: Time


class AddedChannel(_Channel):
    """A channel as it was added. `target` is the e-mail address, or scheme and host of the URL.

    `secret` is there for webhooks only: it signs the messages and is shown to the request that added it only.
    """

    target: str
    secret: str | None = None


class AlertChannel(_Channel):
    """A channel without its secret, and how its last message went. `target` is null where it cannot be decrypted."""

    target: str | None
    last_state: Literal["open", "done", "failed"] | None
    last_error: str | None
    last_tries: int | None
    taken_at: Time | None = Field(description="When the channel last accepted a message")


class AlertChannelList(BaseModel):
    """All active channels, the oldest first."""

    items: list[AlertChannel]
    next_cursor: None = None


class TestedChannel(BaseModel):
    """Outcome of a test message: `error` is a code, null when the channel took it; `said` is the channel's answer."""

    taken: bool
    error: str | None
    said: str


def _is_address(typed: str) -> bool:
    """Every mail server takes ASCII."""
    try:
        mail_address(typed)
    except ValueError:
        return False
    return typed.isascii()
