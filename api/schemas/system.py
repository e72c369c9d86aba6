"""What the calls on the installation answer."""

from typing import Literal

from pydantic import BaseModel, Field


class Health(BaseModel):
    """Whether the process lives."""

    status: Literal["ok", "down"]


class Readiness(BaseModel):
    """Whether orders can be accepted, and what runs beside the API."""

    status: Literal["ready"]
    temporal: Literal["connected", "unreachable"]
    worker: str = Field(description="`serving`, `none`, or the code of what keeps every worker from starting orders.")
    worker_detail: str | None = Field(default=None, description="What to do; absent while a worker serves.")
    relay: Literal["serving", "none"]
    relay_detail: str | None = Field(default=None, description="What to do; absent while a relay serves.")


class Finding(BaseModel):
    """One thing that was looked at; `detail` says what is there or what to do."""

    subject: str
    ok: bool
    detail: str


class Findings(BaseModel):
    """All findings; `ok` when each is."""

    ok: bool
    findings: list[Finding]


class Backlog(BaseModel):
    """Orders that are stored and wait to be started; at `limit` (0: none) no more are accepted."""

    waiting: int
    oldest_s: float
    limit: int
    accepting: bool


class Recovered(BaseModel):
    """What this call found and did. `open_orders` = `started` + `running`; `next_cursor` is null at the end."""

    open_orders: int
    started: int
    running: int
    returns: int
    jobs: int
    transfers: int
    next_cursor: str | None
