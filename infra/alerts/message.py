"""A notice in words: a title, lines, a link. Channels give it their form; nothing in it is personal."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from domain.alerts import Kind, Phase
from domain.money import MAX_MINOR, shown
from infra.alerts.i18n import catalogue, duration, word
from infra.db.alerts.alert_deliveries import AlertMessage
from infra.db.alerts.findings import Amount
from infra.settings import Settings

# Every message holds this word: DingTalk's robots may be set to take only messages with a certain one.
MARK = "OMS"
TEST = "test"
MAX_VALUE_CHARS = 200
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Message:
    """`lines` are (label, value), either may be empty; `data` is the same for programs: {kind, cause, count, …}."""

    type: str
    title: str
    lines: tuple[tuple[str, str], ...]
    link: str
    link_words: str
    data: dict[str, Any] = field(default_factory=dict)

    def text(self, colon: str = ": ") -> str:
        """As plain text, the link last."""
        lines = [f"{label}{colon}{value}" if label and value else label or value for label, value in self.lines]
        return "\n".join([self.title, *lines, self.link])


def of_alert(alert: AlertMessage, phase: str, lang: str, settings: Settings, now: datetime | None = None) -> Message:
    """The text of an alert for a channel with the language `lang`."""
    moment = now or datetime.now(UTC)
    link = f"{console_url(settings)}{path_of(alert)}"
    return Message(
        type=f"notice.{phase}",
        title=f"{MARK} · {word(lang, f'phase.{phase}')}{word(lang, 'colon')}{headline(alert, lang)}",
        lines=(*lines_of(alert, lang, moment), *_hint(alert, phase, lang)),
        link=link,
        link_words=word(lang, "open"),
        data={**_data(alert, phase), "link": link},
    )


def of_test(lang: str, settings: Settings) -> Message:
    """What shows that a channel works."""
    link = f"{console_url(settings)}/console/notices"
    title = f"{MARK} · {word(lang, 'phase.test')}"
    lines = ((word(lang, "test"), ""),)
    return Message("notice.test", title, lines, link, word(lang, "open"), {"phase": TEST, "link": link})


def console_url(settings: Settings) -> str:
    """Where staff open the console, without a slash at its end."""
    return settings.console_url.rstrip("/") or f"http://{settings.api_host}:{settings.api_port}"


def headline(alert: AlertMessage, lang: str) -> str:
    """The kind of the cause, and at what or where it is."""
    step, place = alert.facts.get("step"), alert.facts.get("warehouse")
    about = word(lang, f"step.{step}") if step else place
    return readable(word(lang, f"kind.{alert.kind}") + (f" · {about}" if about else ""))


def lines_of(alert: AlertMessage, lang: str, now: datetime) -> list[tuple[str, str]]:
    """Count, age, money and what tells the cause from others; after its end how long it lasted and how much it was."""
    counted = word(lang, f"count.{alert.kind}")
    ended = alert.over_at is not None
    count = alert.most if ended else alert.count
    label = f"{counted} ({word(lang, 'most').lower()})" if ended else counted
    lines = [(label, f"{count:,}"), _age(alert, lang, now)]
    if alert.amounts and not ended:
        lines.append((word(lang, "money"), ", ".join(_money(amount, lang) for amount in alert.amounts)))
    lines += [(word(lang, f"fact.{name}"), _value(lang, name, value)) for name, value in _facts(alert)]
    return [(label, readable(value)) for label, value in lines if value]


def readable(value: str) -> str:
    """One bounded line without control characters: a value may come from outside."""
    line = _UNREADABLE.sub(" ", value).strip()
    return line if len(line) <= MAX_VALUE_CHARS else line[: MAX_VALUE_CHARS - 1] + "…"


def _facts(alert: AlertMessage) -> list[tuple[str, Any]]:
    """Facts that the headline does not hold yet."""
    return [(name, value) for name, value in alert.facts.items() if value and name not in ("step", "warehouse")]


def _value(lang: str, name: str, value: Any) -> str:
    """Some facts are codes that have words."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    key = f"{name}.{value}"
    return word(lang, key) if key in catalogue() else str(value)


def _age(alert: AlertMessage, lang: str, now: datetime) -> tuple[str, str]:
    if alert.over_at is not None:
        return word(lang, "lasted"), duration(lang, (alert.over_at - alert.since).total_seconds())
    began = min(alert.oldest_at or alert.since, alert.since)
    return word(lang, "oldest"), duration(lang, (now - began).total_seconds())


def _money(amount: Amount, lang: str) -> str:
    return shown(min(int(amount["amount_minor"]), MAX_MINOR), amount["currency"], lang)


def _hint(alert: AlertMessage, phase: str, lang: str) -> list[tuple[str, str]]:
    return [] if phase == Phase.OVER else [(word(lang, f"hint.{alert.kind}"), "")]


def path_of(alert: AlertMessage) -> str:
    """The page that helps: the orders of the cause, else the list of causes."""
    if alert.kind in (Kind.WEBHOOKS_FAILED, Kind.WEBHOOK_DISABLED):
        return "/console/webhooks"
    if alert.kind == Kind.STOCK_CASES:
        return "/console/stock-cases"
    if alert.kind not in (Kind.STUCK, Kind.ESCALATED):
        return "/console/notices"
    chosen = {name: alert.facts.get(name) for name in ("step", "error", "provider")}
    return f"/console/stuck/group?{urlencode({name: value for name, value in chosen.items() if value})}"


def _data(alert: AlertMessage, phase: str) -> dict[str, Any]:
    return {
        "kind": alert.kind,
        "phase": phase,
        "cause": alert.cause,
        "count": alert.count,
        "most": alert.most,
        "amounts": alert.amounts,
        "since": _moment(alert.since),
        "oldest_at": _moment(alert.oldest_at),
        "over_at": _moment(alert.over_at),
        "facts": alert.facts,
    }


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
