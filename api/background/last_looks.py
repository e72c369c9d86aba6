"""How the shops looked when they were last read: the page that says that the database does not answer looks so, too."""

from collections import OrderedDict

from domain.channels import ChannelLook

MAX_KEPT = 500


class LastLooks:
    """The looks of the MAX_KEPT channels that were read last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, ChannelLook] = OrderedDict()

    def of(self, channel: str) -> ChannelLook:
        """The channel's look; the default where it was not read."""
        return self._kept.get(channel) or ChannelLook()

    def remember(self, channel: str, look: ChannelLook) -> None:
        """To be called with what was read."""
        self._kept[channel] = look
        self._kept.move_to_end(channel)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
