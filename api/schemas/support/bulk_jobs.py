"""Answers of the calls on bulk jobs."""

from typing import Literal

from pydantic import BaseModel, Field


class OpenedJob(BaseModel):
    """A bulk job over `total` orders. Where orders exceed the limit of one person, `waiting` of them wait for the
    approval `approval_id`."""

    job_id: str
    total: int
    approval_id: str | None = Field(default=None, description="Only where orders wait for an approval")
    waiting: int | None = Field(default=None, description="Only where orders wait for an approval")


class JobProgress(BaseModel):
    """How far a bulk job is. `done` orders accepted the action; `failed` ones refused it."""

    state: Literal["running", "finished", "stopped"]
    total: int
    done: int
    failed: int
