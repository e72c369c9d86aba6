"""The yardstick of the front door: a bare handler, one INSERT, the product's pool and server options.

`python -m bench.programs.bare_app` serves on OMS_API_PORT.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text

from infra.db.engine import Database
from infra.settings import Settings, settings

_INSERT = text("INSERT INTO bench_rows (content) VALUES (:content)")


def create_app(configured: Settings) -> FastAPI:
    """POST /v1/orders keeps the body as it came."""
    database = Database.from_settings(configured)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await database.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/orders", status_code=201)
    async def place(order: dict[str, Any]) -> dict[str, str]:
        async with database.begin() as connection:
            await connection.execute(_INSERT, {"content": orjson.dumps(order).decode()})
        return {"status": "received"}

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    return app


def main() -> None:
    configured = settings()
    config = uvicorn.Config(
        create_app(configured),
        host=configured.api_host,
        port=configured.api_port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
