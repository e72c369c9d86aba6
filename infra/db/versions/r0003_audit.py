"""The audit log and its chains."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create tables, chains and the triggers that fill them."""
    script = Path(__file__).with_name("0003_audit.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: what was audited would be gone."""
    raise RuntimeError("the audit log is not dropped; restore a backup instead")
