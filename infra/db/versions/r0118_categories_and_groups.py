"""Products have a category, customers a group, strategies of sourcing conditions on both, channels a limit of parts."""

from infra.db import revisions

revision = "0118"
down_revision = "0117"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The previous version neither reads nor changes them: there, a strategy for some of them is for every order."""
    revisions.run("0118_categories_and_groups")


def downgrade() -> None:
    """There is no way back: categories and groups would be lost."""
    raise RuntimeError("categories and groups stay; the previous version ignores them")
