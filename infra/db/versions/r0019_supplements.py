"""Changes of paid orders that cost more: they wait for the difference."""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and its triggers."""
    script = Path(__file__).with_name("0019_supplements.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: what customers paid on top would belong to nothing."""
    raise RuntimeError("supplements are not dropped; restore a backup instead")
