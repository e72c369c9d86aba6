"""Bodies of the calls on channels for notices to staff."""

import re
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from api.schemas.endpoints import Url
from api.schemas.text import LINE, Body
from domain.notices import ChannelKind, Kind, Language

ChannelName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=60, pattern=LINE)]
SignSecret = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=r"^[\x21-\x7e]*$")]
# One address without a display name: narrower than mail allows, so that nothing in it can be a header or a list.
ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)


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
        if self.kind is ChannelKind.EMAIL and (len(self.target) > 254 or not ADDRESS.fullmatch(self.target)):
            raise ValueError("target is one e-mail address, like team@example.com")
        return self
