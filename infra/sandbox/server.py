"""The sandbox process."""

import logging
import signal
import sqlite3
import sys

import uvicorn

from infra.sandbox.app import create_app
from infra.sandbox.config import ConfigError, SandboxConfig


def run() -> None:
    """Serve until SIGTERM or SIGINT, then exit with 0; exit with 2 if a setting is invalid or the ledger in use."""
    # uvicorn raises the signal again after its orderly end, so this is what decides the exit code.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        config = SandboxConfig.from_env()
        app = create_app(config)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except (sqlite3.Error, OSError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        sys.exit(2)
    # Access lines would repeat query strings; calls held open by a fault must not hold up the end.
    uvicorn.Server(
        uvicorn.Config(
            app,
            host=config.host,
            port=config.port,
            loop="uvloop",
            http="httptools",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )
    ).run()
