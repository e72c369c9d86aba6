"""What became of one attempt to tell a channel something."""

from dataclasses import dataclass

from infra.alerts.message import readable


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is a code, None when the channel took the message; `text_of` what the channel answered, bounded."""

    error: str | None = None
    said: str = ""


def text_of(value: object) -> str:
    """The words of an answer, whatever it is."""
    return readable(str(value)) if value is not None else ""
