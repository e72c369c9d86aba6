"""The link of an invitation by e-mail, where a mail server is configured."""

import secrets
import ssl
from dataclasses import replace

from api.dependencies import Services
from api.replies import Reply
from infra.email import smtp
from infra.email.smtp import SmtpError

_SUBJECT = {
    "join": "Invitation to the order console / 订单控制台邀请",
    "second_factor": "Set up your second factor / 设置两步验证",
}
_TEXT = """{subject}

Open this link once to continue. It works until {until}.
请打开以下链接继续操作，链接仅可使用一次，有效期至 {until}。

{link}

If you did not expect this, ignore this message.
如果您未预期收到此邮件，请忽略。
"""


async def sent(services: Services, reply: Reply, address: str | None) -> Reply:
    """The answer with `sent` and `send_error`: the link of a first answer is sent, that of a repeat is not known."""
    link = reply.content.get("link")
    if link is None or address is None:
        return reply
    error = await _error(services, reply, str(link), address)
    return replace(reply, content={**reply.content, "sent": error is None, "send_error": error})


async def _error(services: Services, reply: Reply, link: str, address: str) -> str | None:
    """Why it was not sent; None when the server took it."""
    settings = services.settings
    if not smtp.configured(settings):
        return "email_not_configured"
    subject = _SUBJECT["join" if reply.status == 201 else "second_factor"]
    until = reply.content["expires_at"].strftime("%Y-%m-%d %H:%M UTC")
    text = _TEXT.format(subject=subject, until=until, link=link)
    try:
        email = smtp.email_of(settings.smtp_from, address, subject, text, f"inv_{secrets.token_hex(16)}")
        await smtp.send(settings, email)
    except SmtpError as error:
        return error.code
    except (OSError, ssl.SSLError, ValueError):
        return "unreachable"
    return None
