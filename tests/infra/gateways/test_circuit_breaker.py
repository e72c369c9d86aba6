"""The circuit breaker: when it opens, and how it closes again."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gateways import ProviderRefused, ProviderUnavailable
from infra.gateways.circuit_breaker import CircuitBreaker


class Clock:
    """Seconds that pass on request."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Rig:
    """A breaker of three failures and eight seconds, and calls that end as requested."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.breaker = CircuitBreaker("p", 3, 8.0, self.clock)

    def call(self, ends: BaseException | None = None) -> None:
        with self.breaker.guarding():
            if ends is not None:
                raise ends

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(ProviderUnavailable) as caught:
                self.call(ProviderUnavailable("timeout", "p"))
            assert caught.value.code == "timeout"

    def is_rejected(self) -> float:
        with pytest.raises(ProviderUnavailable) as caught, self.breaker.guarding():
            pytest.fail("an open circuit let a call through")
        assert caught.value.code == "circuit_open"
        assert caught.value.retry_after_s is not None
        return caught.value.retry_after_s


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_opens_after_failures_in_a_row(rig: Rig) -> None:
    rig.fail(2)
    assert rig.breaker.state == "closed"
    rig.fail()
    assert rig.breaker.state == "open"
    assert rig.is_rejected() == 8.0
    rig.clock.now_s += 5
    assert rig.is_rejected() == 3.0


@pytest.mark.parametrize("answer", [None, ProviderRefused("declined", "p")])
def test_an_answer_of_any_kind_starts_the_count_again(rig: Rig, answer: BaseException | None) -> None:
    rig.fail(2)
    try:
        rig.call(answer)
    except ProviderRefused as refused:
        assert refused is answer
    rig.fail(2)
    assert rig.breaker.state == "closed"


@pytest.mark.parametrize("ends", [ValueError(), asyncio.CancelledError()])
def test_our_own_faults_say_nothing_about_the_provider(rig: Rig, ends: BaseException) -> None:
    rig.fail(2)
    with pytest.raises(type(ends)):
        rig.call(ends)
    rig.fail()
    assert rig.breaker.state == "open"


def test_one_call_asks_whether_it_is_back(rig: Rig) -> None:
    rig.fail(3)
    rig.clock.now_s += 8
    assert rig.breaker.state == "half_open"
    with rig.breaker.guarding():
        assert rig.is_rejected() > 0
    assert rig.breaker.state == "closed"
    rig.call()


def test_a_failed_question_opens_it_again(rig: Rig) -> None:
    rig.fail(3)
    rig.clock.now_s += 8
    rig.fail()
    assert rig.is_rejected() == 8.0


def test_who_is_kept_out_is_informed_of_the_last_failure(rig: Rig) -> None:
    rig.fail(3)
    for code in ("timeout", "http_503"):
        with pytest.raises(ProviderUnavailable) as caught:
            rig.call()
        assert (caught.value.code, caught.value.cause) == ("circuit_open", code)
        rig.clock.now_s += 8
        with suppress(ProviderUnavailable):
            rig.call(ProviderUnavailable("http_503", "p"))


def test_a_cancelled_question_leaves_room_for_the_next(rig: Rig) -> None:
    rig.fail(3)
    rig.clock.now_s += 8
    with pytest.raises(asyncio.CancelledError):
        rig.call(asyncio.CancelledError())
    rig.call()
    assert rig.breaker.state == "closed"


@given(st.lists(st.sampled_from(["ok", "fail", "refuse", "wait"]), max_size=60))
def test_is_open_only_after_three_failures_without_an_answer(story: list[str]) -> None:
    rig, in_a_row = Rig(), 0
    for step in story:
        if step == "wait":
            rig.clock.now_s += 8
            continue
        kept_out = rig.breaker.state == "open"
        assert not kept_out or in_a_row >= 3
        if kept_out:
            rig.is_rejected()
        elif step == "fail":
            rig.fail()
            in_a_row += 1
        else:
            with suppress(ProviderRefused):
                rig.call(ProviderRefused("x", "p") if step == "refuse" else None)
            in_a_row = 0
    assert (rig.breaker.state == "closed") == (in_a_row < 3)
