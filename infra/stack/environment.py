"""The environment of each process of a local stack: the same OMS_* settings that a real deployment sets."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from infra.stack.data_dir.ports import HOST
from infra.stack.data_dir.secrets import Secrets
from infra.stack.processes.leftovers import DATA_DIR_VARIABLE, SERVICE_VARIABLE
from infra.temporal import temporal_client


def url(port: int) -> str:
    return f"http://{HOST}:{port}"


def services(
    *,
    root: Path,
    ports: Mapping[str, int],
    secrets: Secrets,
    app_url: str,
    temporal_ui: str,
    private_webhooks: bool,
    more: Mapping[str, str],
) -> dict[str, str]:
    """OMS_* for api, worker, relay and commands that talk to the stack; the owner's address is not among them.

    What the person's environment sets beside these addresses and secrets is handed on; `more` has the last word.
    """
    return {
        "OMS_SELLER_NAME": "示例商店 Demo Shop",  # who stands on the invoices of a stack that says nothing of it
        "OMS_WATCHED_DIRS": json.dumps([str(root)]),
        **{name: value for name, value in os.environ.items() if name != "OMS_OWNER_DATABASE_URL"},
        DATA_DIR_VARIABLE: str(root),
        "PYTHONUNBUFFERED": "1",
        "OMS_ALLOW_PRIVATE_WEBHOOK_TARGETS": "1" if private_webhooks else "0",
        "OMS_DATABASE_URL": app_url,
        "OMS_TEMPORAL_ADDRESS": f"{HOST}:{ports['temporal']}",
        "OMS_TEMPORAL_NAMESPACE": "default",
        "OMS_TEMPORAL_TLS": "0",
        "OMS_TEMPORAL_API_KEY": "",
        "OMS_TEMPORAL_UI_URL": temporal_ui,
        "OMS_API_HOST": HOST,
        "OMS_API_PORT": str(ports["api"]),
        "OMS_WORKER_METRICS_PORT": str(ports["worker_metrics"]),
        "OMS_RELAY_METRICS_PORT": str(ports["relay_metrics"]),
        "OMS_TOKEN_SECRET": secrets.token_secret,
        "OMS_MASTER_KEY": secrets.master_key,
        "OMS_SANDBOX_URL": url(ports["sandbox"]),
        "OMS_SANDBOX_WEBHOOK_SECRET": secrets.sandbox_webhook_secret,
        **more,
    }


def supervised(name: str, base: Mapping[str, str]) -> dict[str, str]:
    """The environment of one process: it says whose it is, and which version its workflows have now."""
    version = {"OMS_BUILD_ID": base.get("OMS_BUILD_ID") or temporal_client.source_hash(temporal_client.SOURCES)}
    return {**base, **version, SERVICE_VARIABLE: name}


def sandbox(
    root: Path, ports: Mapping[str, int], secrets: Secrets, manual_carrier: bool, more: Mapping[str, str]
) -> dict[str, str]:
    """OMS_SANDBOX_* and nothing that only the product may know."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
    chosen = {name: value for name, value in {**os.environ, **more}.items() if name.startswith("OMS_SANDBOX_")}
    return {
        **inherited,
        **chosen,
        DATA_DIR_VARIABLE: str(root),
        "PYTHONUNBUFFERED": "1",
        "OMS_SANDBOX_DIR": str(root / "sandbox"),
        "OMS_SANDBOX_PORT": str(ports["sandbox"]),
        "OMS_SANDBOX_WEBHOOK_URL": f"{url(ports['api'])}/v1/webhooks/sandbox",
        "OMS_SANDBOX_WEBHOOK_SECRET": secrets.sandbox_webhook_secret,
        **({"OMS_SANDBOX_MANUAL_CARRIER": "1"} if manual_carrier else {}),
    }
