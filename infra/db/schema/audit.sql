-- Audit: every action of a person or a process, as a log in hash chains with anchors over it
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs first.

-- One entry for each action: who, what, on which order, from where. Append-only.
CREATE TABLE audit_log (
  entry_id    bigint PRIMARY KEY,
  occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor       text NOT NULL,  -- role:name, or system
  action      text NOT NULL,
  order_no    text,
  before      text,
  after       text,
  reference   text,  -- where the rest is: an event's number, a resolution, a job; reasons stay encrypted there
  order_count bigint,  -- the entry's number in its order's chain
  order_hash  bytea,  -- the entry's hash in its order's chain
  actor_count bigint,  -- the same in the chain of its member of staff
  actor_hash  bytea,
  origin      text,
  CONSTRAINT audit_log_check CHECK ((order_no IS NULL) = (order_hash IS NULL))
);
CREATE SEQUENCE audit_entries OWNED BY audit_log.entry_id;
CREATE UNIQUE INDEX audit_log_actor ON audit_log (actor, actor_count) WHERE actor_count IS NOT NULL;
CREATE UNIQUE INDEX audit_log_order ON audit_log (order_no, order_count) WHERE order_no IS NOT NULL;

-- Adds a new entry to the chains of its order and of its member of staff: hash = sha256(previous hash, fields).
CREATE FUNCTION chain_audit()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER audit_chained BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION chain_audit();

-- Refuses UPDATE and DELETE (or UPDATE of some columns): the table is append-only.
CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'OM003';
END $$;

CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE ON audit_log FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE TRIGGER audit_log_not_emptied BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

-- The newest hash of each chain. There is one chain for each order and one for each member of staff, so that orders do
-- not wait for each other.
CREATE TABLE audit_chains (
  kind  text NOT NULL CHECK (kind IN ('order', 'actor', 'anchor')),
  key   text NOT NULL,
  count bigint NOT NULL CHECK (count > 0),
  head  bytea NOT NULL,  -- hash of the newest entry
  CONSTRAINT audit_chains_pkey PRIMARY KEY (kind, key)
) WITH (fillfactor = 70);

-- Digests over all entries up to a number, in one chain: what an anchor covers cannot be rewritten without a trace.
-- They are made apart from the orders, so that no order waits.
CREATE TABLE audit_anchors (
  anchor_no         bigint PRIMARY KEY CHECK (anchor_no > 0),
  made_at           timestamptz NOT NULL,
  -- the numbers that this anchor covers, exactly
  entries           int8multirange NOT NULL CHECK (NOT isempty(entries)),
  count             bigint NOT NULL CHECK (count > 0),
  digest            bytea NOT NULL,  -- over the numbers and hashes of those entries
  upto              bigint NOT NULL,  -- highest number that any anchor so far has seen
  outstanding       int8multirange NOT NULL,  -- lower numbers that were missing and may still be committed
  outstanding_until xid8 NOT NULL,  -- once all transactions before this one are over, missing numbers do not come
  hash              bytea NOT NULL  -- sha256(hash of the anchor before, the fields of this one)
);

CREATE TRIGGER audit_anchors_append_only BEFORE DELETE OR UPDATE ON audit_anchors
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE TRIGGER audit_anchors_not_emptied BEFORE TRUNCATE ON audit_anchors
  FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

-- Who acts, as the transaction says it in the setting oms.actor; `system` where it says nothing.
CREATE FUNCTION current_actor() RETURNS text LANGUAGE sql STABLE
RETURN COALESCE(NULLIF(current_setting('oms.actor'::text, true), ''::text), 'system'::text);

-- One field as a hash covers it: LENGTH:BYTES.
CREATE FUNCTION audit_field(value text) RETURNS text LANGUAGE sql STABLE
RETURN ((octet_length(COALESCE(value, ''::text)) || ':'::text) || COALESCE(value, ''::text));

-- All fields of an entry as a hash covers them, the time in microseconds.
CREATE FUNCTION audit_content(a audit_log) RETURNS bytea LANGUAGE sql STABLE
RETURN convert_to((((((((audit_field((((EXTRACT(epoch FROM (a).occurred_at) * (1000000)::numeric))::bigint)::text)
  || audit_field((a).actor)) || audit_field((a).action)) || audit_field((a).order_no)) || audit_field((a).before))
  || audit_field((a).after)) || audit_field((a).reference)) || CASE
  WHEN ((a).origin IS NULL) THEN ''::text ELSE audit_field((a).origin) END), 'UTF8'::name);

-- What an anchor's digest covers of an entry: its hashes, or its content where an old entry is in no chain.
CREATE FUNCTION audit_anchored(a audit_log) RETURNS bytea LANGUAGE sql STABLE
RETURN convert_to((((audit_field(((a).entry_id)::text) || audit_field(encode((a).order_hash, 'hex'::text)))
  || audit_field(encode((a).actor_hash, 'hex'::text))) || CASE WHEN (((a).order_hash IS NULL)
  AND ((a).actor_hash IS NULL)) THEN audit_field(encode(sha256(audit_content(a)), 'hex'::text)) ELSE ''::text END),
  'UTF8'::name);

-- Makes the next anchor over at most `most` entries when it is due. An anchor that is dated in the future, after a
-- clock was set back, delays nothing.
CREATE FUNCTION make_audit_anchor(most integer, every_s float8)
  RETURNS SETOF audit_anchors LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
  IF last.count < most AND last.made_at > clock_timestamp() - make_interval(secs => every_s)
     AND last.made_at <= clock_timestamp() THEN
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

-- Writes the entry for a request to cancel. It is the only action without a row of its own that a trigger could see.
CREATE FUNCTION note_cancel_asked(by_actor text, of_order text, update_id text)
  RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO audit_log (actor, action, order_no, reference)
  SELECT by_actor, 'cancel_asked', o.order_no, update_id FROM orders o WHERE o.order_no = of_order
$$;

-- Rights

GRANT SELECT ON audit_anchors, audit_chains, audit_log TO oms_app;
REVOKE EXECUTE ON FUNCTION audit_anchored(audit_log), audit_content(audit_log), audit_field(text), chain_audit(),
  current_actor(), forbid_change(), make_audit_anchor(integer, float8), note_cancel_asked(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_audit_anchor(integer, float8), note_cancel_asked(text, text, text) TO oms_app;
