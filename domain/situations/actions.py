"""The actions that fit a situation, named for the case, each with its consequence."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from domain.money import shown
from domain.situations.sentences import LANGUAGES, Words
from domain.situations.situation import Situation, State
from domain.support.steps import STEPS, Action, Step


@dataclass(frozen=True, slots=True)
class AtStake:
    """Minor units that an action would move: what would be refunded, what is only authorised; in `currency`. Of an
    order that ships `in_parts`, a lost parcel has a part of it alone."""

    refund_minor: int = 0
    authorised_minor: int = 0
    currency: str = ""
    in_parts: bool = False


@dataclass(frozen=True, slots=True)
class SuggestedAction:
    """`action` as the API calls it, `code` names it for the case. `amount_minor` is the money that it moves, if any;
    `not_captured` says that it is authorised only."""

    action: str
    code: str
    amount_minor: int | None = None
    not_captured: bool = False


# Names of what resolves a parked step. Any other is named after the action alone.
_RESOLVING: Mapping[tuple[Step, Action], str] = {
    (Step.AUTHORISE, Action.RETRY): "retry_payment",
    (Step.AUTHORISE, Action.AMEND): "replace_token",
    (Step.REVIEW, Action.SKIP): "approve_payment",
    (Step.REVIEW, Action.COMPENSATE): "decline_and_cancel",
    (Step.CAPTURE, Action.RETRY): "retry_capture",
    (Step.CAPTURE, Action.SKIP): "record_capture",
    (Step.BOOK, Action.RETRY): "retry_booking",
    (Step.BOOK, Action.AMEND): "edit_address",
    (Step.BOOK, Action.SKIP): "enter_tracking_number",
    (Step.DELIVER, Action.RETRY): "wait_for_carrier",
    (Step.DELIVER, Action.SKIP): "mark_delivered",
    (Step.DELIVER, Action.GIVE_UP): "give_up_part",
    (Step.CANCEL_SHIPMENT, Action.RETRY): "retry_recall",
    (Step.CANCEL_SHIPMENT, Action.SKIP): "mark_recalled",
    (Step.RETURN_PAYMENT, Action.RETRY): "retry_refund",
    (Step.RETURN_PAYMENT, Action.SKIP): "record_refund",
    (Step.REFUND, Action.RETRY): "retry_refund",
    (Step.REFUND, Action.SKIP): "record_refund",
    (Step.REFUND, Action.AMEND): "refund_as_credit",
    (Step.GUARANTEE, Action.RETRY): "retry_guarantee",
    (Step.GUARANTEE, Action.SKIP): "continue_without_guarantee",
    (Step.PRODUCE, Action.RETRY): "wait_for_production",
    (Step.ISSUE_CODES, Action.RETRY): "retry_codes",
    (Step.SUPPLEMENT, Action.RETRY): "retry_change_payment",
    (Step.SUPPLEMENT, Action.COMPENSATE): "cancel_change",
}
_ORDER = (Action.RETRY, Action.AMEND, Action.SKIP, Action.GIVE_UP, Action.COMPENSATE)
# What is tried first where it is not another attempt.
_BEST: Mapping[str, Action] = {
    "address_refused": Action.AMEND,
    "parcel_lost": Action.SKIP,
    "parcel_refused": Action.SKIP,
    "supplier_refused": Action.GIVE_UP,
}
# Where a parcel is lost or refused, the customer's own choices come first; they include the refund.
_UNDELIVERED = ("reship", "refund_lost")
_BY_STATE: Mapping[State, tuple[str, ...]] = {
    State.RETRYING: ("retry_now", "pause"),
    State.PAUSED: ("unpause",),
    State.WORKFLOW_ERROR: ("reset",),
    State.ON_HOLD: ("release_hold", "cancel"),
}

# {code: (English, Chinese)}
LABELS: Words = {
    "retry_payment": ("Retry payment", "重试付款"),
    "replace_token": ("Enter another payment token", "更换支付令牌"),
    "approve_payment": ("Approve payment", "通过付款"),
    "decline_and_cancel": ("Decline and cancel", "拒绝并取消"),
    "retry_capture": ("Retry capture", "重试扣款"),
    "record_capture": ("Record a manual capture", "登记人工扣款"),
    "retry_booking": ("Retry", "重试"),
    "edit_address": ("Edit address and retry", "修改地址并重试"),
    "enter_tracking_number": ("Enter tracking number", "填写运单号"),
    "wait_for_carrier": ("Wait for the carrier", "继续等待承运商"),
    "mark_delivered": ("Mark as delivered", "标记为已送达"),
    "give_up_part": ("Give up this part", "放弃这部分"),
    "retry_recall": ("Retry recall", "重试召回"),
    "mark_recalled": ("Mark as recalled", "标记为已召回"),
    "retry_refund": ("Retry refund", "重试退款"),
    "record_refund": ("Record a manual refund", "登记人工退款"),
    "refund_as_credit": ("Refund as store credit", "改为店铺余额退款"),
    "retry_guarantee": ("Retry", "重试"),
    "continue_without_guarantee": ("Continue without the guarantee", "不要担保，继续"),
    "wait_for_production": ("Wait as long again", "继续等待生产"),
    "retry_codes": ("Issue again", "重新发放"),
    "retry_change_payment": ("Retry payment of the change", "重试修改差额付款"),
    "cancel_change": ("Cancel the change", "撤销修改"),
    "cancel_and_refund": ("Cancel and refund order", "取消订单并退款"),
    "reship": ("Send again", "重新发货"),
    "refund_lost": ("Refund", "退款"),
    "retry_now": ("Retry now", "立即重试"),
    "pause": ("Pause", "暂停"),
    "unpause": ("Resume", "恢复"),
    "reset": ("Reset after the fix", "修复后重置"),
    "release_hold": ("Release", "解除挂起"),
    "cancel": ("Cancel order", "取消订单"),
    "pay": ("Pay", "付款"),
}
# The same where money is moved, so that the button says how much.
LABELS_WITH_AMOUNT: Words = {
    "cancel_and_refund": ("Cancel and refund {amount}", "取消订单并退款 {amount}"),
    "refund_lost": ("Refund {amount}", "退款 {amount}"),
}
# What an action does, where its label does not say so. `{amount}` is the money that it moves.
CONSEQUENCES: Words = {
    "retry_payment": ("safe: nothing is charged twice", "安全：不会重复扣款"),
    "approve_payment": ("captures {amount}", "将扣款 {amount}"),
    "decline_and_cancel": ("releases {amount} and cancels the order", "释放 {amount} 并取消订单"),
    "retry_capture": ("safe: nothing is charged twice", "安全：不会重复扣款"),
    "record_capture": ("no money is moved", "不产生资金变动"),
    "retry_booking": ("safe: nothing is booked twice", "安全：不会重复预约"),
    "enter_tracking_number": ("the parcel was booked outside the system", "包裹已在系统外预约"),
    "give_up_part": ("refunds what was paid for it; the order continues", "退还这部分的款项，订单继续"),
    "record_refund": ("no money is moved", "不产生资金变动"),
    "retry_refund": ("safe: nothing is refunded twice", "安全：不会重复退款"),
    "cancel_and_refund": ("releases the stock", "释放库存"),
    "reship": ("the customer pays nothing more", "顾客无需另外付款"),
    "cancel_change": ("the order continues without the change", "订单不修改，继续处理"),
    "cancel": ("returns {amount} and releases the stock", "退还 {amount} 并释放库存"),
}

# What it does where the money is authorised and not captured.
_NOT_CAPTURED: Words = {"cancel": ("releases {amount} and the stock", "释放 {amount} 和库存")}
# What it does where no money was taken; nothing of the rest.
_WITHOUT_AMOUNT: Words = {"decline_and_cancel": ("cancels the order", "取消订单")}


def actions_for(
    situation: Situation, options: Collection[str], allowed: Collection[str], stake: AtStake
) -> list[SuggestedAction]:
    """The actions that fit. `options` resolve the parked step, `allowed` are those of the API's `allowed_actions`."""
    if situation.state is State.NEEDS_ATTENTION:
        code = situation.code.partition(".")[0]
        return _resolving(Step(situation.step), code, options, allowed, stake)
    names = _BY_STATE.get(situation.state)
    if names is None:
        names = tuple(name for name in ("pay", "reship", "refund_lost") if name in allowed)
    return [_named(name, stake) for name in names if name != "cancel" or name in allowed]


def _resolving(
    step: Step, code: str, options: Collection[str], allowed: Collection[str], stake: AtStake
) -> list[SuggestedAction]:
    """The best for the case first."""
    own = [_named(name, stake) for name in _UNDELIVERED if step is Step.DELIVER and name in allowed]
    best = _BEST.get(code)
    offered = sorted(
        (action for action in STEPS[step].options if action.value in options),
        key=lambda action: (action is not best, _ORDER.index(action)),
    )
    if own:
        offered = [action for action in offered if action not in (Action.COMPENSATE, Action.GIVE_UP)]
    return own + [_named(case_of(step, action), stake, action) for action in offered]


def case_of(step: Step, action: Action) -> str:
    """The code of what `action` means at `step`."""
    return _RESOLVING.get((step, action), "cancel_and_refund")


def _named(code: str, stake: AtStake, action: str = "") -> SuggestedAction:
    return SuggestedAction(action or code, code, _amount(code, stake), stake.refund_minor == 0)


def _amount(code: str, stake: AtStake) -> int | None:
    match code:
        case "approve_payment" | "decline_and_cancel":
            return stake.authorised_minor
        case "cancel_and_refund" | "cancel":
            return stake.refund_minor + stake.authorised_minor
        case "refund_lost":
            return None if stake.in_parts else stake.refund_minor
        case _:
            return None


def label(action: SuggestedAction, lang: str, currency: str) -> str:
    """The words on the button, with the amount that it refunds."""
    words = LABELS_WITH_AMOUNT.get(action.code) if action.amount_minor else None
    return _filled(words or LABELS[action.code], action, lang, currency)


def consequence(action: SuggestedAction, lang: str, currency: str) -> str:
    """What the action does; empty where the label says it."""
    words = CONSEQUENCES.get(action.code)
    if action.not_captured:
        words = _NOT_CAPTURED.get(action.code, words)
    if action.amount_minor == 0:
        words = _WITHOUT_AMOUNT.get(action.code)
    return _filled(words, action, lang, currency) if words else ""


def _filled(words: tuple[str, str], action: SuggestedAction, lang: str, currency: str) -> str:
    amount = shown(action.amount_minor, currency, lang) if action.amount_minor is not None else ""
    return words[LANGUAGES.index(lang)].format(amount=amount)
