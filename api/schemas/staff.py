"""Bodies and answers of the calls on members of staff and bearer tokens."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from api.schemas.answers import Time
from api.schemas.fields import LINE, Body, Email, InPath, Reference, Visible
from domain.access import STAFF_NAME

StaffName = Annotated[str, StringConstraints(strict=True, pattern=STAFF_NAME)]
StaffRole = Literal["support", "warehouse", "finance", "operations", "admin"]
MAX_LIFETIME_S = 10 * 366 * 86_400


class NewStaff(Body):
    """Who may sign in to the console, in which role."""

    name: StaffName
    role: StaffRole


class StaffAct(Body):
    """A reset or a removal; of the only admin who can sign in, it has to be said."""

    even_last_admin: bool = False


class NewInvitation(Body):
    """Who may join in which role; `name` is proposed, and the person may choose another. The link is sent to `email`
    where a mail server is configured."""

    role: StaffRole
    name: StaffName | None = None
    email: Email | None = None


class SecondFactorReset(Body):
    """Where the link is sent, if anywhere."""

    email: Email | None = None


class NewRole(Body):
    """Another role of a member of staff."""

    role: StaffRole


class PasskeyLabel(Body):
    """How its owner calls a passkey."""

    label: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=60, pattern=LINE), Visible]


class NewToken(Body):
    """Who the token is for: a customer's id, or the subject of any role; and for how long."""

    role: StaffRole | Literal["customer", "channel"]
    subject: Annotated[Reference, InPath] | None = None
    customer: Annotated[Reference, InPath] | None = None
    lifetime_s: Annotated[int, Field(strict=True, ge=1, le=MAX_LIFETIME_S)] | None = None

    @model_validator(mode="after")
    def _whose(self) -> "NewToken":
        if (self.subject is None) == (self.customer is None):
            raise ValueError("name either a subject or a customer")
        if self.customer is not None and self.role != "customer":
            raise ValueError("customer goes with the role customer; name a subject for others")
        return self


class StaffAccount(BaseModel):
    """Somebody who may sign in, or might once."""

    name: str
    role: StaffRole
    active: bool
    created_at: Time
    signed_in_at: Time | None
    totp_set: bool = Field(description="Whether an authenticator app is set up.")
    passkeys: int
    recovery_codes_left: int
    sessions: int = Field(description="Open sessions of the console.")


class StaffList(BaseModel):
    """Everybody, the active ones first."""

    items: list[StaffAccount]
    next_cursor: None = None


class GivenSecrets(BaseModel):
    """First password and second factor: in the first answer alone. A repeat has a `note` that says so instead."""

    name: str
    role: StaffRole | None = None
    password: str | None = None
    secret: str | None = None
    address: str | None = None
    note: str | None = None


class RemovedStaff(BaseModel):
    """Somebody who can sign in no more."""

    name: str
    active: Literal[False]


class ActiveStaff(BaseModel):
    """Somebody who can sign in again."""

    name: str
    active: Literal[True]


class ChangedRole(BaseModel):
    """A member's role from now on."""

    name: str
    role: StaffRole


class EndedSessions(BaseModel):
    """How many sessions of a member ended."""

    name: str
    ended: int


class InvitationLink(BaseModel):
    """The link is in the first answer alone; a repeat has a `note` that says so instead.

    `sent` is true when a mail server took the link; else `send_error` says why not.
    """

    invitation_id: str
    role: StaffRole
    name: str | None
    expires_at: Time
    link: str | None = None
    sent: bool | None = None
    send_error: str | None = None
    note: str | None = None


class OpenInvitation(BaseModel):
    """An invitation that can still be used, without its link."""

    invitation_id: str
    purpose: Literal["join", "second_factor"]
    role: StaffRole
    name: str | None
    email: str | None
    invited_by: str
    created_at: Time
    expires_at: Time


class InvitationList(BaseModel):
    """Those that can still be used, the newest first."""

    items: list[OpenInvitation]
    next_cursor: None = None


class RevokedInvitation(BaseModel):
    """A link that was revoked."""

    invitation_id: str
    revoked: Literal[True]


class IssuedToken(BaseModel):
    """The token itself is in the first answer alone. A repeat has a `note` that says so instead."""

    token_id: str
    role: str
    subject: str
    expires_at: Time
    token: str | None = None
    note: str | None = None


class KnownToken(BaseModel):
    """A token that was issued, without the token itself."""

    token_id: str
    role: str
    subject: str
    issued_at: Time
    issued_by: str
    expires_at: Time
    revoked_at: Time | None
    revoked_by: str | None


class TokenList(BaseModel):
    """A page of tokens, the newest first."""

    items: list[KnownToken]
    next_cursor: str | None
