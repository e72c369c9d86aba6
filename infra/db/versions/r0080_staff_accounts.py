"""Invitations of staff, passkeys, recovery codes, and an admin who always remains."""

from infra.db import revisions

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New tables and columns; what the previous version does stays possible."""
    revisions.run("0080_staff_accounts")


def downgrade() -> None:
    """There is no way back: accounts that only a passkey opens would be lost."""
    raise RuntimeError("the tables stay: the previous version works beside them")
