"""How a channel's shop looks to its customers: its name, its colour, and where they write to."""

import re
from dataclasses import dataclass

from domain.errors import RuleBroken

# WCAG 2.2, success criterion 1.4.3: text of the usual size.
ENOUGH_CONTRAST = 4.5
# Behind text on the customers' pages, and text on their buttons: the light theme, and the dark one.
LIGHT, DARK = "#f9fafb", "#1f2937"
DEFAULT_COLOUR = "#066fd1"
COLOUR = r"^#[0-9a-f]{6}$"
CONTACT = r"^(https://[^\s/@:]+(:[0-9]{1,5})?(/\S*)?|mailto:[^\s@:/?]+@[^\s@:/?]+)$"
MAX_NAME = 60
MAX_CONTACT = 200
_STEPS = 100


@dataclass(frozen=True, slots=True)
class ChannelLook:
    """What the customers of a channel see. `colour` is readable on light pages, `dark_colour` on dark ones; None:
    the same colour, made lighter until it is. `contact` is an https or mailto address, `logo` the id of a picture."""

    name: str | None = None
    colour: str = DEFAULT_COLOUR
    dark_colour: str | None = None
    contact: str | None = None
    logo: str | None = None

    @property
    def at_night(self) -> str:
        """The colour on dark cards."""
        return self.dark_colour or lightened(self.colour)


def require_readable(look: ChannelLook) -> None:
    """Raises RuleBroken `colour_contrast` or `dark_colour_contrast`: text in the colour, or on it, would be hard to
    read."""
    if (found := contrast(look.colour, LIGHT)) < ENOUGH_CONTRAST:
        raise RuleBroken("colour_contrast", ratio=f"{found:.2f}", needed=str(ENOUGH_CONTRAST))
    if look.dark_colour is not None and (found := contrast(look.dark_colour, DARK)) < ENOUGH_CONTRAST:
        raise RuleBroken("dark_colour_contrast", ratio=f"{found:.2f}", needed=str(ENOUGH_CONTRAST))


def is_contact(text: str) -> bool:
    """True for an https address and for one of an e-mail (`mailto:`)."""
    return len(text) <= MAX_CONTACT and text.isprintable() and re.match(CONTACT, text) is not None


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours as WCAG defines it, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def lightened(colour: str) -> str:
    """The colour, mixed with as little white as makes it readable on dark cards."""
    parts = _parts(colour)
    for step in range(_STEPS):
        mixed = "#" + "".join(f"{round(part + (255 - part) * step / _STEPS):02x}" for part in parts)
        if contrast(mixed, DARK) >= ENOUGH_CONTRAST:
            return mixed
    return LIGHT


def text_on(colour: str) -> str:
    """What is read better on this colour: light or dark."""
    return max((LIGHT, DARK), key=lambda text: contrast(text, colour))


def _luminance(colour: str) -> float:
    linear = [
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in _parts(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _parts(colour: str) -> list[int]:
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
