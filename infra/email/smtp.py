"""E-mail over SMTP: plain text, one recipient, through the server that the settings name."""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from infra.email.mail_address import mail_address
from infra.settings import Settings

# A mail server is asked several things in a row, each of which may take the whole time-out.
TIMES = 6


class SmtpError(Exception):
    """What the server did not take. `code` is ours ("smtp_550"), `words` the server's: for staff, never for a log."""

    def __init__(self, code: str, words: bytes | str = "") -> None:
        super().__init__(code)
        self.code = code
        self.words = words.decode(errors="replace") if isinstance(words, bytes) else words


def configured(settings: Settings) -> bool:
    """Whether there is a server to send through, and an address to send from."""
    return bool(settings.smtp_host and settings.smtp_from)


def longest_s(settings: Settings) -> float:
    """No letter takes longer than this to hand over."""
    return TIMES * settings.webhook_timeout_s


def email_of(sender: str, recipient: str, subject: str, text: str, message_id: str) -> EmailMessage:
    """The letter, to one recipient. Raises ValueError for a second one and for a header with a line break in it:
    headers cannot be smuggled in."""
    email = EmailMessage(policy=SMTP)
    email["From"], email["To"], email["Subject"] = sender, mail_address(recipient), subject
    email["Date"] = formatdate()
    email["Message-ID"] = f"<{message_id}@{sender.rstrip('>').rpartition('@')[2]}>"
    email["Auto-Submitted"] = "auto-generated"  # nobody's holiday answers it
    email.set_content(text, charset="utf-8")
    return email


async def send(settings: Settings, email: EmailMessage) -> None:
    """Hand it to the server. Raises SmtpError, OSError (a time-out among them), ssl.SSLError."""
    async with asyncio.timeout(longest_s(settings)):
        await asyncio.to_thread(_sent, settings, email)


def _sent(settings: Settings, email: EmailMessage) -> None:
    try:
        with _connected(settings) as server:
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.send_message(email)
    except smtplib.SMTPAuthenticationError as error:
        raise SmtpError("smtp_login_refused", error.smtp_error) from None
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        raise SmtpError(f"smtp_{code}", words) from None
    except smtplib.SMTPResponseException as error:
        raise SmtpError(f"smtp_{error.smtp_code}", error.smtp_error) from None
    except smtplib.SMTPNotSupportedError as error:
        raise SmtpError("smtp_not_supported", str(error)) from None
    except smtplib.SMTPException as error:
        # The library says "closed" of a server that did not answer in time.
        if isinstance(error.__context__, TimeoutError):
            raise TimeoutError from None
        raise SmtpError("smtp_failed") from None


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
