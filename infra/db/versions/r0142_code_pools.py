"""Virtual products have a pool of codes."""

from infra.db import revisions

revision = "0142"
down_revision = "0141"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is issued by the previous version, which knows no pool."""
    revisions.run("0142_code_pools")


def downgrade() -> None:
    """There is no way back: the codes would be lost."""
    raise RuntimeError("codes that were sold would be lost")
