"""Providers as processes of their own, on free ports, for one module of tests."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

STARTS_WITHIN_S = 90


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@asynccontextmanager
async def process(*arguments: str, env: Mapping[str, str], ready_url: str, log: Path) -> AsyncIterator[None]:
    """Runs `python *arguments` until the end of the block, from the moment that `ready_url` answers anything."""
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, env={**os.environ, **env}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        await _answering(child, ready_url, log)
        yield
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(child.wait(), 10)
            except TimeoutError:
                child.kill()
                await child.wait()


async def _answering(child: asyncio.subprocess.Process, url: str, log: Path) -> None:
    deadline_s = asyncio.get_running_loop().time() + STARTS_WITHIN_S
    async with httpx.AsyncClient(timeout=1) as client:
        while True:
            try:
                await client.get(url)
                return
            except httpx.HTTPError:
                late = asyncio.get_running_loop().time() > deadline_s
                assert child.returncode is None and not late, log.read_text()[-2000:]
                await asyncio.sleep(0.05)


@asynccontextmanager
async def sandbox(directory: Path, webhook_url: str, secret: str, **extra: str) -> AsyncIterator[str]:
    """The product's own sandbox; yields its address. `extra` are further settings, e.g. MANUAL_CARRIER="1"."""
    port = free_port()
    env = {
        "DIR": str(directory), "PORT": str(port), "WEBHOOK_URL": webhook_url, "WEBHOOK_SECRET": secret, **extra,
    }  # fmt: skip
    directory.mkdir(parents=True, exist_ok=True)
    base = f"http://127.0.0.1:{port}"
    program = "from infra.sandbox.server import run; run()"
    named = {f"OMS_SANDBOX_{name}": value for name, value in env.items()}
    async with process("-c", program, env=named, ready_url=f"{base}/healthz", log=directory / "log"):
        yield base


@asynccontextmanager
async def localstripe(directory: Path, webhook_url: str, secret: str) -> AsyncIterator[str]:
    """A fake Stripe server that keeps state; yields its address."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    arguments = ("-m", "localstripe", "--port", str(port), "--from-scratch")
    # It writes its store into the temporary directory.
    env = {"TMPDIR": str(directory)}
    async with process(*arguments, env=env, ready_url=f"{base}/v1/customers", log=directory / "log"):
        async with httpx.AsyncClient() as client:
            hook = {"url": webhook_url, "secret": secret}
            (await client.post(f"{base}/_config/webhooks/oms", json=hook)).raise_for_status()
        yield base
