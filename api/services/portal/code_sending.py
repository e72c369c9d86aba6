"""Handing a code and its link to the messages that customers are sent."""

from urllib.parse import urlencode

from api.dependencies import Services
from domain.notifications import Channel
from infra.db.engine import Connection
from infra.db.notifications import messages
from infra.db.portal.sessions import Reached
from infra.db.portal.sign_in_codes import Kind, Secrets
from infra.notifications.wording import portal_url
from infra.settings import Settings

_CHANNELS: dict[Kind, Channel] = {"email": Channel.EMAIL, "phone": Channel.SMS}


async def send(conn: Connection, services: Services, reached: Reached, made: Secrets, lang: str) -> None:
    """Send the code and the link to the contact that the customer gave, in this transaction."""
    channel, link = _CHANNELS[reached.contact.kind], link_of(services.settings, made, reached.channel)
    await messages.enqueue_sign_in(conn, services.keys, reached.customer_id, channel, reached.to, made.code, link, lang)


def link_of(settings: Settings, made: Secrets, channel: str = "") -> str:
    """The link that a message carries; its page looks as the channel's shop does, also when the link has expired. Its
    host is a setting, never what a request calls us: that may lie."""
    named = {"token": made.token} | ({"shop": channel} if channel else {})
    return f"{portal_url(settings)}/enter?{urlencode(named)}"
