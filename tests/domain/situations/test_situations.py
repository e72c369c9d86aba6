"""One rule says where an order stands, in one sentence, with the actions that fit."""

import re
import string
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from api.presenters import situations as presented
from domain.access import Principal, Role
from domain.orders.holds import HoldKind, Outcome
from domain.orders.status import Status
from domain.shipping.fulfilments import FulfilmentStatus as F
from domain.situations import actions, customers, sentences, wording
from domain.situations.actions import AtStake, SuggestedAction, actions_for
from domain.situations.customers import customers_situation
from domain.situations.facts import (
    OpenHold,
    ParkedStep,
    PartOfOrder,
    RetryingStep,
    SituationFacts,
    Waiting,
    WorkflowError,
    waiting_from,
)
from domain.situations.situation import BY_RULE, Moment, Owner, Situation, State, situation_of
from domain.support.steps import STEPS, Action, Step

S = Status
AT, SOON = "2026-11-30T18:00:00Z", "2026-11-30T10:12:05Z"
HELD = OpenHold(HoldKind.RISK, "finance", AT, "amy", Outcome.CANCEL)
STAKE = AtStake(2828, 2099, "USD")


def clock(moment: Moment) -> str:
    return moment.at[11:19] if moment.near else moment.at[11:16]


def parked(step: Step, error: str, attempts: int = 1, **more: Any) -> ParkedStep:
    return ParkedStep(step, error, attempts, **more)


def retrying(**more: Any) -> RetryingStep:
    return RetryingStep("book", "http_503", **{"attempt": 4, "max_attempts": 5, "next_attempt_at": SOON, **more})


# (facts, state, owner, the sentence)
CASES: list[tuple[SituationFacts, State, Owner | None, str]] = [
    (
        SituationFacts(S.PAID, retrying=retrying()),
        State.RETRYING,
        Owner.SYSTEM,
        "Retrying carrier booking: attempt 4 of 5 failed (the provider answered 503); next attempt 10:12:05",
    ),
    (
        SituationFacts(S.PAID, retrying=retrying(max_attempts=0, next_attempt_at="")),
        State.RETRYING,
        Owner.SYSTEM,
        "Retrying carrier booking: attempt 4 failed (the provider answered 503)",
    ),
    (
        SituationFacts(S.PAID, retrying=retrying(paused=True, paused_by="amy", reason="carrier outage")),
        State.PAUSED,
        Owner.SUPPORT,
        "Carrier booking paused by amy: “carrier outage”, after attempt 4 (the provider answered 503)",
    ),
    (
        SituationFacts(S.PAID, parked=parked(Step.BOOK, "timeout", 5, escalates_at=AT, since=SOON)),
        State.NEEDS_ATTENTION,
        Owner.SUPPORT,
        "Needs attention: carrier booking failed (timeout), 5 attempts, since 10:12. Escalates to operations at 18:00",
    ),
    (
        SituationFacts(S.PAID, parked=parked(Step.BOOK, "timeout", 5, escalates_at=AT, escalated=True)),
        State.NEEDS_ATTENTION,
        Owner.OPERATIONS,
        "Needs attention: carrier booking failed (timeout), 5 attempts",
    ),
    (
        SituationFacts(S.PAID, parked=parked(Step.BOOK, "address_refused")),
        State.NEEDS_ATTENTION,
        Owner.SUPPORT,
        "Needs attention: the carrier refused the address",
    ),
    (
        SituationFacts(S.PENDING_PAYMENT, parked=parked(Step.REVIEW, "payment_review")),
        State.NEEDS_ATTENTION,
        Owner.SUPPORT,
        "Needs attention: the payment provider asks for a review",
    ),
    (
        SituationFacts(S.SHIPPED, parked=parked(Step.DELIVER, "parcel_lost")),
        State.NEEDS_ATTENTION,
        Owner.SUPPORT,
        "Delivery failed: the carrier lost the parcel",
    ),
    (
        SituationFacts(S.SHIPPED, parked=parked(Step.DELIVER, "parcel_lost", parcel="SBX1")),
        State.NEEDS_ATTENTION,
        Owner.SUPPORT,
        "Delivery failed: the carrier lost parcel SBX1",
    ),
    (
        SituationFacts(S.PAID, hold=HELD),
        State.ON_HOLD,
        Owner.FINANCE,
        "On hold (risk), put on by amy. Finance decides by 18:00; if nobody does, the order is cancelled",
    ),
    (
        SituationFacts(S.PAID, hold=OpenHold(HoldKind.RISK, "finance", AT, BY_RULE, Outcome.CANCEL)),
        State.ON_HOLD,
        Owner.FINANCE,
        "On hold (risk) by the rule for large orders. Finance decides by 18:00; if nobody does, the order is cancelled",
    ),
    (
        SituationFacts(S.PAID, workflow_error=WorkflowError("3f2c"), parked=parked(Step.BOOK, "timeout")),
        State.WORKFLOW_ERROR,
        Owner.ENGINEERING,
        "Workflow error in version 3f2c: engineers are alerted",
    ),
    (
        SituationFacts(S.PREPARING, waiting=Waiting("pickup", AT, "support_alerted")),
        State.WAITING,
        Owner.CARRIER,
        "Waiting for the carrier to pick up, until 18:00; then support is alerted",
    ),
    (SituationFacts(S.RECEIVED), State.IN_PROGRESS, Owner.SYSTEM, "Reserving stock"),
    (
        SituationFacts(S.PAID, cancelling="customer_request", hold=HELD, waiting=Waiting("carrier")),
        State.IN_PROGRESS,
        Owner.SYSTEM,
        "Cancelling: stock is released and money returned",
    ),
    (SituationFacts(S.CANCELLED, cancelling="customer_request"), State.CLOSED, None, "Cancelled"),
    (
        SituationFacts(S.COMPLETED, parked=parked(Step.REFUND, "refund_bounced")),
        State.NEEDS_ATTENTION,
        Owner.SUPPORT,
        "Needs attention: the customer's bank returned the refund",
    ),
    (SituationFacts(S.PAID, waiting=Waiting("something new")), State.IN_PROGRESS, Owner.SYSTEM, "Booking the carrier"),
]


@pytest.mark.parametrize(("facts", "state", "owner", "words"), CASES, ids=[case[3] for case in CASES])
def test_the_situation_is_one_sentence_with_who_acts_next(
    facts: SituationFacts, state: State, owner: Owner | None, words: str
) -> None:
    found = situation_of(facts)
    assert (found.state, found.owner, wording.sentence(found, "en", clock)) == (state, owner, words)


@pytest.mark.parametrize("lang", sentences.LANGUAGES)
def test_every_status_failure_and_step_has_a_sentence_without_holes(lang: str) -> None:
    for status, step, attempts in product(Status, Step, (0, 1, 5)):
        for facts in (
            SituationFacts(status),
            SituationFacts(status, cancelling="x"),
            SituationFacts(status, parked=ParkedStep(step, "some_code", attempts, AT)),
            SituationFacts(status, retrying=RetryingStep(step, "http_500", 1, next_attempt_at=SOON)),
        ):
            said = wording.sentence(situation_of(facts), lang, clock)
            assert said
            assert "{" not in said
            theirs = customers.customers_sentence(customers_situation(facts), lang, clock)
            assert theirs
            assert "{" not in theirs


def test_chinese_and_english_are_filled_by_the_same_values() -> None:
    def holes(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for table in (sentences.SENTENCES, sentences.ENDINGS, sentences.ERRORS, actions.CONSEQUENCES):
        for code, (english, chinese) in table.items():
            assert holes(english) == holes(chinese), code
    assert set(sentences.STEPS) == set(Step)
    assert set(sentences.HOLDS) == set(HoldKind)
    assert set(actions.CONSEQUENCES) <= set(actions.LABELS)


def named(situation: Situation, options: list[str], allowed: list[str]) -> list[str]:
    found = actions_for(situation, options, allowed, STAKE)
    return [f"{actions.label(one, 'en', 'USD')}: {actions.consequence(one, 'en', 'USD')}".rstrip(": ") for one in found]


def test_cancelling_says_whether_money_goes_back_or_an_authorisation_is_released() -> None:
    on_hold = Situation(State.ON_HOLD, "on_hold", Owner.SUPPORT)
    said = {
        stake: actions.consequence(actions_for(on_hold, (), ("cancel",), AtStake(*stake, "USD"))[1], "en", "USD")
        for stake in ((1250, 0), (0, 1250), (0, 0))
    }
    assert said == {
        (1250, 0): "returns $12.50 and releases the stock",
        (0, 1250): "releases $12.50 and the stock",
        (0, 0): "",
    }


def test_actions_are_named_for_the_case_with_their_consequence() -> None:
    def at(step: Step, error: str, *allowed: str) -> list[str]:
        options = [action.value for action in STEPS[step].options]
        return named(situation_of(SituationFacts(S.PAID, parked=parked(step, error))), options, list(allowed))

    assert at(Step.REVIEW, "payment_review") == [
        "Approve payment: captures $20.99",
        "Decline and cancel: releases $20.99 and cancels the order",
    ]
    assert at(Step.BOOK, "timeout") == [
        "Retry: safe: nothing is booked twice",
        "Edit address and retry",
        "Enter tracking number: the parcel was booked outside the system",
        "Cancel and refund $49.27: releases the stock",
    ]
    assert at(Step.DELIVER, "parcel_lost", "reship", "refund_lost") == [
        "Send again: the customer pays nothing more",
        "Refund $28.28",
        "Mark as delivered",
        "Wait for the carrier",
    ]
    assert at(Step.BOOK, "address_refused")[0] == "Edit address and retry"


def test_only_what_the_step_offers_now_is_suggested() -> None:
    found = situation_of(SituationFacts(S.PAID, parked=parked(Step.BOOK, "timeout")))
    assert [one.action for one in actions_for(found, ["retry"], [], STAKE)] == ["retry"]
    held = situation_of(SituationFacts(S.PAID, hold=HELD))
    assert actions_for(held, [], [], STAKE) == [SuggestedAction("release_hold", "release_hold")]
    assert actions_for(situation_of(SituationFacts(S.SHIPPED)), [], ["return"], STAKE) == []


def test_nothing_is_said_of_money_that_was_not_taken() -> None:
    held = situation_of(SituationFacts(S.RECEIVED, hold=HELD))
    cancel = actions_for(held, [], ["cancel"], AtStake(currency="USD"))[-1]
    assert (cancel.action, actions.consequence(cancel, "en", "USD")) == ("cancel", "")


def test_every_option_of_every_step_has_a_label() -> None:
    for step, rule in STEPS.items():
        found = situation_of(SituationFacts(S.PAID, parked=ParkedStep(step, "x")))
        offered = actions_for(found, [action.value for action in rule.options], [], STAKE)
        assert {one.action for one in offered} == {action.value for action in rule.options}
        assert all(actions.label(one, lang, "USD") for one in offered for lang in sentences.LANGUAGES)
    assert set(Action) >= {action for rule in STEPS.values() for action in rule.options}


def test_a_customer_reads_nothing_of_failures_that_staff_resolve() -> None:
    def said(facts: SituationFacts) -> str:
        return customers_situation(facts).code

    assert said(SituationFacts(S.PAID, retrying=retrying())) == "carrier"
    assert said(SituationFacts(S.PAID, retrying=retrying(paused=True, paused_by="amy"))) == "looked_into"
    assert said(SituationFacts(S.PAID, parked=parked(Step.BOOK, "timeout"))) == "looked_into"
    assert said(SituationFacts(S.PAID, workflow_error=WorkflowError())) == "looked_into"
    lost = parked(Step.DELIVER, "parcel_lost", parcel="SBX1")
    assert said(SituationFacts(S.SHIPPED, parked=lost)) == "parcel_lost"
    assert said(SituationFacts(S.SHIPPED, parked=lost, cancelling="customer_request")) == "looked_into"
    held = customers_situation(SituationFacts(S.PAID, hold=HELD))
    assert (held.code, held.values) == ("on_hold", {})


def test_every_wait_that_the_code_begins_is_known() -> None:
    folders = ("activities", "api", "infra/db")
    sources = [file.read_text(encoding="utf-8") for folder in folders for file in Path(folder).rglob("*.py")]
    begun = {pair for source in sources for pair in re.findall(r'waiting\(\s*"(\w+)", "([^"]+)"', source)}
    assert len(begun) >= 6
    for what, then in begun:
        found = waiting_from({"what": what, "until": AT, "next": then})
        assert found is not None
        assert found.then, then
        assert situation_of(SituationFacts(S.PAID, waiting=found)).code in (what, "change_payment", "cancellation")


def test_what_the_timeline_stores_becomes_what_the_order_waits_for() -> None:
    stored = {"what": "pickup", "until": AT, "next": "support looks into it"}
    assert waiting_from(stored) == Waiting("pickup", AT, "support_alerted")
    change = {"what": "payment", "until": None, "next": "the change is undone"}
    assert waiting_from(change) == Waiting("change_payment", "", "change_cancelled")
    assert waiting_from(None) is None
    assert waiting_from({"what": "payment"}) == Waiting("payment")


# (facts, the short form in English and in Chinese)
SHORT: list[tuple[SituationFacts, str, str]] = [
    (SituationFacts(S.PAID, retrying=retrying()), "Retrying carrier booking: 4 of 5", "正在重试承运商预约：4/5"),
    (
        SituationFacts(S.PAID, retrying=retrying(max_attempts=0)),
        "Retrying carrier booking: attempt 4",
        "正在重试承运商预约：第 4 次",
    ),
    (
        SituationFacts(S.PAID, retrying=retrying(paused=True, paused_by="amy", reason="outage")),
        "Carrier booking paused",
        "承运商预约已暂停",
    ),
    (
        SituationFacts(S.PAID, parked=parked(Step.BOOK, "timeout", 5, escalates_at=AT, since=SOON)),
        "Needs attention: carrier booking failed",
        "需要处理：承运商预约失败",
    ),
    (
        SituationFacts(S.SHIPPED, parked=parked(Step.DELIVER, "parcel_lost", parcel="SBX1")),
        "Delivery failed: parcel lost",
        "派送失败：包裹丢失",
    ),
    (SituationFacts(S.PAID, hold=HELD), "On hold (risk)", "已挂起（风险）"),
    (SituationFacts(S.PAID, workflow_error=WorkflowError("3f2c")), "Workflow error", "工作流错误"),
    (SituationFacts(S.PENDING_PAYMENT, waiting=Waiting("payment", AT)), "Waiting for payment", "等待付款"),
    (SituationFacts(S.COMPLETED), "Completed", "已完成"),
]


@pytest.mark.parametrize(("facts", "english", "chinese"), SHORT, ids=[english for _, english, _ in SHORT])
def test_a_situation_has_a_short_form(facts: SituationFacts, english: str, chinese: str) -> None:
    found = situation_of(facts)
    assert (wording.summary(found, "en"), wording.summary(found, "zh")) == (english, chinese)


def test_the_short_form_of_every_sentence_fits_two_narrow_lines() -> None:
    filled = {"attempt": 3, "most": 5, "step": "carrier booking", "Step": "Carrier booking", "hold": "payment"}
    chinese_filled = filled | {"step": "承运商预约", "Step": "承运商预约", "hold": "付款"}
    for code, texts in sentences.SENTENCES.items():
        kind = code.partition(".")[0]
        english, chinese = sentences.SUMMARIES.get(code) or sentences.SUMMARIES.get(kind) or sentences.SENTENCES[kind]
        assert len(english.format(**filled)) <= 48, (code, texts)
        assert len(chinese.format(**chinese_filled)) <= 24, (code, texts)


@pytest.mark.parametrize("lang", sentences.LANGUAGES)
@pytest.mark.parametrize("facts", [case[0] for case in CASES])
def test_a_customers_list_says_what_the_orders_page_says(facts: SituationFacts, lang: str) -> None:
    """Both are made from the same facts, by the presenters of a row and of a whole order."""
    row: Any = {"situation_facts": facts}
    order: Any = {**row, "needs_attention": None, "left_minor": 0, "payments": [], "fulfilments": [], "currency": "USD"}
    customer = Principal(Role.CUSTOMER, "c-1")
    listed = presented.for_row(row, customer, lang, clock)
    page = presented.for_order(order, {"waiting_for": None, "allowed_actions": []}, customer, lang, clock)
    assert listed == page and listed["sentence"]


def in_parts(*statuses: F, status: Status = S.PREPARING, **more: Any) -> SituationFacts:
    return SituationFacts(
        status, parts=tuple(PartOfOrder(number, one) for number, one in enumerate(statuses, 1)), **more
    )


OF_PARTS: list[tuple[SituationFacts, str, str, str]] = [
    (
        in_parts(F.SHIPPED, F.DELIVERED, F.RESERVED, parked=parked(Step.BOOK, "timeout", 5, part=3)),
        "2 of 3 shipped; part 3: needs attention: carrier booking failed (timeout), 5 attempts",
        "已发货 2/3；第 3 部分：需要处理：承运商预约失败（超时），已尝试 5 次",
        "Parcels sent: 2 of 3. This takes longer than usual on our side. A colleague is looking into it; you do not"
        " need to do anything.",
    ),
    (
        in_parts(F.BOOKED, F.SHIPPED, waiting=Waiting("pickup", AT, "support_alerted")),
        "1 of 2 shipped; part 1: waiting for the carrier to pick up, until 18:00; then support is alerted",
        "已发货 1/2；第 1 部分：等待承运商揽收，截至 18:00；之后通知客服",
        "Parcels sent: 1 of 2. The parcel is waiting for the carrier. If it is not picked up by 18:00, we look into"
        " it.",
    ),
    (
        in_parts(F.BOOKED, F.SHIPPED, F.PACKED, F.CANCELLED, waiting=Waiting("pickup")),
        "1 of 3 shipped; parts 1, 3: waiting for the carrier to pick up",
        "已发货 1/3；第 1、3 部分：等待承运商揽收",
        "Parcels sent: 1 of 3. The parcel is waiting for the carrier.",
    ),
    (
        in_parts(F.SHIPPED, F.SHIPPED, status=S.SHIPPED),
        "2 of 2 shipped; waiting for the carrier to deliver",
        "已发货 2/2；等待承运商派送",
        "Parcels sent: 2 of 2. The carrier has the parcel.",
    ),
    (
        in_parts(F.SHIPPED, F.RESERVED, retrying=retrying(paused=True, paused_by="amy")),
        "1 of 2 shipped; carrier booking paused by amy after attempt 4 (the provider answered 503)",
        "已发货 1/2；承运商预约已由 amy 暂停，第 4 次尝试后（服务商返回 503）",
        "Parcels sent: 1 of 2. This takes longer than usual on our side. A colleague is looking into it; you do not"
        " need to do anything.",
    ),
    (
        in_parts(F.RESERVED, F.RESERVED, status=S.PAID),
        "Booking the carrier",
        "正在预约承运商",
        "We are booking the carrier.",
    ),
    (
        in_parts(F.SHIPPED, F.CANCELLED, status=S.SHIPPED),
        "Waiting for the carrier to deliver",
        "等待承运商派送",
        "The carrier has the parcel.",
    ),
    (in_parts(F.DELIVERED, F.DELIVERED, status=S.COMPLETED), "Completed", "已完成", "This order is completed."),
]


@pytest.mark.parametrize(("facts", "english", "chinese", "theirs"), OF_PARTS, ids=[case[1] for case in OF_PARTS])
def test_the_situation_of_a_split_order_names_its_parts(
    facts: SituationFacts, english: str, chinese: str, theirs: str
) -> None:
    found = situation_of(facts)
    assert [wording.sentence(found, lang, clock) for lang in ("en", "zh")] == [english, chinese]
    assert customers.customers_sentence(customers_situation(facts), "en", clock) == theirs
    before = english.split("shipped; ", maxsplit=1)[0] if "shipped; " in english else ""
    assert wording.summary(found, "en").startswith(before)
