"""What notices are sent to in tests: robots as DingTalk and WeCom document theirs, and a mail server with STARTTLS."""

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SIGN_SECRET = "SEC0123456789abcdef"
OK = {"errcode": 0, "errmsg": "ok"}


@dataclass
class Robots:
    """Keeps what it takes, by path; `down` answers 503 and `answer` what a robot says otherwise."""

    got: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    answer: Any = field(default_factory=lambda: dict(OK))
    secret: str | None = None

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/robot/send", self.dingtalk, methods=["POST"]),
                Route("/cgi-bin/webhook/send", self.wecom, methods=["POST"]),
                Route("/hook", self.hook, methods=["POST"]),
                Route("/slow", self.never, methods=["POST"]),
                Route("/elsewhere", self.elsewhere, methods=["POST"]),
            ]
        )

    def texts(self, path: str = "") -> list[str]:
        """What was said, in the order it came."""
        bodies = [body for where, _, body in self.got if where.startswith(path)]
        return [body.get("text") or body["markdown"].get("text") or body["markdown"].get("content") for body in bodies]

    async def dingtalk(self, request: Request) -> Response:
        if self.secret is not None and not self._signed(request):
            return JSONResponse({"errcode": 310000, "errmsg": "sign not match"})
        if request.query_params.get("access_token") != "t0ken":
            return JSONResponse({"errcode": 300005, "errmsg": "token is not exist"})
        body = await request.json()
        assert body["msgtype"] == "markdown" and set(body["markdown"]) == {"title", "text"}
        return await self._take(request)

    def _signed(self, request: Request) -> bool:
        """As DingTalk documents it: HMAC-SHA256 of "timestamp, line feed, secret", not older than an hour."""
        assert self.secret is not None
        timestamp, sign = request.query_params.get("timestamp", "0"), request.query_params.get("sign", "")
        wanted = hmac.new(self.secret.encode(), f"{timestamp}\n{self.secret}".encode(), hashlib.sha256).digest()
        fresh = abs(datetime.now(UTC).timestamp() * 1000 - int(timestamp)) < 3_600_000
        return fresh and sign == base64.b64encode(wanted).decode()

    async def wecom(self, request: Request) -> Response:
        if request.query_params.get("key") != "k3y":
            return JSONResponse({"errcode": 93000, "errmsg": "invalid webhook url"})
        body = await request.json()
        assert body["msgtype"] == "markdown" and len(body["markdown"]["content"].encode()) <= 4096
        return await self._take(request)

    async def hook(self, request: Request) -> Response:
        return await self._take(request)

    async def never(self, _: Request) -> Response:
        await asyncio.sleep(60)
        return Response()

    async def elsewhere(self, _: Request) -> Response:
        return Response(status_code=307, headers={"location": "/hook"})

    async def _take(self, request: Request) -> Response:
        if request.url.path in self.down:
            return Response("leave me alone", status_code=503)
        if isinstance(self.answer, bytes):
            return Response(self.answer)
        if self.answer.get("errcode") == 0:
            self.got.append((request.url.path, dict(request.headers), await request.json()))
        return JSONResponse(self.answer)


@dataclass
class Post:
    """A mail server of the test's own, and the letters that it took."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refuse: str = ""

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        if self.refuse:
            return self.refuse
        assert isinstance(envelope.content, bytes)
        email = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(email, EmailMessage)
        self.letters.append(email)
        self.encrypted.append(session.ssl is not None)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 taken"


@asynccontextmanager
async def mail_server(certificate: Path | None = None, login: tuple[str, str] | None = None) -> AsyncIterator[Post]:
    """Over TLS with STARTTLS when it has a certificate (key in the same file); asks for a login when one is given."""
    post, context = Post(), None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)

    def known(_: Any, __: Any, ___: Any, ____: str, given: Any) -> AuthResult:
        right = login is not None and (given.login.decode(), given.password.decode()) == login
        return AuthResult(success=right, handled=False)

    def made() -> SMTP:
        return SMTP(
            post, tls_context=context, require_starttls=context is not None, auth_required=login is not None,
            authenticator=known, hostname="localhost", loop=asyncio.get_running_loop(),
        )  # fmt: skip

    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()


def certificate_for(folder: Path) -> Path:
    """A self-signed certificate of localhost with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
