-- What staff did to a running activity. Temporal keeps no event of it, so the books do.

CREATE TABLE activity_acts (
  act_id      text PRIMARY KEY,
  order_no    text NOT NULL REFERENCES orders,
  activity    text NOT NULL CHECK (length(activity) BETWEEN 1 AND 200),  -- its type, as Temporal names it
  action      text NOT NULL CHECK (action IN ('retry_now', 'pause', 'unpause', 'set_timeout')),
  timeout_s   integer CHECK (timeout_s BETWEEN 1 AND 3600),
  actor       text NOT NULL,
  reason_enc  bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CHECK ((action = 'set_timeout') = (timeout_s IS NOT NULL))
);
CREATE INDEX activity_acts_order ON activity_acts (order_no, created_at DESC);
CREATE TRIGGER activity_acts_append_only BEFORE UPDATE OR DELETE ON activity_acts
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE FUNCTION audit_activity_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, after, reference)
  VALUES (NEW.actor, 'activity_' || NEW.action, NEW.order_no, concat_ws(' ', NEW.activity, NEW.timeout_s || ' s'), NEW.act_id);
  RETURN NULL;
END $$;
CREATE TRIGGER activity_act_audited AFTER INSERT ON activity_acts FOR EACH ROW EXECUTE FUNCTION audit_activity_act();

GRANT SELECT, INSERT ON activity_acts TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
