"""A guarantee that its provider lets go before it can be claimed is none."""

import pytest

from domain.errors import RuleBroken
from infra import holding

DAY_S = 86_400


def test_terms_that_outlast_a_providers_authorisation_are_refused_in_days() -> None:
    with pytest.raises(RuleBroken) as refused:
        holding.require_outlasts("stripe", 33 * DAY_S)
    assert refused.value.code == "guarantee_would_expire"
    assert "for 7 days, and this return may take 33" in (refused.value.detail or "")
    holding.require_outlasts("stripe", 7 * DAY_S)
    holding.require_outlasts("sandbox", 365 * DAY_S)
