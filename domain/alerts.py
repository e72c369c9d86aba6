"""The kinds of alerts to staff, and their channels. These are the codes; the texts are elsewhere."""

from enum import StrEnum


class Kind(StrEnum):
    """Kinds of causes; a channel may receive some of them only. A new kind needs a detector in `infra/db/alerts`."""

    STUCK = "stuck"
    ESCALATED = "escalated"
    HELD = "held"
    STOCK_LOW = "stock_low"
    STOCK_CASES = "stock_cases"
    REQUESTS_WAITING = "requests_waiting"
    ORDERS_WAITING = "orders_waiting"
    WEBHOOKS_FAILED = "webhooks_failed"
    WEBHOOK_DISABLED = "webhook_disabled"
    DISPUTED = "disputed"
    AUTHORISATIONS_ENDING = "authorisations_ending"
    PARCEL_TWICE = "parcel_twice"
    FACTS_UNAPPLIED = "facts_unapplied"
    FACTS_UNKNOWN = "facts_unknown"
    PROVIDER_SILENT = "provider_silent"
    PROGRAM_FAULT = "program_fault"
    INCONSISTENT = "books_differ"
    UNCHECKED = "books_unchecked"
    MACHINE_SHORT = "machine_short"
    PROCESS_RESTARTED = "process_restarted"
    PROCESS_SILENT = "process_silent"
    WORKERS_IDLE = "workers_idle"


class Phase(StrEnum):
    """Where a cause stands when a notice of it is sent."""

    BEGUN = "begun"
    GOES_ON = "goes_on"
    OVER = "over"


class ChannelKind(StrEnum):
    DINGTALK = "dingtalk"
    WECOM = "wecom"
    WEBHOOK = "webhook"
    EMAIL = "email"


class Language(StrEnum):
    EN = "en"
    ZH = "zh"
