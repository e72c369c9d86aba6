"""How a channel looks, as a stylesheet of its own: the content security policy allows no style in a page."""

import hashlib
from dataclasses import dataclass
from urllib.parse import quote

from domain.channels import LIGHT, ChannelLook, text_on

_THEME = """{selector} {{
  --tblr-primary: {colour}; --tblr-primary-rgb: {rgb}; --tblr-primary-fg: {text};
  --tblr-primary-darken: color-mix(in srgb, {colour} 85%, {mix});
  --tblr-link-color: {colour}; --tblr-link-color-rgb: {rgb};
  --tblr-link-hover-color: color-mix(in srgb, {colour} 85%, {mix}); --tblr-link-hover-color-rgb: {rgb};
}}
"""


@dataclass(frozen=True, slots=True)
class PresentedLook:
    """What a page of the channel's customers needs: empty texts where nothing is set."""

    name: str
    contact: str
    logo: str
    stylesheet: str
    channel: str = ""

    @property
    def contact_text(self) -> str:
        """The contact as people read it."""
        return self.contact.partition(":")[2].strip("/")


DEFAULT_LOOK = PresentedLook("", "", "", "")


def shown(channel: str, look: ChannelLook, home: str) -> PresentedLook:
    """The look for pages under `home`. The address of its stylesheet is new when the look is."""
    known = f"{home}/looks/{quote(channel, safe='')}.css?v={version(look)}"
    stylesheet = known if look != ChannelLook() else ""
    logo = f"/v1/pictures/{look.logo}?size=small" if look.logo else ""
    return PresentedLook(look.name or "", look.contact or "", logo, stylesheet, channel)


def version(look: ChannelLook) -> str:
    """New when the stylesheet is."""
    return hashlib.sha256(stylesheet(look).encode()).hexdigest()[:12]


def stylesheet(look: ChannelLook) -> str:
    """The colours of the kit for this look, on light pages and on dark ones."""
    return _theme(":root, [data-bs-theme=light]", look.colour, LIGHT, "black") + _theme(
        "[data-bs-theme=dark]", look.at_night, text_on(look.at_night), "white"
    )


def _theme(selector: str, colour: str, text: str, mix: str) -> str:
    rgb = ", ".join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))
    return _THEME.format(selector=selector, colour=colour, rgb=rgb, text=text, mix=mix)
