"""Uploaded photographs on their way to what they belong to: one at a time in memory, checked, written anew."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from api.dependencies import Services, actor
from api.services.files import file_store
from domain.access import Principal
from domain.errors import RuleBroken
from infra.db.files import stored_files
from infra.pictures.pictures import Picture

MAX_PHOTOGRAPHS = 10
# What forms have uploaded and nobody has sent: at most so many of one customer, until they are deleted.
MAX_UNUSED = 40


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a form, which is read when it is its turn. Its `name` is the sender's text: for their page alone."""

    name: str = field(repr=False)
    size: int
    read: Callable[[], Awaitable[bytes]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CheckedUpload:
    """An uploaded picture; `digest` is that of the file as it was sent."""

    digest: bytes
    picture: Picture = field(repr=False)


async def checked(file: SentFile) -> CheckedUpload:
    """The picture in a file. Raises RuleBroken `picture_too_large`, `picture_invalid`, Problem `busy`."""
    if file.size > file_store.MAX_UPLOAD_BYTES:
        raise RuleBroken("picture_too_large")
    content = await file.read()
    return CheckedUpload(hashlib.sha256(content).digest(), await file_store.checked_picture(content))


async def all_checked(files: Sequence[SentFile]) -> list[CheckedUpload]:
    """The pictures in these files, or what is wrong with the first bad one. Raises as `checked`, and RuleBroken
    `picture_missing`, `too_many_photographs`."""
    if not files:
        raise RuleBroken("picture_missing")
    if len(files) > MAX_PHOTOGRAPHS:
        raise RuleBroken("too_many_photographs")
    return [await checked(one) for one in files]


def digest_of(call: str, uploads: Sequence[CheckedUpload]) -> bytes:
    """What a repeat of the upload must be equal to."""
    return hashlib.sha256(f"photographs {call}\n".encode() + b"".join(one.digest for one in uploads)).digest()


async def keep_for_form(services: Services, customer: Principal, upload: CheckedUpload) -> str:
    """Store a picture of a form that is not sent yet; its id. Raises RuleBroken `too_many_photographs`."""
    async with services.database.begin() as conn:
        if await stored_files.unused_of(conn, customer.subject) >= MAX_UNUSED:
            raise RuleBroken("too_many_photographs")
        return await file_store.keep_private(services, conn, upload.picture, customer.subject, actor(customer))


async def kept(services: Services, customer: Principal, file_ids: Sequence[str]) -> list[str]:
    """Those of these files that are this customer's: what a form names is not believed."""
    async with services.database.begin() as conn:
        return await stored_files.owned(conn, file_ids, customer.subject)
