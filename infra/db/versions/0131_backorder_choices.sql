-- A promised date of what an order waits for has slipped: the customer waits on or cancels it. Who has not decided in time
-- gets the default.
CREATE TABLE backorder_choices (
  order_no      text NOT NULL REFERENCES orders,
  slip          integer NOT NULL CHECK (slip BETWEEN 1 AND 1000),
  number        integer,
  promised_from timestamptz NOT NULL,
  promised_to   timestamptz NOT NULL,
  decide_by     timestamptz NOT NULL,
  choice        text,
  chosen_by     text,
  chosen_at     timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (order_no, slip),
  FOREIGN KEY (order_no, number) REFERENCES fulfilments (order_no, number),
  CONSTRAINT backorder_choices_later CHECK (promised_to > promised_from),
  CONSTRAINT backorder_choices_choice CHECK (choice IN ('wait', 'cancel')),
  CONSTRAINT backorder_choices_decided CHECK ((choice IS NULL) = (chosen_by IS NULL)
    AND (choice IS NULL) = (chosen_at IS NULL))
);
CREATE UNIQUE INDEX backorder_choices_open ON backorder_choices (order_no) WHERE choice IS NULL;
CREATE INDEX backorder_choices_due ON backorder_choices (decide_by) WHERE choice IS NULL;

CREATE FUNCTION guard_backorder_choice() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'a choice that was made stands' USING ERRCODE = 'OM003';
END $$;
REVOKE EXECUTE ON FUNCTION guard_backorder_choice() FROM PUBLIC;
CREATE TRIGGER backorder_choice_stands BEFORE UPDATE ON backorder_choices
  FOR EACH ROW WHEN (OLD.choice IS NOT NULL) EXECUTE FUNCTION guard_backorder_choice();
CREATE TRIGGER backorder_choices_kept BEFORE DELETE ON backorder_choices
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER backorder_choice_audited AFTER UPDATE ON backorder_choices
  FOR EACH ROW EXECUTE FUNCTION audit_row('backorder_choice', 'order_no', 'slip choice chosen_by');

GRANT SELECT ON backorder_choices TO oms_app;
GRANT INSERT (decide_by, number, order_no, promised_from, promised_to, slip) ON backorder_choices TO oms_app;
GRANT UPDATE (choice, chosen_at, chosen_by) ON backorder_choices TO oms_app;

ALTER TABLE staff_actions DROP CONSTRAINT staff_actions_action_check,
  ADD CONSTRAINT staff_actions_action_check
  CHECK (action IN ('prioritise', 'adjust', 'parcel', 'contact', 'warehouse', 'backorder')) NOT VALID;
