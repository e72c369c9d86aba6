"""A guarantee that its provider lets go before it can be claimed is none."""

import pytest

from domain.errors import RuleBroken
from infra.provider_rules import authorisation_periods

DAY_S = 86_400


def test_terms_that_outlast_a_providers_authorisation_are_refused_in_days() -> None:
    with pytest.raises(RuleBroken) as refused:
        authorisation_periods.require_outlasts("stripe", "pm_card_visa", 33 * DAY_S)
    assert refused.value.code == "guarantee_would_expire"
    assert "for 7 days, and this return may take 33;" in (refused.value.detail or "")
    authorisation_periods.require_outlasts("stripe", "pm_card_visa", 7 * DAY_S)
    authorisation_periods.require_outlasts("stripe", "cus_1:pm_card_visa", 33 * DAY_S)
    authorisation_periods.require_outlasts("sandbox", "tok_ok", 365 * DAY_S)


def test_a_token_is_used_again_only_where_it_is_kept_for_that() -> None:
    renewable = [("sandbox", "tok_ok"), ("store_credit", "x"), ("stripe", "cus_1:pm_1")]
    used_once = [("stripe", "pm_1"), ("stripe", "cus_1"), ("stripe", "cus_1:"), ("sandbox", "-"), ("sandbox", "")]
    assert all(authorisation_periods.is_renewable(*one) for one in renewable)
    assert not any(authorisation_periods.is_renewable(*one) for one in used_once)
