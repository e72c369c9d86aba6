"""Keys, tokens and sessions of staff."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from infra.settings.parsing import json_list


class AccessSettings(BaseModel):
    """Keys, tokens and sessions."""

    token_secret: SecretStr = SecretStr("")
    token_lifetime_s: int = Field(default=86_400, ge=1)
    master_key: SecretStr = SecretStr("")
    previous_master_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(json_list)] = ()
    staff_session_s: int = Field(default=12 * 3600, ge=60)
    staff_idle_s: int = Field(default=1800, ge=60)
    staff_invitation_s: int = Field(default=3 * 86_400, ge=300, le=30 * 86_400)
