"""The text of a message to a customer stays, encrypted, after it was sent."""

from infra.db import revisions

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Sent texts stay; the previous version still deletes those that it sends."""
    revisions.run("0079_message_words_kept")


def downgrade() -> None:
    """There is no way back: the previous version refuses texts of messages that were sent."""
    raise RuntimeError("texts of messages stay; restore a backup instead")
