-- An anchor that is dated in the future, as a clock that was set back leaves it, is no reason to wait for that day: the
-- next one is due at once. Else as it was.
CREATE OR REPLACE FUNCTION make_audit_anchor(most integer, every_s double precision) RETURNS SETOF audit_anchors
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
