"""What the order's customer reads: the same situation, without what only staff can act on."""

from dataclasses import replace

from domain.orders.status import Status
from domain.situations.facts import SituationFacts
from domain.situations.parts import parts_of
from domain.situations.sentences import LANGUAGES, Words
from domain.situations.situation import UNDELIVERED, Moment, Owner, Situation, State, situation_of
from domain.situations.wording import ShowTime
from domain.support.steps import Step

# Before the sentence of an order that ships in several parts.
PARCELS_SENT = ("Parcels sent: {shipped} of {total}. ", "已发出 {shipped}/{total} 个包裹。")
# `{code}.until` is used where a time is known.
CUSTOMER_SENTENCES: Words = {
    "reservation": ("We are setting your goods aside.", "正在为您预留商品。"),
    "stock": ("We are waiting for goods to come in.", "正在等待商品到货。"),
    "stock.until": (
        "We are waiting for goods to come in. If they have not come by {until}, the order is cancelled and you pay"
        " nothing.",
        "正在等待商品到货。若到 {until} 仍未到货，订单将自动取消，您无需付款。",
    ),
    "backorder": ("Some of your items are on their way to us. They come later.", "部分商品正在到货途中，稍后发货。"),
    "backorder.until": (
        "Some of your items are on their way to us. If they have not come by {until}, they are cancelled and refunded.",
        "部分商品正在到货途中，稍后发货。若到 {until} 仍未到货，将取消这些商品并退款。",
    ),
    "production": ("Your items are being made for you.", "正在为您定制生产。"),
    "production.until": ("Your items are being made for you until {until}.", "正在为您定制生产，预计 {until} 前完成。"),
    "codes": ("We are issuing your codes.", "正在为您发放兑换码。"),
    "service": ("Your service is being performed.", "正在为您提供服务。"),
    "service.until": ("Your service is performed by {until}.", "服务将在 {until} 前完成。"),
    "payment": ("We are waiting for your payment.", "正在等待您付款。"),
    "payment.until": (
        "Please pay by {until}. After that the order is cancelled automatically, and nothing is charged.",
        "请在 {until} 前付款。逾期订单将自动取消，不会扣款。",
    ),
    "change_payment": ("We are waiting for your payment for the change.", "正在等待您支付修改差额。"),
    "change_payment.until": (
        "Please pay for the change by {until}. After that the change is cancelled, and the order continues as it was.",
        "请在 {until} 前支付修改差额。逾期将撤销该修改，订单照原样继续。",
    ),
    "carrier": ("We are booking the carrier.", "正在预约快递。"),
    "pickup": ("The parcel is waiting for the carrier.", "包裹等待快递揽收。"),
    "pickup.until": (
        "The parcel is waiting for the carrier. If it is not picked up by {until}, we look into it.",
        "包裹等待快递揽收。若到 {until} 仍未揽收，我们会主动跟进。",
    ),
    "supplier": ("The parcel is being prepared.", "包裹正在备货。"),
    "supplier.until": (
        "The parcel is being prepared. If it has not left by {until}, we look into it.",
        "包裹正在备货。若到 {until} 仍未发出，我们会主动跟进。",
    ),
    "delivery": ("The carrier has the parcel.", "快递正在派送。"),
    "delivery.until": (
        "The carrier has the parcel. If it has not arrived by {until}, we look into it.",
        "快递正在派送。若到 {until} 仍未送达，我们会主动跟进。",
    ),
    "return_window": ("You can still return items.", "您仍可申请退货。"),
    "return_window.until": ("You can return items until {until}.", "您可在 {until} 前申请退货。"),
    "returns": ("A return is still open.", "退货尚未完成。"),
    "terms_payment": ("Please pay what you owe for this order.", "请支付此订单的应付金额。"),
    "terms_payment.until": (
        "Please pay what you owe for this order by {until}.",
        "请于 {until} 前支付此订单的应付金额。",
    ),
    "cancellation": (
        "We are cancelling the order: your money is returned, then it shows as cancelled.",
        "正在取消订单：退款完成后将显示为已取消。",
    ),
    "on_hold": (
        "We are checking something about this order. You do not need to do anything.",
        "我们正在核对此订单，您无需操作。",
    ),
    "on_hold.until": (
        "We are checking something about this order and decide by {until}. You do not need to do anything.",
        "我们正在核对此订单，最迟于 {until} 处理完毕，您无需操作。",
    ),
    "looked_into": (
        "This takes longer than usual on our side. A colleague is looking into it; you do not need to do anything.",
        "我们这边处理时间较长，同事正在跟进，您无需操作。",
    ),
    "parcel_lost": (
        "The carrier lost your parcel. We can send it again or refund it.",
        "快递丢失了您的包裹，您可以选择重新发货或退款。",
    ),
    "parcel_refused": (
        "Your parcel was refused at the door. We can send it again or refund it.",
        "您的包裹被拒收，您可以选择重新发货或退款。",
    ),
    "completed": ("This order is completed.", "订单已完成。"),
    "cancelled": ("This order is cancelled.", "订单已取消。"),
}


def customers_situation(facts: SituationFacts) -> Situation:
    """The situation for the customer, who decides what happens to a parcel that did not arrive.

    A failure that is still tried is left out: it is no news to them.
    """
    found = _theirs(facts)
    return replace(found, parts=parts_of(facts, found.code)) if facts.parts else found


def _theirs(facts: SituationFacts) -> Situation:
    if facts.parked is not None:
        found = situation_of(replace(facts, workflow_error=None, parked=replace(facts.parked, parcel="")))
        if found.code in UNDELIVERED and facts.status is Status.SHIPPED and facts.cancelling is None:
            return Situation(State.NEEDS_ATTENTION, found.code, Owner.CUSTOMER, step=Step.DELIVER)
        return Situation(State.IN_PROGRESS, "looked_into", Owner.SUPPORT)
    if facts.workflow_error is not None or (facts.retrying is not None and facts.retrying.paused):
        return Situation(State.IN_PROGRESS, "looked_into", Owner.SUPPORT)
    found = situation_of(replace(facts, retrying=None))
    return replace(found, code="on_hold", values={}) if found.state is State.ON_HOLD else found


def customers_sentence(situation: Situation, lang: str, show_time: ShowTime, template: type[str] = str) -> str:
    """The sentence as the customer reads it; `template` as in `sentence`."""
    timed = f"{situation.code}.until"
    code = timed if situation.until and timed in CUSTOMER_SENTENCES else situation.code
    until = show_time(Moment(situation.until)) if situation.until else ""
    place, parts = LANGUAGES.index(lang), situation.parts
    sent = template(PARCELS_SENT[place]).format(shipped=parts.shipped, total=parts.total) if parts else template()
    return sent + template(CUSTOMER_SENTENCES[code][place]).format(until=until)
