-- Who did what, to which order, from what to what: append-only, and chained so that a change afterwards shows.

CREATE TABLE audit_chains (                -- one chain per order and one per member of staff: orders do not wait for each other
  kind   text NOT NULL CHECK (kind IN ('order', 'actor')),
  key    text NOT NULL,
  count  bigint NOT NULL CHECK (count > 0),
  head   bytea NOT NULL,                   -- the hash of the chain's newest entry
  PRIMARY KEY (kind, key)
) WITH (fillfactor = 70);

CREATE TABLE audit_log (
  entry_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurred_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor        text NOT NULL,              -- role:name, or system
  action       text NOT NULL,
  order_no     text,
  before       text,
  after        text,
  reference    text,                       -- where the rest is: an event's number, a resolution, a job; reasons stay sealed there
  order_count  bigint,                     -- this entry's number and hash in its order's chain
  order_hash   bytea,
  actor_count  bigint,                     -- and in its member of staff's
  actor_hash   bytea,
  CHECK ((order_no IS NULL) = (order_hash IS NULL))
);
CREATE UNIQUE INDEX audit_log_order ON audit_log (order_no, order_count) WHERE order_no IS NOT NULL;
CREATE UNIQUE INDEX audit_log_actor ON audit_log (actor, actor_count) WHERE actor_count IS NOT NULL;

-- hash = sha256(hash of the entry before in the chain, then each field as LENGTH:BYTES, the time in microseconds).
CREATE FUNCTION chain_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  field text;
  content bytea := '';
BEGIN
  NEW.occurred_at := clock_timestamp();
  FOREACH field IN ARRAY ARRAY[(extract(epoch FROM NEW.occurred_at) * 1000000)::bigint::text, NEW.actor, NEW.action,
      coalesce(NEW.order_no, ''), coalesce(NEW.before, ''), coalesce(NEW.after, ''), coalesce(NEW.reference, '')] LOOP
    content := content || convert_to(octet_length(field) || ':' || field, 'UTF8');
  END LOOP;
  IF NEW.order_no IS NOT NULL THEN
    INSERT INTO audit_chains AS c VALUES ('order', NEW.order_no, 1, sha256(content))
      ON CONFLICT (kind, key) DO UPDATE SET count = c.count + 1, head = sha256(c.head || content)
      RETURNING count, head INTO NEW.order_count, NEW.order_hash;
  END IF;
  IF split_part(NEW.actor, ':', 1) IN ('support', 'warehouse', 'finance', 'operations', 'admin') THEN
    INSERT INTO audit_chains AS c VALUES ('actor', NEW.actor, 1, sha256(content))
      ON CONFLICT (kind, key) DO UPDATE SET count = c.count + 1, head = sha256(c.head || content)
      RETURNING count, head INTO NEW.actor_count, NEW.actor_hash;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_chained BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION chain_audit();
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER audit_log_not_emptied BEFORE TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

-- Whoever writes the fact writes its audit entry: nobody can forget it.
CREATE FUNCTION audit_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, before, after, reference)
  VALUES (NEW.actor, NEW.type, NEW.order_no, NEW.from_status, NEW.to_status, NEW.seq::text);
  RETURN NULL;
END $$;
CREATE TRIGGER order_event_audited AFTER INSERT ON order_events FOR EACH ROW
  WHEN (NEW.to_status IS NOT NULL OR NEW.actor <> 'system') EXECUTE FUNCTION audit_event();

CREATE FUNCTION audit_resolution() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (NEW.actor, 'resolve_' || NEW.action, NEW.order_no, NEW.resolution_id);
  RETURN NULL;
END $$;
CREATE TRIGGER resolution_audited AFTER INSERT ON resolutions FOR EACH ROW EXECUTE FUNCTION audit_resolution();

CREATE FUNCTION audit_job() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO audit_log (actor, action, after, reference)
    VALUES (NEW.actor, 'bulk_' || NEW.action, NEW.total || ' orders', NEW.job_id);
  ELSE
    INSERT INTO audit_log (actor, action, before, after, reference)
    VALUES (coalesce(NEW.stopped_by, 'system'), 'bulk_' || NEW.state, OLD.state, NEW.state, NEW.job_id);
  END IF;
  RETURN NULL;
END $$;
ALTER TABLE support_jobs ADD COLUMN stopped_by text;
CREATE TRIGGER job_audited AFTER INSERT ON support_jobs FOR EACH ROW EXECUTE FUNCTION audit_job();
CREATE TRIGGER job_end_audited AFTER UPDATE OF state ON support_jobs FOR EACH ROW
  WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION audit_job();

CREATE FUNCTION audit_stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, after, reference)
  VALUES (NEW.actor, 'stock_' || NEW.kind, NEW.sku || ' ' || NEW.warehouse || ' ' || NEW.quantity, NEW.movement_id::text);
  RETURN NULL;
END $$;
CREATE TRIGGER stock_audited AFTER INSERT ON stock_movements FOR EACH ROW
  WHEN (NEW.kind IN ('receipt', 'adjustment', 'transfer_out', 'transfer_in')) EXECUTE FUNCTION audit_stock();

CREATE FUNCTION audit_staff() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, before, after, reference)
  VALUES ('system', CASE WHEN TG_OP = 'INSERT' THEN 'staff_added' WHEN NOT NEW.active THEN 'staff_removed' ELSE 'staff_reset' END,
          CASE WHEN TG_OP = 'UPDATE' THEN OLD.role END, NEW.role, NEW.name);
  RETURN NULL;
END $$;
CREATE TRIGGER staff_audited AFTER INSERT OR UPDATE OF role, password_hash, active ON staff
  FOR EACH ROW EXECUTE FUNCTION audit_staff();

CREATE FUNCTION audit_sign_in() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, after)
  SELECT p.role || ':' || p.name, 'signed_in', NEW.address FROM staff p WHERE p.name = NEW.name;
  RETURN NULL;
END $$;
CREATE TRIGGER sign_in_audited AFTER INSERT ON staff_sessions FOR EACH ROW EXECUTE FUNCTION audit_sign_in();

GRANT SELECT ON audit_log, audit_chains TO oms_app;
GRANT INSERT (actor, action, order_no, before, after, reference) ON audit_log TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
