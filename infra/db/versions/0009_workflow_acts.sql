-- What staff did to whole workflows. Temporal knows only the act's id; who and why is kept here.

CREATE TABLE workflow_acts (
  act_id      text PRIMARY KEY,
  action      text NOT NULL CHECK (action IN ('reset', 'batch_reset', 'batch_stop')),
  order_no    text REFERENCES orders,      -- a reset of one order
  run_id      text,                        -- the run that it was asked for: once another runs there is nothing to do
  batch_id    text,                        -- a batch: its job in Temporal
  total       integer CHECK (total > 0),   -- how many failed when the batch was confirmed
  actor       text NOT NULL,
  data_key    bytea,                       -- wrapped; seals a batch's reason (an order's is under its customer's key)
  reason_enc  bytea,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CHECK ((action = 'reset') = (order_no IS NOT NULL)),
  CHECK ((action = 'reset') = (run_id IS NOT NULL)),
  CHECK ((action = 'reset') = (batch_id IS NULL)),
  CHECK ((action = 'batch_reset') = (total IS NOT NULL)),
  CHECK ((action = 'batch_reset') = (data_key IS NOT NULL)),
  CHECK ((action = 'batch_stop') = (reason_enc IS NULL))
);
CREATE INDEX workflow_acts_order ON workflow_acts (order_no, created_at DESC) WHERE order_no IS NOT NULL;
CREATE UNIQUE INDEX workflow_acts_batch ON workflow_acts (batch_id, action) WHERE batch_id IS NOT NULL;
CREATE INDEX workflow_acts_batches ON workflow_acts (created_at DESC) WHERE action = 'batch_reset';
CREATE TRIGGER workflow_acts_append_only BEFORE UPDATE OR DELETE ON workflow_acts
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE FUNCTION audit_workflow_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, after, reference)
  VALUES (NEW.actor, 'workflow_' || NEW.action, NEW.order_no, NEW.total || ' workflows', coalesce(NEW.batch_id, NEW.act_id));
  RETURN NULL;
END $$;
CREATE TRIGGER workflow_act_audited AFTER INSERT ON workflow_acts FOR EACH ROW EXECUTE FUNCTION audit_workflow_act();

-- Steps whose last attempt failed and that will be tried again. Written by the failure alone: an order without trouble
-- never touches it. A row counts while its order has not moved since (event_seq) or while it is paused.
CREATE TABLE failing_steps (
  order_no      text NOT NULL REFERENCES orders,
  activity      text NOT NULL,
  step          text NOT NULL,
  error         text NOT NULL,
  provider      text,
  attempt       integer NOT NULL CHECK (attempt > 0),
  max_attempts  integer NOT NULL CHECK (max_attempts >= 0),  -- 0: without limit
  event_seq     integer NOT NULL,
  since         timestamptz NOT NULL DEFAULT now(),
  failed_at     timestamptz NOT NULL DEFAULT now(),
  next_try_at   timestamptz NOT NULL,
  paused        boolean NOT NULL DEFAULT false,
  PRIMARY KEY (order_no, activity)
);
CREATE INDEX failing_steps_listed ON failing_steps ((NOT paused), since, order_no, activity);

CREATE FUNCTION forget_failing() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  DELETE FROM failing_steps WHERE order_no = NEW.order_no;
  RETURN NULL;
END $$;
CREATE TRIGGER failing_steps_over AFTER INSERT ON order_events FOR EACH ROW
  WHEN (NEW.type = 'step_parked' OR NEW.to_status IN ('completed', 'cancelled')) EXECUTE FUNCTION forget_failing();

GRANT SELECT, INSERT ON workflow_acts TO oms_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON failing_steps TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
