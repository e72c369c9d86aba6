"""Files in the forms of pages."""

from collections.abc import Awaitable

from fastapi import Request
from starlette.datastructures import UploadFile

from api.errors import Problem
from api.services.files.file_store import MAX_UPLOAD_BYTES
from api.services.files.uploads import SentFile
from domain.errors import RuleBroken

# What is said at the field of the files.
UPLOAD_ERRORS = ("picture_missing", "picture_invalid", "picture_too_large", "too_many_photographs")


async def form_with_files(posted: Awaitable[dict[str, str]]) -> dict[str, str]:
    """The fields of a form with files. Raises Problem `picture_too_large` (413) for one that the server does not read,
    and what `posted` raises."""
    try:
        return await posted
    except Problem as problem:
        if problem.code != "body_too_large":
            raise
        raise Problem("picture_too_large", status=problem.status_code) from None


async def uploaded(request: Request, name: str, most: int = 1) -> list[bytes]:
    """The files of a multipart form under this name, without fields left empty. The session's form is checked before.
    Raises RuleBroken `picture_too_large`, `too_many_photographs`."""
    files = await sent_files(request, name)
    if len(files) > most:
        raise RuleBroken("too_many_photographs")
    if any(each.size > MAX_UPLOAD_BYTES for each in files):
        raise RuleBroken("picture_too_large")
    return [await each.read() for each in files]


async def sent_files(request: Request, name: str) -> list[SentFile]:
    """The same files, each read when it is its turn. A file of no bytes that has a name is one that cannot be read; a
    field left empty has neither."""
    files = [each for each in (await request.form()).getlist(name) if isinstance(each, UploadFile)]
    chosen = [each for each in files if each.size or each.filename]
    return [SentFile(each.filename or "", each.size or 0, each.read) for each in chosen]
