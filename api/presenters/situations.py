"""Where an order stands, as the API and the pages show it."""

from collections.abc import Collection
from dataclasses import replace

from api.presenters.markup import Filled
from api.services.orders.order_types import OrderFields, OrderRow
from domain.access import Principal
from domain.json_types import JsonFields, JsonObject
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus
from domain.situations import actions
from domain.situations.actions import AtStake, SuggestedAction, actions_for
from domain.situations.customers import customers_sentence, customers_situation
from domain.situations.facts import SituationFacts, waiting_from
from domain.situations.situation import situation_of
from domain.situations.wording import ShowTime, sentence, summary, then_words, utc

ENGLISH = "en"


def for_api(
    facts: SituationFacts,
    caller: Principal,
    allowed: Collection[str] = (),
    options: Collection[str] = (),
    stake: AtStake | None = None,
) -> JsonFields:
    """`{state, sentence, code, owner, until, then, actions}`, the sentence in English; customers get their own."""
    return localized(facts, caller, allowed, options, stake or AtStake(), ENGLISH, utc)


def for_order(
    order: OrderFields, presented: JsonObject, caller: Principal, lang: str, show_time: ShowTime
) -> JsonFields:
    """The same for a page about one order: `order` as the database has it, `presented` as the API shows it."""
    attention = order["needs_attention"]
    options = attention["options"] if attention else ()
    facts, stake = facts_in(order, presented["waiting_for"]), at_stake(order)
    allowed = presented["allowed_actions"]
    return localized(facts, caller, allowed, options, stake, lang, show_time, Filled)


def for_row(
    row: OrderRow, caller: Principal, lang: str, show_time: ShowTime, returning: JsonObject | None = None
) -> JsonFields:
    """The same for a row of a list on a page; for staff with its `summary`. `returning` is what the order waits for
    where that is its returns: a row does not know them."""
    facts = row["situation_facts"]
    if returning is not None:
        facts = replace(facts, waiting=waiting_from(returning))
    return localized(facts, caller, (), (), AtStake(), lang, show_time, Filled, in_short=caller.is_staff)


def facts_in(order: OrderFields, waiting: JsonObject | None) -> SituationFacts:
    """The facts of a whole order. Whether its returns are awaited is known to `waiting` alone."""
    facts: SituationFacts = order["situation_facts"]
    returning = waiting is not None and waiting["what"] == "returns"
    return replace(facts, waiting=waiting_from(waiting)) if returning else facts


def localized(
    facts: SituationFacts,
    caller: Principal,
    allowed: Collection[str],
    options: Collection[str],
    stake: AtStake,
    lang: str,
    show_time: ShowTime,
    template: type[str] = str,
    *,
    in_short: bool = False,
) -> JsonFields:
    """The same in a reader's language, `in_short` with a `summary` for a row that staff read. `template` is the type of
    text that pages fill, see `wording.sentence`."""
    if caller.is_staff:
        found = situation_of(facts)
        words = sentence(found, lang, show_time, template)
    else:
        found = customers_situation(facts)
        words = customers_sentence(found, lang, show_time, template)
        options = ()
    fitting = actions_for(found, options, allowed, stake)
    if not caller.is_staff:
        fitting = [one for one in fitting if one.action in allowed]
    return {
        "state": found.state,
        "sentence": words,
        "code": found.code.partition(".")[0],
        "owner": found.owner,
        "until": found.until or None,
        "then": then_words(found, lang) or None,
        "actions": [_action(one, lang, stake.currency) for one in fitting],
    } | ({"summary": summary(found, lang)} if in_short else {})


def _action(action: SuggestedAction, lang: str, currency: str) -> JsonFields:
    return {
        "action": action.action,
        "code": action.code,
        "label": actions.label(action, lang, currency),
        "consequence": actions.consequence(action, lang, currency) or None,
    }


def at_stake(order: OrderFields) -> AtStake:
    """What of a whole order could be refunded, and what is authorised and not captured."""
    in_parts = len(order["fulfilments"]) > 1
    return AtStake(order["left_minor"], authorised_minor(order["payments"]), order["currency"], in_parts)


def authorised_minor(payments: Collection[JsonObject]) -> int:
    """What is authorised for the order and neither captured nor voided, in minor units."""
    done = [payment for payment in payments if payment["status"] != PaymentStatus.FAILED]
    ends = (PaymentKind.CAPTURE, PaymentKind.VOID)
    used = {one["parent_id"] for one in done if one["kind"] in ends and one["fulfilment_no"] is None}
    held = {
        payment["payment_id"]: payment["amount_minor"]
        for payment in payments
        if payment["kind"] == PaymentKind.AUTHORISE
        and payment["status"] == PaymentStatus.SUCCEEDED
        and payment["purpose"] == PaymentPurpose.ORDER
        and payment["payment_id"] not in used
    }
    taken = [one["amount_minor"] for one in done if one["fulfilment_no"] is not None and one["parent_id"] in held]
    return int(sum(held.values()) - sum(taken))
