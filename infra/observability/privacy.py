"""What keeps personal text out of logs and traces.

The message of an exception is never written: databases, validators and providers quote their input in it. Its type, its
`code` when it has one, and where it was raised are.
"""

import logging
import traceback
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

PERSONAL_KEYS = frozenset(
    {"name", "first_name", "last_name", "recipient", "to", "customer", "email", "phone", "mobile", "telephone"}
    | {
        "billed_to",
        "tax_number",
        "address",
        "ship_to",
        "line1",
        "line2",
        "district",
        "postcode",
        "note",
        "reason",
        "variables",
    }
    | {"token", "authorization", "password", "secret", "body", "payload", "query", "q", "params", "parameters"}
)
REMOVED = "[removed]"

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_WITH_QUERY = frozenset({"url.full", "http.url", "http.target", "url.query"})
_QUOTING = frozenset({"exception.message", "exception.stacktrace"})
_STACK_FRAMES = 12


class PersonalFilter(logging.Filter):
    """Drops what an access log says after the `?`, and personal keys of a mapping given as the arguments."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "uvicorn.access" and isinstance(record.args, tuple):
            record.args = tuple(_without_query(a) if isinstance(a, str) else a for a in record.args)
        elif isinstance(record.args, Mapping):
            record.args = {key: _cleaned(key, value) for key, value in record.args.items()}
        return True


def extra_fields(record: logging.LogRecord) -> dict[str, Any]:
    """What a caller added by `extra=`, without the personal keys at any depth."""
    added = {key: value for key, value in vars(record).items() if key not in _STANDARD and not key.startswith("_")}
    return {key: _dropped(value) for key, value in added.items() if key.lower() not in PERSONAL_KEYS}


def described_exception(error: BaseException) -> dict[str, Any]:
    """Type, code and place of an exception and of its causes, without their messages."""
    described: dict[str, Any] = {"error": type(error).__name__, "stack": _frames(error)}
    if isinstance(code := getattr(error, "code", None), str):
        described["code"] = code
    if (cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        described["cause"] = f"{type(cause).__name__} {_frames(cause)[-1:]}"
    return described


class PrivateExporter(SpanExporter):
    """Hands spans on without query strings and without the messages of exceptions."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_private(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _private(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=_without_query(span.name),
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes={key: _attribute(key, value) for key, value in (span.attributes or {}).items()},
        events=[_private_event(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        # A description is set only on an error, and quotes its message.
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _private_event(event: Event) -> Event:
    attributes = {key: value for key, value in (event.attributes or {}).items() if key not in _QUOTING}
    return Event(event.name, attributes, event.timestamp)


def _attribute(key: str, value: Any) -> Any:
    if key == "url.query":
        return REMOVED
    return _without_query(value) if key in _WITH_QUERY and isinstance(value, str) else value


def _without_query(text: str) -> str:
    return text.partition("?")[0]


def _cleaned(key: Any, value: Any) -> Any:
    return REMOVED if str(key).lower() in PERSONAL_KEYS else value


def _dropped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _dropped(item) for key, item in value.items() if str(key).lower() not in PERSONAL_KEYS}
    if isinstance(value, list | tuple):
        return [_dropped(item) for item in value]
    return value


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_STACK_FRAMES:]
    return ["/".join(PurePath(f.filename).parts[-2:]) + f":{f.lineno} {f.name}" for f in frames]
