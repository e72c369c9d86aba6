-- What is decided on a parcel that was lost or refused is an act with a reason, as other acts on an order are.

ALTER TABLE order_acts DROP CONSTRAINT order_acts_action_check,
  ADD CONSTRAINT order_acts_action_check CHECK (action IN ('prioritise', 'adjust', 'parcel'));
COMMENT ON COLUMN order_acts.detail IS 'the new priority, the event of the lifecycle, or reship or refund';
