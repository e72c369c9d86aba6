"""A receiver of notifications: keeps every notification as it came."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

T = TypeVar("T")
WITHIN_S = 60


@dataclass(frozen=True)
class Post:
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers 200 and remembers. `first(read)` waits for the first post that `read` makes something of."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._accept, methods=["POST"])])

    async def first(self, read: Callable[[Post], T | None]) -> T:
        deadline_s = asyncio.get_running_loop().time() + WITHIN_S
        while True:
            for post in list(self.posts):
                if (found := read(post)) is not None:
                    return found
            assert asyncio.get_running_loop().time() < deadline_s, "no such notification came"
            await asyncio.sleep(0.02)

    async def _accept(self, request: Request) -> Response:
        self.posts.append(Post(dict(request.headers), await request.body()))
        return Response()
