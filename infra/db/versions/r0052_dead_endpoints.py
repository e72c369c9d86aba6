"""Webhook endpoints that are dead for days are switched off; what they missed can be sent again."""

from pathlib import Path

from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say since when an endpoint fails, and when it was switched off."""
    script = Path(__file__).with_name("0052_dead_endpoints.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: endpoints that are switched off would look removed."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
