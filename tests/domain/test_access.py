"""Who may do what: every role against every rule."""

import itertools

import pytest

from domain.access import STAFF, Principal, Role
from domain.errors import Conflict, NotFound, RuleBroken
from domain.problems import SENTENCES


@pytest.mark.parametrize("role", Role)
def test_only_customers_and_channels_are_not_staff(role: Role) -> None:
    assert Principal(role, "x").is_staff == (role not in (Role.CUSTOMER, Role.CHANNEL))
    assert (role in STAFF) == Principal(role, "x").is_staff


@pytest.mark.parametrize(("holder", "needed"), list(itertools.product(Role, Role)))
def test_a_role_is_its_own_and_an_admin_is_all_of_staff(holder: Role, needed: Role) -> None:
    may = Principal(holder, "x").may_act_as(needed)
    assert may == (holder is needed or (holder is Role.ADMIN and needed in STAFF))


@pytest.mark.parametrize("role", Role)
def test_one_of_several_roles_is_enough_and_none_is_nothing(role: Role) -> None:
    assert Principal(role, "x").may_act_as(*Role)
    assert not Principal(role, "x").may_act_as()


@pytest.mark.parametrize(("role", "owns", "sent"), list(itertools.product(Role, [True, False], [True, False])))
def test_staff_see_every_order_others_their_own(role: Role, owns: bool, sent: bool) -> None:
    principal = Principal(role, "me")
    sees = principal.may_see_order("me" if owns else "other", "me" if sent else "web")
    expected = {Role.CUSTOMER: owns, Role.CHANNEL: sent}.get(role, True)
    assert sees == expected


def test_refusals_say_what_to_do_even_when_nobody_wrote_it_down() -> None:
    assert RuleBroken("not_cancellable").detail == SENTENCES["not_cancellable"]
    assert RuleBroken("nobody_knows").detail == "nobody knows"
    assert RuleBroken("code", "do this").detail == "do this"
    assert issubclass(NotFound, RuleBroken)
    assert issubclass(Conflict, RuleBroken)
    assert str(Conflict("code", "detail")) == "code"
