"""Photographs of a return: which stored files belong to it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MAX_PHOTOGRAPHS = 10
# The caller has locked the return, so the next number is free.
_ADD = text(
    """
    INSERT INTO return_photographs (return_id, photograph_no, file_id, added_by)
    SELECT :return_id, count(*) + 1, :file_id, :actor FROM return_photographs WHERE return_id = :return_id
    """
)
_COUNT = text("SELECT count(*) FROM return_photographs WHERE return_id = :return_id")
_ALL = text(
    """
    SELECT photograph_no, file_id, added_at FROM return_photographs WHERE return_id = :return_id
     ORDER BY photograph_no
    """
)


@dataclass(frozen=True, slots=True)
class ReturnPhotograph:
    """A photograph of a return; `file_id` names the stored file."""

    photograph_no: int
    file_id: str
    added_at: datetime


async def count(conn: AsyncConnection, return_id: str) -> int:
    """How many photographs the return has."""
    return int((await conn.execute(_COUNT, {"return_id": return_id})).scalar_one())


async def add(conn: AsyncConnection, return_id: str, file_id: str, actor: str) -> None:
    """Add a stored file to the return, which the caller has locked."""
    await conn.execute(_ADD, {"return_id": return_id, "file_id": file_id, "actor": actor})


async def every(conn: AsyncConnection, return_id: str) -> list[ReturnPhotograph]:
    """All photographs of the return, the first one first."""
    return [ReturnPhotograph(**row._mapping) for row in await conn.execute(_ALL, {"return_id": return_id})]
