"""The reply of an operation as an HTTP answer."""

from typing import Protocol

from fastapi import Response

from api.dependencies import json_response
from api.replies import Reply


class StoredPicture(Protocol):
    """A picture as the file store has it."""

    @property
    def media_type(self) -> str: ...
    @property
    def content(self) -> bytes: ...


REPLAYED = {"Idempotent-Replayed": "true"}


def response_of(reply: Reply) -> Response:
    """As programs get it."""
    headers = dict(REPLAYED) if reply.replayed else {}
    if reply.version is not None:
        headers["ETag"] = f'"{reply.version}"'
    return json_response(reply.content, reply.status, headers)


def picture_response(content: bytes, media_type: str, *, public: bool) -> Response:
    """A picture. A public one never changes under its address; a customer's is not kept."""
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if public else "no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, 200, headers, media_type)


def private_picture_response(found: StoredPicture) -> Response:
    """A picture that is not for everybody; browsers do not keep it."""
    return picture_response(found.content, found.media_type, public=False)


def file_response(content: bytes, media_type: str, filename: str) -> Response:
    """A file that browsers show and do not keep: it holds personal data."""
    headers = {
        "Content-Disposition": f'inline; filename="{filename}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, 200, headers, media_type)
