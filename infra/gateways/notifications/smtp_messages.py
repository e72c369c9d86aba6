"""Messages by e-mail through a mail server of one's own."""

import re
import ssl

from domain.gateways import OutgoingMessage, ProviderRefused, ProviderUnavailable
from infra.email import smtp
from infra.email.smtp import SmtpError
from infra.settings import Settings

NAME = "smtp"
# 5xx is final, except where it is about us and not about the letter: logging in, or what the server wants first.
_FINAL = re.compile(r"^smtp_5\d\d$")
_OURS = frozenset({"smtp_530", "smtp_534", "smtp_535", "smtp_538"})


class SmtpMessages:
    """A MessageGateway for e-mail. A repeat has the same Message-ID, by which mailboxes know a copy."""

    name = NAME

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def longest_s(self) -> float:
        return smtp.longest_s(self._settings)

    async def send(self, message: OutgoingMessage) -> str | None:
        try:
            email = smtp.email_of(
                self._settings.smtp_from, message.to, message.subject, message.body, message.idempotency_key
            )
        except ValueError:
            raise ProviderRefused("address_invalid", NAME) from None
        try:
            await smtp.send(self._settings, email)
        except SmtpError as error:
            raise _as_gateway_error(error.code, message) from None
        except TimeoutError:
            raise ProviderUnavailable("timeout", NAME) from None
        except ssl.SSLError:
            raise ProviderUnavailable("tls_failed", NAME) from None
        except OSError:
            raise ProviderUnavailable("connection", NAME) from None
        except ValueError:
            # smtplib's word for an address that no command can hold.
            raise ProviderRefused("address_invalid", NAME) from None
        return str(email["Message-ID"])

    async def aclose(self) -> None:
        """Each letter has a connection of its own."""


def _as_gateway_error(code: str, message: OutgoingMessage) -> ProviderRefused | ProviderUnavailable:
    """A server without SMTPUTF8 will never take an address beyond ASCII; one without TLS may have it tomorrow."""
    final = bool(_FINAL.match(code)) and code not in _OURS
    if final or (code == "smtp_not_supported" and not message.to.isascii()):
        return ProviderRefused(code, NAME)
    return ProviderUnavailable(code, NAME)
