"""The application applies a change whose difference is paid; the database guards that it is applied."""

from infra.db import revisions

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Processes of the last release are served by the old trigger."""
    revisions.run("0076_changes_applied")


def downgrade() -> None:
    """There is no way back: processes of this release need the setting that the trigger reads."""
    raise RuntimeError("changes are applied by the application; restore a backup instead")
