"""What the checks of the database and of the audit log answer."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.answers import Time

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")]


class Difference(BaseModel):
    """One place that is wrong."""

    where: str
    should_be: str
    is_: str = Field(alias="is")


class BooksCheck(BaseModel):
    """One question's answer; null where there was no time for it."""

    code: str
    name: str
    ok: bool | None
    wrong: int | None
    found: list[Difference]


class BooksChecked(BaseModel):
    """Every question's answer."""

    ok: bool
    checks: list[BooksCheck]


class AuditEntry(BaseModel):
    """One entry. `number` counts within the chain that was asked for; `reference` says where the reason is kept."""

    entry_id: int
    number: int
    occurred_at: Time
    actor: str
    action: str
    order_no: str | None
    before: str | None
    after: str | None
    reference: str | None
    origin: str | None = Field(description="Channel and address of the request, like `console 203.0.113.7`")


class AuditChain(BaseModel):
    """A chain of entries; `head` is its newest hash in hexadecimal, null while it has no entry."""

    count: int
    head: str | None


class AuditEntryList(BaseModel):
    """A page of entries, the newest first."""

    items: list[AuditEntry]
    next_cursor: str | None
    chain: AuditChain


class AuditFault(BaseModel):
    """Where the log is not whole: kind is order, actor, or anchor; entry_id is null where an entry is missing."""

    kind: str
    key: str
    number: int
    entry_id: int | None
    what: str


class AuditVerdict(BaseModel):
    """Is the audit log whole."""

    ok: bool
    complete: bool
    faults: list[AuditFault]
    fault_count: int
    newest_anchor: str | None
    younger_entries: int


class AuditAnchor(BaseModel):
    """An anchor; entries is a PostgreSQL multirange, line what to keep elsewhere."""

    number: int
    made_at: Time
    entries: str
    count: int
    hash: str
    line: str


class NewestAnchor(BaseModel):
    """Null before the first."""

    anchor: AuditAnchor | None


class Anchored(NewestAnchor):
    """Not complete: there is more than one call makes."""

    complete: bool


class Access(BaseModel):
    """Somebody who can act or did, with the actions of the last 90 days."""

    name: str
    role: str
    access: str
    created_at: Time | None
    signed_in_at: Time | None
    actor: str
    acts: int
    last_act_at: Time | None


class AccessPage(BaseModel):
    """A page of the access review."""

    items: list[Access]
    next_cursor: str | None
