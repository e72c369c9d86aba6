-- Anchors across the audit log's chains, where an act came from, and entries for what had none.

-- ── where from ──────────────────────────────────────────────────────────────────────────────────────────────
-- NULL in entries of before and of the system's own; an entry with one has it in its hash, as one more field.
ALTER TABLE audit_log ADD COLUMN origin text;

-- What a hash covers: each field as LENGTH:BYTES, the time in microseconds.
CREATE FUNCTION audit_field(value text) RETURNS text LANGUAGE sql STABLE
  RETURN octet_length(coalesce(value, '')) || ':' || coalesce(value, '');
CREATE FUNCTION audit_content(a audit_log) RETURNS bytea LANGUAGE sql STABLE
  RETURN convert_to(audit_field((extract(epoch FROM a.occurred_at) * 1000000)::bigint::text) || audit_field(a.actor)
    || audit_field(a.action) || audit_field(a.order_no) || audit_field(a.before) || audit_field(a.after)
    || audit_field(a.reference) || CASE WHEN a.origin IS NULL THEN '' ELSE audit_field(a.origin) END, 'UTF8');

-- Numbers are drawn by the trigger, not by the column: see chain_audit.
ALTER TABLE audit_log ALTER COLUMN entry_id DROP IDENTITY;
CREATE SEQUENCE audit_entries OWNED BY audit_log.entry_id;
SELECT setval('audit_entries', coalesce(max(entry_id), 0) + 1, false) FROM audit_log;

CREATE OR REPLACE FUNCTION chain_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  staff   boolean := split_part(NEW.actor, ':', 1) IN ('support', 'warehouse', 'finance', 'operations', 'admin');
  content bytea;
BEGIN
  -- First the transaction's id, then the number: whoever sees a later number sees this transaction at work as well. On
  -- that rests an anchor's knowledge of which missing numbers may still come.
  PERFORM pg_current_xact_id();
  NEW.entry_id := nextval('audit_entries'::regclass);
  NEW.occurred_at := clock_timestamp();
  -- A customer's address is nobody's business here, whatever a service says.
  NEW.origin := CASE WHEN staff OR NEW.actor = 'system' THEN nullif(left(current_setting('oms.origin', true), 100), '') END;
  content := audit_content(NEW);
  IF NEW.order_no IS NOT NULL THEN
    INSERT INTO audit_chains AS c VALUES ('order', NEW.order_no, 1, sha256(content))
      ON CONFLICT (kind, key) DO UPDATE SET count = c.count + 1, head = sha256(c.head || content)
      RETURNING count, head INTO NEW.order_count, NEW.order_hash;
  END IF;
  -- What belongs to no order is chained by who did it, the system too: every entry is in a chain.
  IF NEW.order_no IS NULL OR staff THEN
    INSERT INTO audit_chains AS c VALUES ('actor', NEW.actor, 1, sha256(content))
      ON CONFLICT (kind, key) DO UPDATE SET count = c.count + 1, head = sha256(c.head || content)
      RETURNING count, head INTO NEW.actor_count, NEW.actor_hash;
  END IF;
  RETURN NEW;
END $$;

-- ── anchors ─────────────────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE audit_chains DROP CONSTRAINT audit_chains_kind_check;
ALTER TABLE audit_chains ADD CONSTRAINT audit_chains_kind_check CHECK (kind IN ('order', 'actor', 'anchor'));

CREATE TABLE audit_anchors (               -- one chain over everything, made beside the orders
  anchor_no          bigint PRIMARY KEY CHECK (anchor_no > 0),
  made_at            timestamptz NOT NULL,
  entries            int8multirange NOT NULL CHECK (NOT isempty(entries)),  -- the numbers it covers, exactly
  count              bigint NOT NULL CHECK (count > 0),
  digest             bytea NOT NULL,       -- over those entries' numbers and hashes
  upto               bigint NOT NULL,      -- the highest number that any anchor so far has looked at
  outstanding        int8multirange NOT NULL,  -- numbers below it that were missing and may still come
  outstanding_until  xid8 NOT NULL,        -- once all transactions before this one are over, they will not
  hash               bytea NOT NULL        -- sha256(hash of the anchor before, its fields)
);
CREATE TRIGGER audit_anchors_append_only BEFORE UPDATE OR DELETE ON audit_anchors
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER audit_anchors_not_emptied BEFORE TRUNCATE ON audit_anchors
  FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

-- What an anchor's digest holds of an entry. Its hashes hold the contents; entries of before that are in no chain are
-- held by their contents themselves.
CREATE FUNCTION audit_anchored(a audit_log) RETURNS bytea LANGUAGE sql STABLE
  RETURN convert_to(audit_field(a.entry_id::text) || audit_field(encode(a.order_hash, 'hex'))
    || audit_field(encode(a.actor_hash, 'hex'))
    || CASE WHEN a.order_hash IS NULL AND a.actor_hash IS NULL THEN audit_field(encode(sha256(audit_content(a)), 'hex'))
            ELSE '' END, 'UTF8');

-- One more anchor over what none covers: up to `most` new entries and as many that came late. Gives nothing when there
-- is none, or when the newest is younger than `every_s` seconds and was not full. Must be a transaction of its own.
CREATE FUNCTION make_audit_anchor(most integer, every_s double precision) RETURNS SETOF audit_anchors
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  last    audit_anchors;
  made    audit_anchors;
  seen    pg_snapshot;
  newest  bigint;
  late    bigint;
  settled boolean;
BEGIN
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE EXCEPTION 'an anchor is a transaction of its own' USING ERRCODE = '25000';
  END IF;
  most := least(most, 10000);
  PERFORM pg_advisory_xact_lock(hashtextextended('audit_anchors', 0));  -- one maker at a time
  SELECT * INTO last FROM audit_anchors ORDER BY anchor_no DESC LIMIT 1;
  IF last.count < most AND last.made_at > clock_timestamp() - make_interval(secs => every_s) THEN
    RETURN;
  END IF;
  WITH late AS (
    -- The limit within keeps the planner from walking the whole log for want of knowing how narrow a gap is.
    SELECT f.* FROM unnest(last.outstanding) gap CROSS JOIN LATERAL (
      SELECT a.entry_id, audit_anchored(a) AS line
        FROM audit_log a WHERE a.entry_id >= lower(gap) AND a.entry_id < upper(gap) ORDER BY a.entry_id LIMIT most) f
     ORDER BY f.entry_id LIMIT most),
  fresh AS (
    SELECT a.entry_id, audit_anchored(a) AS line
      FROM audit_log a WHERE a.entry_id > coalesce(last.upto, 0) ORDER BY a.entry_id LIMIT most),
  found AS (SELECT * FROM late UNION ALL SELECT * FROM fresh)
  SELECT count(*), range_agg(int8range(entry_id, entry_id + 1)), sha256(string_agg(line, '' ORDER BY entry_id)),
         max(entry_id), pg_current_snapshot(), (SELECT count(*) FROM late)
    INTO made.count, made.entries, made.digest, newest, seen, late FROM found;
  IF made.count = 0 THEN
    RETURN;
  END IF;
  -- What was missing before and is missing now, while everybody who could have drawn the number is gone, never comes:
  -- it was rolled back.
  settled := coalesce(late < most AND pg_snapshot_xmin(seen) >= last.outstanding_until, false);
  made.anchor_no := coalesce(last.anchor_no, 0) + 1;
  made.made_at := clock_timestamp();
  made.upto := greatest(coalesce(last.upto, 0), newest);
  made.outstanding := CASE WHEN settled THEN '{}' ELSE coalesce(last.outstanding, '{}') END
    + int8multirange(int8range(coalesce(last.upto, 0) + 1, made.upto + 1)) - made.entries;
  -- Taken here for the first time, and so after the look: above the id of everybody who had drawn a number by then.
  -- (A snapshot's own end is one above the highest id that is over; somebody younger may hold a lower number.)
  made.outstanding_until := pg_current_xact_id();
  made.hash := sha256(coalesce(last.hash, '') || convert_to(audit_field(made.anchor_no::text)
    || audit_field((extract(epoch FROM made.made_at) * 1000000)::bigint::text) || audit_field(made.entries::text)
    || audit_field(made.count::text) || audit_field(encode(made.digest, 'hex')) || audit_field(made.upto::text)
    || audit_field(made.outstanding::text) || audit_field(made.outstanding_until::text), 'UTF8'));
  INSERT INTO audit_anchors SELECT made.*;
  INSERT INTO audit_chains AS c VALUES ('anchor', '', 1, made.hash)
    ON CONFLICT (kind, key) DO UPDATE SET count = c.count + 1, head = made.hash;
  RETURN NEXT made;
END $$;

-- ── entries for what had none ───────────────────────────────────────────────────────────────────────────────
-- Who acts is said once per transaction (oms.actor); a change that names nobody is the system's.
CREATE FUNCTION acting() RETURNS text LANGUAGE sql STABLE
  RETURN coalesce(nullif(current_setting('oms.actor', true), ''), 'system');

-- A row as it was and as it is, in JSON: all of `fields` when it is added, else those that changed.
CREATE FUNCTION audit_fields(old_row jsonb, new_row jsonb, fields text[]) RETURNS text[] LANGUAGE sql STABLE
  RETURN (SELECT ARRAY[CASE WHEN old_row IS NOT NULL THEN jsonb_object_agg(f, old_row -> f)::text END,
                       jsonb_object_agg(f, new_row -> f)::text]
            FROM unnest(fields) f WHERE old_row IS NULL OR old_row -> f IS DISTINCT FROM new_row -> f);

-- Arguments: what the row is, the column that names it, the columns that count.
CREATE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  fields  text[] := string_to_array(TG_ARGV[2], ' ');
  said    text[];
BEGIN
  IF TG_OP = 'DELETE' THEN
    said := ARRAY[(audit_fields(NULL, old_row, fields))[2], NULL];
  ELSE
    said := audit_fields(old_row, new_row, fields);
  END IF;
  IF TG_OP <> 'UPDATE' OR said[2] IS NOT NULL THEN
    INSERT INTO audit_log (actor, action, before, after, reference)
    VALUES (acting(), TG_ARGV[0] || CASE TG_OP WHEN 'INSERT' THEN '_added' WHEN 'UPDATE' THEN '_changed' ELSE '_removed' END,
            said[1], said[2], coalesce(new_row, old_row) ->> TG_ARGV[1]);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER product_audited AFTER INSERT OR UPDATE ON products FOR EACH ROW
  EXECUTE FUNCTION audit_row('product', 'sku', 'name price_minor currency active weight_g');
CREATE TRIGGER warehouse_audited AFTER INSERT OR UPDATE ON warehouses FOR EACH ROW
  EXECUTE FUNCTION audit_row('warehouse', 'code', 'name country province city priority is_default');
CREATE TRIGGER webhook_endpoint_audited AFTER INSERT OR UPDATE OR DELETE ON webhook_endpoints FOR EACH ROW
  EXECUTE FUNCTION audit_row('webhook_endpoint', 'endpoint_id', 'url event_types active');

-- Reservations move levels all the time; only what people set is said.
CREATE FUNCTION audit_safety_stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, before, after, reference)
  VALUES (acting(), 'safety_stock_set', OLD.safety_stock::text, NEW.safety_stock::text, NEW.sku || ' ' || NEW.warehouse);
  RETURN NULL;
END $$;
CREATE TRIGGER safety_stock_audited AFTER UPDATE OF safety_stock ON stock_levels FOR EACH ROW
  WHEN (NEW.safety_stock <> OLD.safety_stock) EXECUTE FUNCTION audit_safety_stock();

CREATE FUNCTION audit_payment_request() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, after, reference)
  VALUES (NEW.actor, 'payment_asked', NEW.order_no, NEW.method, NEW.request_id);
  RETURN NULL;
END $$;
-- What is paid with the order itself is part of placing it.
CREATE TRIGGER payment_request_audited AFTER INSERT ON payment_requests FOR EACH ROW
  WHEN (NEW.attempt IS NULL AND split_part(NEW.actor, ':', 1) IN ('support', 'warehouse', 'finance', 'operations', 'admin'))
  EXECUTE FUNCTION audit_payment_request();

-- The event that follows may be the workflow's; the act itself says where from, and where the reason is.
CREATE FUNCTION audit_order_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, after, reference)
  VALUES (NEW.actor, 'order_' || NEW.action, NEW.order_no, NEW.detail, NEW.act_id);
  RETURN NULL;
END $$;
CREATE TRIGGER order_act_audited AFTER INSERT ON order_acts FOR EACH ROW EXECUTE FUNCTION audit_order_act();

CREATE FUNCTION audit_session_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  person text := (SELECT p.role || ':' || p.name FROM staff p WHERE p.name = OLD.name);
BEGIN
  INSERT INTO audit_log (actor, action, reference)
  VALUES (acting(), CASE WHEN acting() = person THEN 'signed_out' ELSE 'session_ended' END, OLD.name);
  RETURN NULL;
END $$;
CREATE TRIGGER session_end_audited AFTER DELETE ON staff_sessions FOR EACH ROW EXECUTE FUNCTION audit_session_end();

-- Only names that somebody has: what else is typed there may be a password.
CREATE FUNCTION audit_lockout() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, after, reference)
  SELECT 'system', 'sign_in_locked', NEW.failures || ' attempts', p.name FROM staff p WHERE p.name = NEW.name;
  RETURN NULL;
END $$;
CREATE TRIGGER lockout_audited AFTER UPDATE ON sign_in_attempts FOR EACH ROW
  WHEN (NEW.locked_until > NEW.tried_at) EXECUTE FUNCTION audit_lockout();

GRANT SELECT ON audit_anchors TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_audit_anchor(integer, double precision) TO oms_app;
