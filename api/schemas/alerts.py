"""Bodies of the calls on channels for notices to staff."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from api.schemas.fields import LINE, Body, Visible
from api.schemas.webhooks import Url
from domain.alerts import ChannelKind, Kind, Language
from infra.email.mail_address import mail_address

ChannelName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=60, pattern=LINE), Visible]
SignSecret = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=r"^[\x21-\x7e]*$")]


class NewChannel(Body):
    """Where staff are told, in which language, and of which kinds of causes (none named: all).

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


def _is_address(typed: str) -> bool:
    """Every mail server takes ASCII."""
    try:
        mail_address(typed)
    except ValueError:
        return False
    return typed.isascii()
