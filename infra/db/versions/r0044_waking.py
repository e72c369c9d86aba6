"""More of a SKU wakes the backorders that it serves, whatever brought it."""

from pathlib import Path

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Hang the waking on the level itself."""
    script = Path(__file__).with_name("0044_waking.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: backorders would go on waiting for what is there."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
