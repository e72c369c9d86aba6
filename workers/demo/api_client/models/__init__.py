# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
"""Contains all the data models used in inputs/outputs"""

from .action import Action
from .address import Address
from .adjustment import Adjustment
from .already_refunded import AlreadyRefunded
from .answer_problem import AnswerProblem
from .answer_problem_choice import AnswerProblemChoice
from .ask_return import AskReturn
from .backorder_question import BackorderQuestion
from .booked_adjustment import BookedAdjustment
from .booked_receipt import BookedReceipt
from .cancel_consequence import CancelConsequence
from .cancel_order import CancelOrder
from .cancel_preview import CancelPreview
from .cancelled_order import CancelledOrder
from .capture_mode import CaptureMode
from .condition import Condition
from .contact import Contact
from .count_line import CountLine
from .count_status import CountStatus
from .counted_line import CountedLine
from .counted_units import CountedUnits
from .customer import Customer
from .customer_credit import CustomerCredit
from .customer_language_type_0 import CustomerLanguageType0
from .delivered_by import DeliveredBy
from .delivery_slot import DeliverySlot
from .demand_pattern import DemandPattern
from .destination import Destination
from .exchange import Exchange
from .exchange_line import ExchangeLine
from .exchange_status import ExchangeStatus
from .found_line import FoundLine
from .found_line_condition import FoundLineCondition
from .found_pieces import FoundPieces
from .fulfilment import Fulfilment
from .fulfilment_kind import FulfilmentKind
from .fulfilment_line import FulfilmentLine
from .fulfilment_progress import FulfilmentProgress
from .fulfilment_state import FulfilmentState
from .fulfilment_status import FulfilmentStatus
from .guarantee import Guarantee
from .guarantee_status import GuaranteeStatus
from .hold_kind import HoldKind
from .inspected_pieces import InspectedPieces
from .kept_amount import KeptAmount
from .kept_amount_what import KeptAmountWhat
from .kept_amount_why import KeptAmountWhy
from .lateness import Lateness
from .line import Line
from .list_orders_sort import ListOrdersSort
from .needs_attention import NeedsAttention
from .new_count import NewCount
from .new_product import NewProduct
from .new_product_names import NewProductNames
from .new_transfer import NewTransfer
from .new_warehouse import NewWarehouse
from .open_refund import OpenRefund
from .opened_approval import OpenedApproval
from .opened_refund import OpenedRefund
from .order import Order
from .order_hold import OrderHold
from .order_line import OrderLine
from .order_page import OrderPage
from .order_payment import OrderPayment
from .order_payment_kind import OrderPaymentKind
from .order_payment_purpose import OrderPaymentPurpose
from .order_payment_status import OrderPaymentStatus
from .order_refund import OrderRefund
from .order_return import OrderReturn
from .order_return_label import OrderReturnLabel
from .order_row import OrderRow
from .order_row_matched_item import OrderRowMatchedItem
from .order_shipment import OrderShipment
from .order_shipment_status import OrderShipmentStatus
from .order_timeline import OrderTimeline
from .origin import Origin
from .outcome import Outcome
from .owner import Owner
from .payment import Payment
from .payment_state import PaymentState
from .payment_taken import PaymentTaken
from .payment_taken_outcome import PaymentTakenOutcome
from .pending_change import PendingChange
from .pick_lines import PickLines
from .picked_line import PickedLine
from .pieces_of_sku import PiecesOfSku
from .pieces_on_return import PiecesOnReturn
from .place_order import PlaceOrder
from .place_order_type import PlaceOrderType
from .placed_order import PlacedOrder
from .previewed_exchange import PreviewedExchange
from .previewed_line import PreviewedLine
from .previewed_refund import PreviewedRefund
from .priority import Priority
from .problem import Problem
from .problem_answered import ProblemAnswered
from .problem_answered_choice import ProblemAnsweredChoice
from .problem_answered_parcel import ProblemAnsweredParcel
from .problem_errors_item import ProblemErrorsItem
from .product import Product
from .product_kind import ProductKind
from .product_names import ProductNames
from .put_replenishment_rule import PutReplenishmentRule
from .reason import Reason
from .receipt import Receipt
from .receive_transfer import ReceiveTransfer
from .received_transfer import ReceivedTransfer
from .refund_consequence import RefundConsequence
from .refund_line import RefundLine
from .refund_preview import RefundPreview
from .refund_status import RefundStatus
from .refunded_line import RefundedLine
from .refused_resolution import RefusedResolution
from .replenishment_rule import ReplenishmentRule
from .replenishment_run import ReplenishmentRun
from .resolution import Resolution
from .resolve import Resolve
from .resolve_value_type_0 import ResolveValueType0
from .resolved_step import ResolvedStep
from .return_ import Return
from .return_allowed_actions_item import ReturnAllowedActionsItem
from .return_consequence import ReturnConsequence
from .return_due import ReturnDue
from .return_label import ReturnLabel
from .return_line import ReturnLine
from .return_preview import ReturnPreview
from .return_refund import ReturnRefund
from .return_status import ReturnStatus
from .returned_line import ReturnedLine
from .returned_line_inspected import ReturnedLineInspected
from .returned_line_received import ReturnedLineReceived
from .set_credit import SetCredit
from .ship_to import ShipTo
from .ship_transfer import ShipTransfer
from .shipment_scan import ShipmentScan
from .shipment_status import ShipmentStatus
from .shortage import Shortage
from .situation import Situation
from .situation_action import SituationAction
from .sku_quantity import SkuQuantity
from .slot import Slot
from .start_replenishment_run import StartReplenishmentRun
from .state import State
from .status import Status
from .stock_count import StockCount
from .stock_level import StockLevel
from .stock_levels import StockLevels
from .suggestion import Suggestion
from .suggestion_page import SuggestionPage
from .tax_category import TaxCategory
from .timeline_event import TimelineEvent
from .timeline_event_data import TimelineEventData
from .transfer import Transfer
from .transfer_line import TransferLine
from .transfer_status import TransferStatus
from .waiting_for import WaitingFor
from .wanted_units import WantedUnits
from .warehouse import Warehouse
from .warehouse_kind import WarehouseKind
from .worked_fulfilment import WorkedFulfilment
from .worked_line import WorkedLine

__all__ = (
    "Action",
    "Address",
    "Adjustment",
    "AlreadyRefunded",
    "AnswerProblem",
    "AnswerProblemChoice",
    "AskReturn",
    "BackorderQuestion",
    "BookedAdjustment",
    "BookedReceipt",
    "CancelConsequence",
    "CancelledOrder",
    "CancelOrder",
    "CancelPreview",
    "CaptureMode",
    "Condition",
    "Contact",
    "CountedLine",
    "CountedUnits",
    "CountLine",
    "CountStatus",
    "Customer",
    "CustomerCredit",
    "CustomerLanguageType0",
    "DeliveredBy",
    "DeliverySlot",
    "DemandPattern",
    "Destination",
    "Exchange",
    "ExchangeLine",
    "ExchangeStatus",
    "FoundLine",
    "FoundLineCondition",
    "FoundPieces",
    "Fulfilment",
    "FulfilmentKind",
    "FulfilmentLine",
    "FulfilmentProgress",
    "FulfilmentState",
    "FulfilmentStatus",
    "Guarantee",
    "GuaranteeStatus",
    "HoldKind",
    "InspectedPieces",
    "KeptAmount",
    "KeptAmountWhat",
    "KeptAmountWhy",
    "Lateness",
    "Line",
    "ListOrdersSort",
    "NeedsAttention",
    "NewCount",
    "NewProduct",
    "NewProductNames",
    "NewTransfer",
    "NewWarehouse",
    "OpenedApproval",
    "OpenedRefund",
    "OpenRefund",
    "Order",
    "OrderHold",
    "OrderLine",
    "OrderPage",
    "OrderPayment",
    "OrderPaymentKind",
    "OrderPaymentPurpose",
    "OrderPaymentStatus",
    "OrderRefund",
    "OrderReturn",
    "OrderReturnLabel",
    "OrderRow",
    "OrderRowMatchedItem",
    "OrderShipment",
    "OrderShipmentStatus",
    "OrderTimeline",
    "Origin",
    "Outcome",
    "Owner",
    "Payment",
    "PaymentState",
    "PaymentTaken",
    "PaymentTakenOutcome",
    "PendingChange",
    "PickedLine",
    "PickLines",
    "PiecesOfSku",
    "PiecesOnReturn",
    "PlacedOrder",
    "PlaceOrder",
    "PlaceOrderType",
    "PreviewedExchange",
    "PreviewedLine",
    "PreviewedRefund",
    "Priority",
    "Problem",
    "ProblemAnswered",
    "ProblemAnsweredChoice",
    "ProblemAnsweredParcel",
    "ProblemErrorsItem",
    "Product",
    "ProductKind",
    "ProductNames",
    "PutReplenishmentRule",
    "Reason",
    "Receipt",
    "ReceivedTransfer",
    "ReceiveTransfer",
    "RefundConsequence",
    "RefundedLine",
    "RefundLine",
    "RefundPreview",
    "RefundStatus",
    "RefusedResolution",
    "ReplenishmentRule",
    "ReplenishmentRun",
    "Resolution",
    "Resolve",
    "ResolvedStep",
    "ResolveValueType0",
    "Return",
    "ReturnAllowedActionsItem",
    "ReturnConsequence",
    "ReturnDue",
    "ReturnedLine",
    "ReturnedLineInspected",
    "ReturnedLineReceived",
    "ReturnLabel",
    "ReturnLine",
    "ReturnPreview",
    "ReturnRefund",
    "ReturnStatus",
    "SetCredit",
    "ShipmentScan",
    "ShipmentStatus",
    "ShipTo",
    "ShipTransfer",
    "Shortage",
    "Situation",
    "SituationAction",
    "SkuQuantity",
    "Slot",
    "StartReplenishmentRun",
    "State",
    "Status",
    "StockCount",
    "StockLevel",
    "StockLevels",
    "Suggestion",
    "SuggestionPage",
    "TaxCategory",
    "TimelineEvent",
    "TimelineEventData",
    "Transfer",
    "TransferLine",
    "TransferStatus",
    "WaitingFor",
    "WantedUnits",
    "Warehouse",
    "WarehouseKind",
    "WorkedFulfilment",
    "WorkedLine",
)
