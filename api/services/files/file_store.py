"""Pictures that people upload: checked, stored, read. Who may see a private one is decided by the caller."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.dependencies import Services
from api.errors import Problem
from domain.errors import NotFound, RuleBroken
from infra.db.engine import Connection
from infra.db.files import stored_files
from infra.db.files.stored_files import FileContent, NewFile
from infra.pictures import pictures
from infra.pictures.pictures import MEDIA_TYPE, Picture, PictureRefused, PicturesBusy, PictureTooLarge

MAX_UPLOAD_BYTES = 8_000_000
T = TypeVar("T")
_FILE_ID = re.compile(r"[0-9a-f]{64}")


async def checked_picture(content: bytes) -> Picture:
    """The uploaded picture, written anew without metadata. Call it outside of a transaction: it takes a moment.

    Raises RuleBroken `picture_invalid`, `picture_too_large`, Problem `busy`.
    """
    return await _decoded(pictures.reencoded, content)


async def barcode_on(photograph: bytes) -> str:
    """The text of the only barcode on an uploaded photograph. Nothing of it is stored.

    Raises RuleBroken `barcode_unreadable`, `several_barcodes`, and what `checked_picture` raises.
    """
    found = await _decoded(pictures.barcodes, photograph)
    if not found:
        raise RuleBroken("barcode_unreadable")
    if len(found) > 1:
        raise RuleBroken("several_barcodes")
    return found[0]


async def _decoded(decode: Callable[[bytes], Awaitable[T]], content: bytes) -> T:
    if len(content) > MAX_UPLOAD_BYTES:
        raise RuleBroken("picture_too_large")
    try:
        return await decode(content)
    except PictureTooLarge:
        raise RuleBroken("picture_too_large") from None
    except PictureRefused:
        raise RuleBroken("picture_invalid") from None
    except PicturesBusy:
        raise Problem("busy", headers={"Retry-After": "5"}) from None


def digest_of(call: str, content: bytes) -> bytes:
    """What a repeat of an upload must be equal to."""
    return hashlib.sha256(call.encode() + b"\n" + content).digest()


async def keep_public(conn: Connection, picture: Picture, actor: str) -> str:
    """Store a picture of the shop's own that everybody may see; returns its id, which is its address."""
    return await stored_files.add_public(conn, _new(picture, actor))


async def keep_private(services: Services, conn: Connection, picture: Picture, owner_id: str, actor: str) -> str:
    """Store a customer's picture, sealed with their data key; returns its id. Raises NotFound `customer_not_found`."""
    return await stored_files.add_private(conn, services.keys, _new(picture, actor), owner_id)


async def public_picture(services: Services, file_id: str, small: bool) -> FileContent:
    """A picture of the shop's own. Raises NotFound `picture_not_found`, for a customer's too."""
    return await _read(services, file_id, small, public=True)


async def require_public(conn: Connection, file_id: str) -> None:
    """That something can refer to this picture of the shop's own. Raises NotFound `picture_not_found`."""
    await stored_files.refer(conn)
    if not await stored_files.is_public(conn, file_id):
        raise NotFound("picture_not_found")


async def own_picture(services: Services, file_id: str, owner_id: str, small: bool) -> FileContent:
    """A picture of this customer's. Raises NotFound `picture_not_found`, for anybody else's too."""
    found = await _read(services, file_id, small, public=False)
    if found.owner_id != owner_id:
        raise NotFound("picture_not_found")
    return found


async def any_picture(services: Services, file_id: str, small: bool) -> FileContent:
    """Any picture; the caller makes sure that it may be seen. Raises NotFound `picture_not_found`."""
    return await _read(services, file_id, small, public=False)


async def _read(services: Services, file_id: str, small: bool, public: bool) -> FileContent:
    found = None
    if _FILE_ID.fullmatch(file_id):
        async with services.database.begin() as conn:
            found = await stored_files.read(conn, services.keys, file_id, small=small, public=public)
    if found is None:
        raise NotFound("picture_not_found")
    return found


def _new(picture: Picture, actor: str) -> NewFile:
    return NewFile(MEDIA_TYPE, picture.content, picture.small, picture.width, picture.height, actor)
