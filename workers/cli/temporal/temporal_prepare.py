"""`oms temporal prepare`: what a namespace needs before orders can run in it, done or said."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.text import counted
from infra.settings import Settings
from infra.temporal import cluster_settings, namespace_setup, temporal_client
from infra.temporal.namespace_setup import NOT_PERMITTED

CONNECT_S, POLL_S, AGAIN_S = 20.0, 20.0, 0.1


@dataclass
class Prepared:
    """What was done or found right, and what is wrong: each a sentence."""

    namespace: str
    done: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def run(settings: Settings, retention_days: int | None, *, as_json: bool) -> int:
    """Prepares, prints what was done; 1 when something is left to do. `retention_days` is kept to exactly."""
    found = asyncio.run(prepare(settings, retention_days))
    if as_json:
        advice = {one.key: one.value for one in cluster_settings.ADVICE if not one.one_node}
        print(json.dumps({**found.__dict__, "dynamic_config": advice}, ensure_ascii=False))
    else:
        _print(found)
    return 1 if found.wrong else 0


async def prepare(settings: Settings, retention_days: int | None = None) -> Prepared:
    """Safe to repeat. Each step is tried, also when the one before it is not permitted."""
    found = Prepared(settings.temporal_namespace)
    try:
        async with asyncio.timeout(CONNECT_S):
            client = await _connected(settings)
    except TimeoutError:
        found.wrong.append(f"Temporal at {settings.temporal_address} cannot be reached (OMS_TEMPORAL_ADDRESS)")
        return found
    least = timedelta(days=retention_days or settings.temporal_retention_days)
    await _step(found, _namespace(client, found, least, exactly=retention_days is not None), _query_namespace(least))
    await _step(found, _attributes(client, found), _query_attributes)
    return found


async def _connected(settings: Settings) -> Client:
    """A server that was just started takes a moment."""
    while True:
        try:
            return await temporal_client.connect(settings)
        except RuntimeError:
            await asyncio.sleep(AGAIN_S)


async def _step(found: Prepared, doing: Awaitable[None], query: Callable[[str], str]) -> None:
    try:
        await doing
    except RPCError as error:
        denied = error.status in NOT_PERMITTED
        found.wrong.append(query(found.namespace) if denied else f"Temporal refuses: {error.message}")


async def _namespace(client: Client, found: Prepared, wanted: timedelta, *, exactly: bool) -> None:
    try:
        period = await namespace_setup.retention(client)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        await namespace_setup.create(client, wanted)
        await _wait_until_visible(lambda: namespace_setup.retention(client))
        found.done.append(
            f"namespace {client.namespace}: created, closed workflows are kept {counted(wanted.days, 'day')}"
        )
        return
    if period < wanted or (exactly and period != wanted):
        await namespace_setup.set_retention(client, wanted)
        found.done.append(
            f"namespace {client.namespace}: retention set to {counted(wanted.days, 'day')}, was {period.days}"
        )
    else:
        found.done.append(
            f"namespace {client.namespace}: there, closed workflows are kept {counted(period.days, 'day')}"
        )


async def _attributes(client: Client, found: Prepared) -> None:
    state = await _wait_until_visible(lambda: namespace_setup.attribute_state(client))
    for name, kind in state.wrong.items():
        found.wrong.append(
            f"search attribute {name} is of type {kind} and must be Keyword; it is left as it is: take another "
            "namespace (OMS_TEMPORAL_NAMESPACE), or rename it: temporal operator search-attribute --help"
        )
    added = await namespace_setup.ensure_search_attributes(client)
    await _wait_until_visible(lambda: _all_known(client))
    there = [name for name in namespace_setup.attribute_names() if name not in added and name not in state.wrong]
    found.done += [f"search attribute {name} (Keyword): registered" for name in added]
    found.done += [f"search attribute {name} (Keyword): there" for name in there]


async def _all_known(client: Client) -> None:
    if missing := await namespace_setup.missing_search_attributes(client):
        raise RPCError(f"still unknown: {', '.join(missing)}", RPCStatusCode.NOT_FOUND, b"")


async def _wait_until_visible(poll: Callable[[], Awaitable[Any]]) -> Any:
    """What `poll` answers as soon as every part of the server knows what was just made."""
    deadline = asyncio.get_running_loop().time() + POLL_S
    while True:
        try:
            return await poll()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND or asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(AGAIN_S)


def _query_namespace(period: timedelta) -> Callable[[str], str]:
    def query(namespace: str) -> str:
        return (
            f"this server does not let you create or change namespace {namespace}: ask its operator for it with "
            f"{counted(period.days, 'day')} of retention (temporal operator namespace create --namespace {namespace} "
            f"--retention {period.days}d)"
        )

    return query


def _query_attributes(namespace: str) -> str:
    names = namespace_setup.attribute_names()
    flags = " ".join(f"--name {name} --type Keyword" for name in names)
    return (
        f"this server does not let you register search attributes in namespace {namespace}: ask its operator for "
        f"these, each of type Keyword: {', '.join(names)} (temporal operator search-attribute create "
        f"--namespace {namespace} {flags})"
    )


def _print(found: Prepared) -> None:
    for line in found.done:
        print(line)
    for line in found.wrong:
        print(f"WRONG: {line}", file=sys.stderr)
    if not found.wrong:
        print("\nThe cluster's dynamic configuration should hold this; only its operator can see and change it:\n")
        print(cluster_settings.as_yaml())
