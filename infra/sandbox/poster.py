"""POST to one URL again and again over one connection.

A general HTTP client costs 2 to 4 ms of processor time for each webhook, several times what the whole rest of the
sandbox does for an order; this costs a tenth. httptools reads the answers.
"""

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import httptools

_TIMEOUT_S = 5.0
_CHUNK = 65_536


class PostError(Exception):
    """No answer was had; the message names the cause."""


class Poster:
    """Not for concurrent use: one call at a time, each waits for its answer."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._tls = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._head = f"POST {target} HTTP/1.1\r\nhost: {parts.netloc.rpartition('@')[2]}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """The answer's status. Raises PostError after 5 s, or when there is no connection or no HTTP on it."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = f"{self._head}{fields}content-length: {len(body)}\r\n\r\n".encode() + body
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await self._send(request)
        except (OSError, EOFError, httptools.HttpParserError) as error:
            self.close()
            raise PostError(type(error).__name__) from error
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _send(self, request: bytes) -> int:
        if self._streams is not None:
            try:
                return await self._exchange(*self._streams, request)
            except (OSError, EOFError):
                # The other side may have closed it while it was idle; a new one decides.
                self.close()
        context = ssl.create_default_context() if self._tls else None
        self._streams = await asyncio.open_connection(self._host, self._port, ssl=context)
        return await self._exchange(*self._streams, request)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
        writer.write(request)
        answer = _Answer()
        while not answer.complete:
            if not (data := await reader.read(_CHUNK)):
                raise EOFError
            answer.parser.feed_data(data)
        if not answer.keep_alive:
            self.close()
        return answer.status


class _Answer:
    """Collects what the parser reports; complete without its body when the connection ends with it anyway."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status, self.keep_alive, self.complete = 0, False, False

    def on_headers_complete(self) -> None:
        self.status = int(self.parser.get_status_code())
        self.keep_alive = bool(self.parser.should_keep_alive())
        self.complete = not self.keep_alive

    def on_message_complete(self) -> None:
        self.complete = True
