"""Notices by e-mail."""

from email.message import EmailMessage

from infra.alerts.message import Message
from infra.alerts.outcome import Outcome, text_of
from infra.email import smtp
from infra.email.smtp import SmtpError, configured
from infra.settings import Settings

__all__ = ["configured", "email_of", "to_email"]


async def to_email(settings: Settings, target: dict[str, str], message: Message, message_id: str) -> Outcome:
    """Hand the message to the server. Raises OSError (a time-out among them), ssl.SSLError."""
    if not configured(settings):
        return Outcome("email_not_configured")
    try:
        await smtp.send(settings, email_of(settings.smtp_from, target["address"], message, message_id))
    except SmtpError as error:
        return Outcome(error.code, text_of(error.words))
    return Outcome()


def email_of(sender: str, recipient: str, message: Message, message_id: str) -> EmailMessage:
    """The letter. Raises ValueError for a header with a line break in it."""
    return smtp.email_of(sender, recipient, message.title, message.text(), message_id)
