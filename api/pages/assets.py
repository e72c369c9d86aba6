"""Static files of the pages: our own, and the UI kit's (Tabler, MIT) from the wheel that carries it."""

import gzip
import hashlib
import importlib.util
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

STATIC = Path(__file__).with_name("static")
KIT = ("css/vendor/tabler.min.css", "js/vendor/tabler.min.js")
_FOR_GOOD = "public, max-age=31536000, immutable"
_REVALIDATE = "public, max-age=0, must-revalidate"
_SMALL = 500


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file, and the same compressed; `version` is new when the content is."""

    content: bytes
    packed: bytes
    version: str
    media_type: str


@lru_cache(maxsize=1)
def files() -> dict[str, Path]:
    """Every file that is served, by its name. The package of the kit is found, not imported: its code stays unused."""
    package = importlib.util.find_spec("starlette_admin")
    if package is None or package.origin is None:
        raise RuntimeError("the package starlette-admin, which carries the UI kit, is not installed")
    folder = Path(package.origin).with_name("static")
    own = {file.name: file for file in sorted(STATIC.iterdir()) if file.is_file()}
    return own | {Path(name).name: folder / name for name in KIT}


@lru_cache(maxsize=64)
def asset(name: str) -> Asset:
    """Raises KeyError for a name that is not served."""
    content = files()[name].read_bytes()
    packed = gzip.compress(content, 9, mtime=0)
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    version = hashlib.sha256(content).hexdigest()[:12]
    return Asset(content, packed if len(packed) + _SMALL < len(content) else b"", version, media_type)


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the static files: compressed for who takes it, kept for good under its version."""
    request = Request(scope)
    name = scope["path"].rpartition("/")[2]
    if request.method not in ("GET", "HEAD"):
        raise HTTPException(405, headers={"Allow": "GET, HEAD"})
    if name not in files() or not scope["path"].endswith(f"/static/{name}"):
        raise HTTPException(404)
    await _answer(asset(name), request.headers, request.query_params)(scope, receive, send)


def _answer(found: Asset, wanted: Headers, query: QueryParams) -> Response:
    known = query.get("v") == found.version
    headers = {"ETag": f'"{found.version}"', "Cache-Control": _FOR_GOOD if known else _REVALIDATE}
    if found.packed:
        headers["Vary"] = "Accept-Encoding"
    if headers["ETag"] in wanted.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if found.packed and "gzip" in wanted.get("accept-encoding", ""):
        return Response(found.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=found.media_type)
    return Response(found.content, headers=headers, media_type=found.media_type)
