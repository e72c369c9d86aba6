"""Files in the forms of pages."""

from fastapi import Request
from starlette.datastructures import UploadFile

from api.services.file_store import MAX_UPLOAD_BYTES
from domain.errors import RuleBroken


async def uploaded(request: Request, name: str, most: int = 1) -> list[bytes]:
    """The files of a multipart form under this name, without fields left empty. `posted` has checked the form.
    Raises RuleBroken `picture_too_large`, `too_many_photographs`."""
    files = [each for each in (await request.form()).getlist(name) if isinstance(each, UploadFile) and each.size]
    if len(files) > most:
        raise RuleBroken("too_many_photographs")
    if any((each.size or 0) > MAX_UPLOAD_BYTES for each in files):
        raise RuleBroken("picture_too_large")
    return [await each.read() for each in files]
