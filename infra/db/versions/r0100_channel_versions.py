"""Channels have a version, and messages that their shop does not send."""

from infra.db import revisions

revision = "0100"
down_revision = "0099"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Channels are few; the previous version sends every message."""
    revisions.run("0100_channel_versions")


def downgrade() -> None:
    """What a shop has switched off is not forgotten."""
    raise RuntimeError("what a shop has switched off is not forgotten; restore a backup instead")
