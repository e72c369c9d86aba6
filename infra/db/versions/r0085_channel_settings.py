"""Channels have a look: the name, colour, logo and contact of their shop."""

from infra.db import revisions

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own; the previous version does not read it."""
    revisions.run("0085_channel_settings")


def downgrade() -> None:
    """There is no way back: the settings would be lost."""
    raise RuntimeError("channels keep their settings; the previous version ignores them")
