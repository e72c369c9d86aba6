"""The words of a situation in English and Chinese: `{code: (English, Chinese)}`."""

from collections.abc import Mapping

Words = Mapping[str, tuple[str, str]]
LANGUAGES = ("en", "zh")

SENTENCES: Words = {
    "reservation": ("Reserving stock", "正在预留库存"),
    "stock": ("Waiting for stock", "等待到货"),
    "backorder": ("Waiting for stock of the rest", "等待其余商品到货"),
    "production": ("Being made", "正在定制生产"),
    "codes": ("Issuing the codes", "正在发放兑换码"),
    "service": ("Waiting for the service to be performed", "等待服务完成"),
    "payment": ("Waiting for the customer's payment", "等待顾客付款"),
    "change_payment": ("Waiting for the customer to pay for a change", "等待顾客支付修改差额"),
    "carrier": ("Booking the carrier", "正在预约承运商"),
    "pickup": ("Waiting for the carrier to pick up", "等待承运商揽收"),
    "supplier": ("Waiting for the supplier to ship", "等待供应商发货"),
    "delivery": ("Waiting for the carrier to deliver", "等待承运商派送"),
    "return_window": ("Delivered; the return window is open", "已送达，处于退货期"),
    "returns": ("Waiting for open returns", "等待退货完成"),
    "terms_payment": ("Delivered; waiting for payment on terms", "已送达，等待账期付款"),
    "cancellation": ("Cancelling: stock is released and money returned", "正在取消：释放库存、退还款项"),
    "completed": ("Completed", "已完成"),
    "cancelled": ("Cancelled", "已取消"),
    "on_hold": ("On hold ({hold})", "已挂起（{hold}）"),
    "on_hold.by": ("On hold ({hold}), put on by {who}", "已挂起（{hold}），操作人 {who}"),
    "on_hold.rule": ("On hold ({hold}) by the rule for large orders", "已挂起（{hold}），由大额订单规则挂起"),
    "retrying": (
        "Retrying {step}: attempt {attempt} failed ({cause})",
        "正在重试{step}：第 {attempt} 次失败（{cause}）",
    ),
    "retrying.limited": (
        "Retrying {step}: attempt {attempt} of {most} failed ({cause})",
        "正在重试{step}：第 {attempt} 次失败，最多 {most} 次（{cause}）",
    ),
    "paused": ("{Step} paused after attempt {attempt} ({cause})", "{Step}已暂停，第 {attempt} 次尝试后（{cause}）"),
    "paused.by": (
        "{Step} paused by {who} after attempt {attempt} ({cause})",
        "{Step}已由 {who} 暂停，第 {attempt} 次尝试后（{cause}）",
    ),
    "paused.because": (
        "{Step} paused by {who}: “{reason}”, after attempt {attempt} ({cause})",
        "{Step}已由 {who} 暂停：“{reason}”，第 {attempt} 次尝试后（{cause}）",
    ),
    "step_failed": ("Needs attention: {step} failed ({cause})", "需要处理：{step}失败（{cause}）"),
    "step_failed.attempts": (
        "Needs attention: {step} failed ({cause}), {attempts} attempts",
        "需要处理：{step}失败（{cause}），已尝试 {attempts} 次",
    ),
    "address_refused": ("Needs attention: the carrier refused the address", "需要处理：承运商拒绝该地址"),
    "fraud_review": ("Needs attention: the payment provider asks for a review", "需要处理：支付服务商要求人工审核"),
    "parcel_lost": ("Delivery failed: the carrier lost the parcel", "派送失败：承运商丢失包裹"),
    "parcel_refused": ("Delivery failed: the recipient refused the parcel", "派送失败：收件人拒收包裹"),
    "parcel_lost.parcel": ("Delivery failed: the carrier lost parcel {parcel}", "派送失败：承运商丢失包裹 {parcel}"),
    "parcel_refused.parcel": (
        "Delivery failed: the recipient refused parcel {parcel}",
        "派送失败：收件人拒收包裹 {parcel}",
    ),
    "no_pickup": ("Needs attention: the carrier did not pick up in time", "需要处理：承运商未按时揽收"),
    "no_delivery": ("Needs attention: the carrier did not deliver in time", "需要处理：承运商未按时送达"),
    "supplier_silent": ("Needs attention: the supplier did not ship in time", "需要处理：供应商未按时发货"),
    "supplier_refused": (
        "Needs attention: the supplier does not ship, and nobody else has everything",
        "需要处理：供应商拒绝发货，且其他仓库无法全部发货",
    ),
    "supplier_asked": (
        "Needs attention: the supplier was asked to recall the parcel and has not answered",
        "需要处理：已请求供应商拦截包裹，尚未答复",
    ),
    "production_late": ("Needs attention: what is made to order is late", "需要处理：定制生产逾期"),
    "codes_short": ("Needs attention: codes are missing in the pool", "需要处理：兑换码不足"),
    "refund_bounced": ("Needs attention: the customer's bank returned the refund", "需要处理：退款被顾客的银行退回"),
    "workflow_error": ("Workflow error: engineers are alerted", "工作流错误：已通知工程师"),
    "workflow_error.version": (
        "Workflow error in version {version}: engineers are alerted",
        "版本 {version} 的工作流错误：已通知工程师",
    ),
}

# Before the sentence of a split order: how many parts have left; and which the sentence is about, where not all.
PARTS: Words = {
    "": ("{shipped} of {total} shipped; ", "已发货 {shipped}/{total}；"),
    "one": ("{shipped} of {total} shipped; part {about}: ", "已发货 {shipped}/{total}；第 {about} 部分："),
    "some": ("{shipped} of {total} shipped; parts {about}: ", "已发货 {shipped}/{total}；第 {about} 部分："),
}

# The short form for a row of a list: the state and its cause, without times and amounts. A code without one here has
# its sentence, that of its kind where the code has an addition (`on_hold.by`).
SUMMARIES: Words = {
    "payment": ("Waiting for payment", "等待付款"),
    "change_payment": ("Waiting for payment of a change", "等待修改差额付款"),
    "pickup": ("Waiting for pick-up", "等待揽收"),
    "supplier": ("Waiting for the supplier", "等待供应商"),
    "delivery": ("Waiting for delivery", "等待派送"),
    "return_window": ("Return window is open", "处于退货期"),
    "cancellation": ("Cancelling", "正在取消"),
    "retrying": ("Retrying {step}: attempt {attempt}", "正在重试{step}：第 {attempt} 次"),
    "retrying.limited": ("Retrying {step}: {attempt} of {most}", "正在重试{step}：{attempt}/{most}"),
    "paused": ("{Step} paused", "{Step}已暂停"),
    "step_failed": ("Needs attention: {step} failed", "需要处理：{step}失败"),
    "address_refused": ("Needs attention: address refused", "需要处理：地址被拒"),
    "fraud_review": ("Needs attention: payment review", "需要处理：支付审核"),
    "parcel_lost": ("Delivery failed: parcel lost", "派送失败：包裹丢失"),
    "parcel_refused": ("Delivery failed: parcel refused", "派送失败：包裹被拒收"),
    "no_pickup": ("Needs attention: not picked up in time", "需要处理：未按时揽收"),
    "no_delivery": ("Needs attention: not delivered in time", "需要处理：未按时送达"),
    "supplier_silent": ("Needs attention: supplier did not ship", "需要处理：供应商未发货"),
    "supplier_refused": ("Needs attention: supplier does not ship", "需要处理：供应商拒绝发货"),
    "supplier_asked": ("Needs attention: recall at the supplier", "需要处理：等待供应商拦截"),
    "production_late": ("Needs attention: production is late", "需要处理：生产逾期"),
    "codes_short": ("Needs attention: codes are missing", "需要处理：兑换码不足"),
    "refund_bounced": ("Needs attention: refund returned by the bank", "需要处理：退款被银行退回"),
    "workflow_error": ("Workflow error", "工作流错误"),
}

# How a sentence ends where the situation has a time; `then` names the ending, or fills the general one.
ENDINGS: Words = {
    "": (", until {until}", "，截至 {until}"),
    "next_attempt": ("; next attempt {until}", "；下次尝试 {until}"),
    "escalates": (". Escalates to operations at {until}", "。{until} 升级给运营"),
    "decides": (
        ". {Owner} decides by {until}; if nobody does, {then}",
        "。由{Owner}在 {until} 前决定；逾期未决则{then}",
    ),
    "then": (", until {until}; then {then}", "，截至 {until}；之后{then}"),
}

# Since when it stands so, before the ending.
SINCE = (", since {since}", "，自 {since} 起")

THEN: Words = {
    "stock_reserved": ("stock is reserved", "预留库存"),
    "carrier_booked": ("the carrier is booked", "预约承运商"),
    "carrier_delivers": ("the carrier delivers", "承运商派送"),
    "support_alerted": ("support is alerted", "通知客服"),
    "change_cancelled": ("the change is cancelled", "撤销该修改"),
    "completed": ("the order is completed", "订单完成"),
    "cancelled": ("the order is cancelled", "取消订单"),
    "warehouse_alerted": ("the warehouse is alerted", "通知仓库"),
    "codes_sent": ("the codes are sent", "发送兑换码"),
    "performed": ("it counts as performed", "视为已完成"),
    "missing_cancelled": ("the missing items are cancelled", "取消缺货商品"),
    "shows_cancelled": ("the order shows cancelled", "显示为已取消"),
    "continues": ("the order continues", "订单继续"),
    "next_attempt": ("it is tried again", "再次尝试"),
    "escalates": ("operations are alerted", "通知运营"),
}

STEPS: Words = {
    "authorise": ("payment authorisation", "支付授权"),
    "review": ("payment review", "支付审核"),
    "capture": ("payment capture", "扣款"),
    "book": ("carrier booking", "承运商预约"),
    "deliver": ("delivery", "派送"),
    "cancel_shipment": ("parcel recall", "包裹召回"),
    "return_payment": ("return of the payment", "退还款项"),
    "refund": ("refund", "退款"),
    "guarantee": ("guarantee", "押金担保"),
    "supplement": ("payment for the change", "修改差额付款"),
    "produce": ("production", "定制生产"),
    "issue_codes": ("issue of the codes", "发放兑换码"),
}

OWNERS: Words = {
    "support": ("support", "客服"),
    "finance": ("finance", "财务"),
    "warehouse": ("warehouse", "仓库"),
    "operations": ("operations", "运营"),
}

HOLDS: Words = {
    "risk": ("risk", "风险"),
    "address": ("address", "地址"),
    "stock": ("stock", "库存"),
    "payment": ("payment", "付款"),
    "manual": ("manual", "人工"),
}

# Causes that are met often; any other code is shown as it is. `http` is for every status that a provider answers.
ERRORS: Words = {
    "timeout": ("timeout", "超时"),
    "activity_timeout": ("timeout", "超时"),
    "connection": ("no connection to the provider", "无法连接服务商"),
    "bad_response": ("unreadable answer of the provider", "服务商返回无法识别"),
    "http": ("the provider answered {status}", "服务商返回 {status}"),
    "unexpected": ("unexpected error", "意外错误"),
    "database_busy": ("database busy", "数据库繁忙"),
    "database_unavailable": ("database unavailable", "数据库不可用"),
    "card_declined": ("card declined", "银行卡被拒"),
    "declined": ("declined", "被拒绝"),
    "insufficient_funds": ("insufficient funds", "余额不足"),
    "expired_card": ("card expired", "银行卡已过期"),
    "amount_too_large": ("amount too large", "金额过大"),
    "already_picked_up": ("already picked up", "已被揽收"),
    "address_refused": ("address refused", "地址被拒"),
    "address_invalid": ("invalid address", "地址无效"),
    "customs_not_supported": ("customs not supported", "不支持报关"),
    "not_found": ("not found at the provider", "服务商无此记录"),
    "refund_pending": ("refund pending at the provider", "退款处理中"),
    "void_pending": ("void pending at the provider", "撤销处理中"),
    "guarantee_pending": ("guarantee pending at the provider", "担保处理中"),
    "production_late": ("production is late", "生产逾期"),
    "codes_short": ("codes are missing", "兑换码不足"),
    "refund_bounced": ("refund returned by the bank", "退款被银行退回"),
}
