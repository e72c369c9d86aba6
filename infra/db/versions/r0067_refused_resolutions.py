"""Acts on stuck steps that were refused when they were carried out."""

from infra.db import revisions

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table."""
    revisions.run("0067_refused_resolutions")


def downgrade() -> None:
    """There is no way back: why an act was refused would be gone."""
    raise RuntimeError("refused acts are not dropped; restore a backup instead")
