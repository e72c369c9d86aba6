"""A guarantee that is authorised too late is given back."""

from pathlib import Path

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the lifecycle know it."""
    script = Path(__file__).with_name("0024_late_guarantee.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: authorisations would stay on cards."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
