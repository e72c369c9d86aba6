"""What routes need: the services of the process, the caller, the idempotency key."""

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.openapi.models import HTTPBearer as BearerScheme
from fastapi.security.base import SecurityBase

from api.background.backlog import BacklogWatch
from api.background.failing_workflows import FailingWorkflows
from api.background.home_figures import HomeFigures
from api.background.last_looks import LastLooks
from api.background.order_watcher import OrderWatcher
from api.background.revoked_tokens import RevokedTokens
from api.background.usual_deliveries import UsualDeliveries
from api.background.workflow_client import WorkflowClient
from api.errors import Problem
from api.http import known_query
from api.http.rate_limits import RateLimits
from api.replies import as_json
from domain.access import STAFF, Principal, Role
from domain.errors import NotFound
from domain.gateways import CarrierGateway, PaymentGateway
from domain.orders.order_no import normalise
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.grouped_statements import Together
from infra.security.tokens import TokenExpired, TokenInvalid, verify
from infra.settings import Settings

_KEY = re.compile(r"^[\x20-\x7e]{1,255}$")


@dataclass(frozen=True, slots=True)
class Services:
    """What one API process shares among its requests."""

    settings: Settings
    database: Database
    together: Together
    keys: KeyRing
    workflows: WorkflowClient
    watcher: OrderWatcher
    payments: dict[str, PaymentGateway]
    carriers: dict[str, CarrierGateway]
    revoked: RevokedTokens
    failing: FailingWorkflows
    backlog: BacklogWatch
    home: HomeFigures
    usual_deliveries: UsualDeliveries
    looks: LastLooks


def services_of(request: Request) -> Services:
    """The services of the process, which the application's lifespan makes."""
    services: Services = request.app.state.services
    return services


def limits(request: Request) -> RateLimits:
    """How often who may call."""
    counted: RateLimits = request.app.state.limits
    return counted


class _Bearer(SecurityBase):
    """Reads and verifies the bearer token, and refuses a query that the operation does not know; also declares the
    scheme in the OpenAPI document."""

    def __init__(self) -> None:
        self.model = BearerScheme(bearerFormat="JWT")
        self.scheme_name = "bearer"

    async def __call__(self, request: Request) -> Principal:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem("token_missing", "send Authorization: Bearer", headers={"WWW-Authenticate": "Bearer"})
        try:
            known = verify(services_of(request).settings.token_secret, token.strip())
        except TokenExpired:
            raise _unauthorised("token_expired", "the token's lifetime is over; get a new one") from None
        except TokenInvalid:
            raise _unauthorised("token_invalid", "this is not a token of ours") from None
        if await services_of(request).revoked.has(known.token_id):
            raise _unauthorised("token_revoked", "this token was revoked; get a new one")
        request.state.allowance = limits(request).caller(known)
        known_query.check(request)
        return replace(known, origin=origin(request, "api")) if known.is_staff else known


def _unauthorised(code: str, detail: str) -> Problem:
    return Problem(code, detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


Caller = Annotated[Principal, Depends(_Bearer())]


def require(caller: Principal, *roles: Role) -> None:
    """Raises Problem `forbidden` unless the caller holds one of `roles`."""
    if not caller.may_act_as(*roles):
        raise Problem("forbidden", f"this call is for {', '.join(sorted(roles))}")


def require_staff(caller: Principal) -> None:
    """Raises Problem `forbidden` unless the caller is of the staff."""
    require(caller, *STAFF)


def methods(settings: Settings) -> tuple[str, ...]:
    """How an order can be paid here: by the provider, or with store credit."""
    return (settings.payment_provider, "store_credit")


def actor(caller: Principal) -> str:
    """The name of a caller in the database: `role:subject`. Idempotency keys belong to this name, too."""
    return f"{caller.role}:{caller.subject}"


def origin(request: Request, kind: str) -> str:
    """Where a member of staff speaks from, for the audit log: `kind` (api, console) and the address."""
    return f"{kind} {request.client.host if request.client else 'unknown'}"


def idempotency_key(request: Request) -> str:
    """The caller's key. Raises Problem `idempotency_key_missing`, `idempotency_key_invalid`."""
    key = request.headers.get("idempotency-key")
    if key is None:
        raise Problem("idempotency_key_missing", "send an Idempotency-Key, a new one for each new request")
    if not _KEY.match(key):
        raise Problem("idempotency_key_invalid", "an Idempotency-Key has 1 to 255 printable ASCII characters")
    return key


def derived_id(caller: Principal, key: str, verb: str) -> str:
    """An id that the same caller, key and verb always give (32 hexadecimal digits)."""
    return hashlib.sha256(f"{actor(caller)}\n{verb}\n{key}".encode()).hexdigest()[:32]


def order_number(typed: str) -> str:
    """The canonical order number. Raises NotFound for what cannot be one."""
    number = normalise(typed) if len(typed) <= 40 else None
    if number is None:
        raise NotFound("order_not_found")
    return number


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON by orjson; times in UTC with a Z."""
    return Response(as_json(content), status, headers, "application/json")
