"""Handing a code and its link to the messages that customers are sent."""

import logging
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import Services
from api.portal.rendering import HOME
from infra.db.portal_codes import Secrets
from infra.db.portal_sessions import Reached
from infra.settings import Settings

logger = logging.getLogger(__name__)


async def send(conn: AsyncConnection, parts: Services, reached: Reached, made: Secrets, lang: str) -> None:
    """Send the code and the link to the contact that the customer gave, in this transaction."""
    logger.warning("no messages are sent yet: a code by %s went nowhere", reached.contact.kind)


def link_of(settings: Settings, made: Secrets) -> str:
    """The link that a message carries. Its host is a setting, never what a request calls us: that may lie."""
    base = settings.portal_url.rstrip("/") or f"http://{settings.api_host}:{settings.api_port}"
    return f"{base}{HOME}/enter?{urlencode({'token': made.token})}"
