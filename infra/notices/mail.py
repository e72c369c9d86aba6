"""E-mail over SMTP: plain text, one recipient, through the server that the settings name."""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from infra.notices.message import Message
from infra.notices.outcome import Outcome, said
from infra.settings import Settings


def configured(settings: Settings) -> bool:
    """Whether there is a server to send through, and an address to send from."""
    return bool(settings.smtp_host and settings.smtp_from)


async def to_email(settings: Settings, target: dict[str, str], message: Message, message_id: str) -> Outcome:
    """Hand the message to the server. Raises OSError (a time-out among them), ssl.SSLError."""
    if not configured(settings):
        return Outcome("email_not_configured")
    letter = letter_of(settings.smtp_from, target["address"], message, message_id)
    return await asyncio.to_thread(_sent, settings, letter)


def letter_of(sender: str, recipient: str, message: Message, message_id: str) -> EmailMessage:
    """The letter. Raises ValueError for a header with a line break in it: headers cannot be smuggled in."""
    letter = EmailMessage(policy=SMTP)
    letter["From"], letter["To"], letter["Subject"] = sender, recipient, message.title
    letter["Date"] = formatdate()
    letter["Message-ID"] = f"<{message_id}@{sender.rstrip('>').rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"  # nobody's holiday answers it
    letter.set_content(message.text(), charset="utf-8")
    return letter


def _sent(settings: Settings, letter: EmailMessage) -> Outcome:
    try:
        with _connected(settings) as server:
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.send_message(letter)
    except smtplib.SMTPAuthenticationError as error:
        return Outcome("smtp_login_refused", _words(error.smtp_error))
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        return Outcome(f"smtp_{code}", _words(words))
    except smtplib.SMTPResponseException as error:
        return Outcome(f"smtp_{error.smtp_code}", _words(error.smtp_error))
    except smtplib.SMTPNotSupportedError as error:
        return Outcome("smtp_not_supported", said(error))
    except smtplib.SMTPException:
        return Outcome("smtp_failed")
    return Outcome()


def _connected(settings: Settings) -> smtplib.SMTP:
    """A connection as the setting asks: never less protected than that."""
    host, port, timeout_s = settings.smtp_host, settings.smtp_port, settings.webhook_timeout_s
    context = ssl.create_default_context()
    if settings.smtp_tls == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=context)
    server = smtplib.SMTP(host, port, timeout=timeout_s)
    if settings.smtp_tls == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _words(answer: bytes | str) -> str:
    return said(answer.decode(errors="replace") if isinstance(answer, bytes) else answer)
