"""The API as a process."""

import signal
import sys
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from api.app import create_app
from api.http.connections import Bounds, bounded
from infra.observability import telemetry
from infra.settings import Settings, settings
from infra.system.watchdog import PULSE

_GRACE_S = 10


def run() -> None:
    """Serve until SIGTERM or SIGINT; answers what is under way, then returns."""
    configured = settings()
    telemetry.setup("oms-api", configured)
    PULSE.guard()
    config = config_of(create_app(configured), configured)
    # uvicorn hands the signal on when it has finished: then, or before it begins, the process ends well.
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, _leave)
    try:
        uvicorn.Server(config).run()
    finally:
        telemetry.flush()


def config_of(app: ASGIApp, configured: Settings) -> uvicorn.Config:
    """How the server runs. Only the proxies that are named are believed about whom a request comes from; uvicorn by
    itself would believe everybody on this machine."""
    return uvicorn.Config(
        app,
        host=configured.api_host,
        port=configured.api_port,
        loop="uvloop",
        ws="none",  # nothing here speaks it, and what does would be outside the bounds of a connection
        http=bounded(Bounds.from_settings(configured)),
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=bool(configured.trusted_proxies),
        forwarded_allow_ips=configured.trusted_proxies,
        timeout_graceful_shutdown=_GRACE_S,
    )


def _leave(_: int, __: FrameType | None) -> None:
    sys.exit(0)
