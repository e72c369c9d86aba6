-- Support: parked steps, resolutions, bulk jobs, actions on workflows
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after messaging.sql.

-- A step of an order that waits for a person.
CREATE TABLE parked_steps (
  order_no      text NOT NULL REFERENCES orders,
  park_no       integer NOT NULL,
  step          text NOT NULL,
  error         text NOT NULL,
  provider      text,
  attempts      integer NOT NULL,
  options       text[] NOT NULL,
  amount_minor  bigint NOT NULL,  -- money at stake
  since         timestamptz NOT NULL DEFAULT now(),
  escalate_at   timestamptz NOT NULL,
  escalated_at  timestamptz,
  resolved_at   timestamptz,
  resolution_id text,
  subject       text,
  CONSTRAINT parked_steps_pkey PRIMARY KEY (order_no, park_no)
);
CREATE UNIQUE INDEX parked_one_open ON parked_steps (order_no) WHERE resolved_at IS NULL;
CREATE INDEX parked_open ON parked_steps (step, error, since) WHERE resolved_at IS NULL;
CREATE UNIQUE INDEX parked_steps_one_resolution ON parked_steps (resolution_id) WHERE resolution_id IS NOT NULL;

-- A step is resolved once, by a decision that is about it.
CREATE FUNCTION guard_parked_step()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.resolution_id IS NOT NULL OR NOT EXISTS (
       SELECT FROM resolutions r WHERE r.resolution_id = NEW.resolution_id AND r.order_no = NEW.order_no
          AND coalesce(r.park_no, NEW.park_no) = NEW.park_no) THEN
    RAISE EXCEPTION 'the act is not of this step' USING ERRCODE = 'OM176';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER parked_step_guard BEFORE UPDATE OF resolution_id ON parked_steps
  FOR EACH ROW WHEN (NEW.resolution_id IS NOT NULL AND NEW.resolution_id IS DISTINCT FROM OLD.resolution_id)
  EXECUTE FUNCTION guard_parked_step();

-- For processes of the previous version: sets what a parked step is about.
CREATE FUNCTION name_subject()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.subject := coalesce(NEW.subject, due_subject(NEW.order_no, NEW.step));
  RETURN NEW;
END $$;

CREATE TRIGGER parked_step_subject BEFORE INSERT ON parked_steps
  FOR EACH ROW WHEN (NEW.resolved_at IS NULL) EXECUTE FUNCTION name_subject();

-- A person's decision on a parked step, stored before the workflow is told.
CREATE TABLE resolutions (
  resolution_id text PRIMARY KEY,
  order_no      text NOT NULL REFERENCES orders,
  action        text NOT NULL,
  actor         text NOT NULL,
  reason_enc    bytea NOT NULL,
  value_enc     bytea,
  created_at    timestamptz NOT NULL DEFAULT now(),
  approval_id   text REFERENCES approvals,
  park_no       integer,
  moved_minor   bigint NOT NULL DEFAULT 0 CHECK (moved_minor >= 0),
  amount_minor  bigint,
  CONSTRAINT resolutions_amount CHECK (amount_minor >= 0)
);
ALTER TABLE resolutions ADD CONSTRAINT resolutions_action_check CHECK (action IN ('retry', 'skip', 'amend',
  'compensate', 'give_up')) NOT VALID;
CREATE INDEX resolutions_alone ON resolutions (person_of(actor), created_at) WHERE moved_minor > 0
  AND approval_id IS NULL;
CREATE INDEX resolutions_moving ON resolutions (order_no) WHERE moved_minor > 0;

-- The same, with the amounts that the decision moves. A repeat finds its own row; a step that is not open any more is
-- refused.
CREATE FUNCTION aim_resolution()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE meant integer := NEW.park_no;
BEGIN
  IF EXISTS (SELECT FROM resolutions r WHERE r.resolution_id = NEW.resolution_id) THEN
    RETURN NEW;
  END IF;
  NEW.park_no := NULL;
  SELECT p.park_no, amount_moved_by(p.order_no, p.step, NEW.action, p.amount_minor),
         added_minor(p.order_no, p.step, NEW.action, p.amount_minor)
    INTO NEW.park_no, NEW.amount_minor, NEW.moved_minor
    FROM parked_steps p WHERE p.order_no = NEW.order_no AND p.resolved_at IS NULL;
  IF meant IS NOT NULL AND meant IS DISTINCT FROM NEW.park_no THEN
    RAISE EXCEPTION 'step_moved_on' USING ERRCODE = 'OM176';
  END IF;
  NEW.amount_minor := coalesce(NEW.amount_minor, 0);
  NEW.moved_minor := coalesce(NEW.moved_minor, 0);
  RETURN NEW;
END $$;

CREATE TRIGGER resolution_aims BEFORE INSERT ON resolutions FOR EACH ROW EXECUTE FUNCTION aim_resolution();

CREATE TRIGGER resolution_approved BEFORE INSERT ON resolutions
  FOR EACH ROW WHEN (NEW.approval_id IS NOT NULL) EXECUTE FUNCTION require_approval();

CREATE TRIGGER resolution_audited AFTER INSERT ON resolutions FOR EACH ROW EXECUTE FUNCTION audit_resolution();

-- A decision that the order accepted and that was refused when it was carried out; the person who took it sees why.
CREATE TABLE refused_resolutions (
  resolution_id text PRIMARY KEY REFERENCES resolutions,
  order_no      text NOT NULL REFERENCES orders,
  park_no       integer NOT NULL,  -- the step that it was applied to
  code          text NOT NULL CHECK (length(code) BETWEEN 1 AND 100),
  refused_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refused_resolutions_order ON refused_resolutions (order_no, park_no);

CREATE TRIGGER refused_resolutions_append_only BEFORE DELETE OR UPDATE ON refused_resolutions
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE TRIGGER refused_resolutions_not_emptied BEFORE TRUNCATE ON refused_resolutions
  FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

-- Steps whose last attempt failed and that will be tried again. A row counts while its order has not moved since
-- (event_seq), or while it is paused.
CREATE TABLE retrying_steps (
  order_no     text NOT NULL REFERENCES orders,
  activity     text NOT NULL,
  step         text NOT NULL,
  error        text NOT NULL,
  provider     text,
  attempt      integer NOT NULL CHECK (attempt > 0),
  max_attempts integer NOT NULL CHECK (max_attempts >= 0),  -- 0: without limit
  event_seq    integer NOT NULL,
  since        timestamptz NOT NULL DEFAULT now(),
  failed_at    timestamptz NOT NULL DEFAULT now(),
  next_try_at  timestamptz NOT NULL,
  paused       boolean NOT NULL DEFAULT false,
  CONSTRAINT retrying_steps_pkey PRIMARY KEY (order_no, activity)
);
CREATE INDEX retrying_steps_listed ON retrying_steps ((NOT paused), since, order_no, activity);

-- One decision on many parked steps, carried out at a limited rate.
CREATE TABLE support_jobs (
  job_id      text PRIMARY KEY,
  action      text NOT NULL,
  filter      jsonb NOT NULL,
  data_key    bytea NOT NULL,  -- wrapped; encrypts reason and value
  reason_enc  bytea NOT NULL,
  value_enc   bytea,
  actor       text NOT NULL,
  rate_per_s  float8 NOT NULL CHECK (rate_per_s > 0::double precision),
  state       text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped', 'finished')),
  total       integer NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  stopped_by  text,
  approval_id text REFERENCES approvals
);
CREATE INDEX support_jobs_cancelling ON support_jobs (person_of(actor), created_at) WHERE action = 'cancel'
  AND approval_id IS NULL;

CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON support_jobs
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

CREATE TRIGGER job_audited AFTER INSERT ON support_jobs FOR EACH ROW EXECUTE FUNCTION audit_job();

CREATE TRIGGER job_end_audited AFTER UPDATE OF state ON support_jobs
  FOR EACH ROW WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION audit_job();

-- The orders of a bulk job.
CREATE TABLE support_job_items (
  job_id        text NOT NULL REFERENCES support_jobs,
  order_no      text NOT NULL REFERENCES orders,
  resolution_id text NOT NULL,
  state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed')),
  error         text,
  park_no       integer,
  CONSTRAINT support_job_items_pkey PRIMARY KEY (job_id, order_no)
);
CREATE INDEX support_job_items_open ON support_job_items (job_id, order_no) WHERE state = 'open';
CREATE INDEX support_job_items_resolution ON support_job_items (resolution_id);

-- Sets the open step, where a decision or an approval names none.
CREATE FUNCTION aim_at_open_step()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.park_no := coalesce(NEW.park_no, open_park(NEW.order_no));
  RETURN NEW;
END $$;

CREATE TRIGGER job_item_aims BEFORE INSERT ON support_job_items FOR EACH ROW EXECUTE FUNCTION aim_at_open_step();

-- A job over chosen orders asks for no parked step: what a worker of a version without such jobs says of them is
-- refused.
CREATE FUNCTION refuse_parked_outcome()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM support_jobs j WHERE j.job_id = NEW.job_id
                AND j.action NOT IN ('retry', 'skip', 'amend', 'compensate', 'give_up')) THEN
    RAISE EXCEPTION 'a job over chosen orders asks for no parked step' USING ERRCODE = 'OM192';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER job_item_outcome BEFORE UPDATE OF error ON support_job_items
  FOR EACH ROW WHEN (NEW.error IN ('not_parked', 'step_moved_on')) EXECUTE FUNCTION refuse_parked_outcome();

-- What staff did to a running activity: pause, retry, another timeout.
CREATE TABLE activity_actions (
  act_id     text PRIMARY KEY,
  order_no   text NOT NULL REFERENCES orders,
  activity   text NOT NULL CHECK (length(activity) BETWEEN 1 AND 200),  -- its type in Temporal
  action     text NOT NULL CHECK (action IN ('retry_now', 'pause', 'unpause', 'set_timeout')),
  timeout_s  integer CHECK (timeout_s BETWEEN 1 AND 3600),
  actor      text NOT NULL,
  reason_enc bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT activity_actions_check CHECK ((action = 'set_timeout') = (timeout_s IS NOT NULL))
);
CREATE INDEX activity_actions_order ON activity_actions (order_no, created_at DESC);

CREATE TRIGGER activity_action_audited AFTER INSERT ON activity_actions
  FOR EACH ROW EXECUTE FUNCTION audit_activity_action();

CREATE TRIGGER activity_actions_append_only BEFORE DELETE OR UPDATE ON activity_actions
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Resets of workflows, of one order or of a batch.
CREATE TABLE workflow_resets (
  act_id     text PRIMARY KEY,
  action     text NOT NULL CHECK (action IN ('reset', 'batch_reset', 'batch_stop')),
  order_no   text REFERENCES orders,  -- a reset of one order
  run_id     text,  -- the run to reset: once another run has begun there is nothing to do
  batch_id   text,  -- a batch: its job in Temporal
  total      integer CHECK (total > 0),  -- how many workflows had failed when the batch was confirmed
  actor      text NOT NULL,
  data_key   bytea,  -- wrapped; encrypts a batch's reason (an order's is under its customer's key)
  reason_enc bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT workflow_resets_check CHECK ((action = 'reset') = (order_no IS NOT NULL)),
  CONSTRAINT workflow_resets_check1 CHECK ((action = 'reset') = (run_id IS NOT NULL)),
  CONSTRAINT workflow_resets_check2 CHECK ((action = 'reset') = (batch_id IS NULL)),
  CONSTRAINT workflow_resets_check3 CHECK ((action = 'batch_reset') = (total IS NOT NULL)),
  CONSTRAINT workflow_resets_check4 CHECK ((action = 'batch_reset') = (data_key IS NOT NULL)),
  CONSTRAINT workflow_resets_check5 CHECK ((action = 'batch_stop') = (reason_enc IS NULL))
);
CREATE UNIQUE INDEX workflow_resets_batch ON workflow_resets (batch_id, action) WHERE batch_id IS NOT NULL;
CREATE INDEX workflow_resets_batches ON workflow_resets (created_at DESC) WHERE action = 'batch_reset';
CREATE INDEX workflow_resets_order ON workflow_resets (order_no, created_at DESC) WHERE order_no IS NOT NULL;

CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON workflow_resets
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

CREATE TRIGGER workflow_reset_audited AFTER INSERT ON workflow_resets
  FOR EACH ROW EXECUTE FUNCTION audit_workflow_reset();

CREATE TRIGGER workflow_resets_append_only BEFORE DELETE OR UPDATE ON workflow_resets
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- For processes of the previous version: what a step works on next.
CREATE FUNCTION due_subject(asked_order_no text, asked_step text)
  RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE asked_step
    WHEN 'refund' THEN (SELECT f.refund_id FROM refunds f WHERE f.order_no = asked_order_no AND f.status = 'approved'
                         ORDER BY f.refund_no LIMIT 1)
    WHEN 'guarantee' THEN (SELECT g.return_id FROM guarantees g
                            WHERE g.order_no = asked_order_no AND guarantee_is_due(g.return_id)
                            ORDER BY g.status IN ('dropped', 'declined'), g.created_at LIMIT 1)
    WHEN 'supplement' THEN (SELECT u.payment_no::text FROM change_payments u
                             WHERE u.order_no = asked_order_no AND u.status = 'awaiting_payment' LIMIT 1)
    WHEN 'return_payment' THEN (SELECT CASE WHEN o.cancelling IS NULL THEN 'stray' ELSE 'all' END
                                  FROM orders o WHERE o.order_no = asked_order_no)
  END
$$;

-- The number of the order's open parked step.
CREATE FUNCTION open_park(asked_order_no text)
  RETURNS integer LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT park_no FROM parked_steps WHERE order_no = asked_order_no AND resolved_at IS NULL
$$;

-- For processes of the previous version: true where a parked step needs no person any more.
CREATE FUNCTION parked_is_over(asked_step text, asked_subject text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN asked_subject IS NULL THEN false
              WHEN asked_step = 'refund' THEN NOT EXISTS (
                   SELECT FROM refunds r WHERE r.refund_id = asked_subject AND r.status = 'approved')
              WHEN asked_step = 'guarantee' THEN NOT guarantee_is_due(asked_subject)
              ELSE false END
$$;

-- Deletes the failed attempts of an order that moved on.
CREATE FUNCTION clear_retrying_steps()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  DELETE FROM retrying_steps WHERE order_no = NEW.order_no;
  RETURN NULL;
END $$;

-- The money that a parked step is about.
CREATE FUNCTION at_stake_minor(asked_order_no text, asked_step text, asked_subject text)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(CASE asked_step
    WHEN 'refund' THEN (SELECT coalesce(sum(x.amount_minor), 0) FROM refund_allocations x JOIN refunds r USING (refund_id)
                         WHERE r.refund_id = asked_subject AND r.order_no = asked_order_no AND r.status = 'approved'
                           AND NOT EXISTS (SELECT FROM payments m WHERE m.refund_id = x.refund_id
                                              AND m.parent_id = x.payment_id AND m.status = 'succeeded'))::bigint
    WHEN 'guarantee' THEN (SELECT CASE WHEN guarantee_is_due(g.return_id)
                                       THEN CASE g.status WHEN 'claim_due' THEN g.claim_minor ELSE g.amount_minor END
                                       ELSE 0 END
                             FROM guarantees g WHERE g.return_id = asked_subject AND g.order_no = asked_order_no)
    WHEN 'capture' THEN (SELECT sum(c.goods_minor + c.shipping_minor)
                           FROM fulfilments f JOIN capture_lines c ON (c.order_no, c.fulfilment_no) = (f.order_no, f.number)
                          WHERE f.fulfilment_id = asked_subject AND f.order_no = asked_order_no)::bigint
    WHEN 'supplement' THEN (SELECT u.amount_minor FROM change_payments u
                             WHERE u.order_no = asked_order_no AND u.payment_no::text = asked_subject)
    WHEN 'return_payment' THEN (SELECT coalesce(sum(m.amount_minor), 0)
                                  FROM money_to_return(asked_order_no, asked_subject = 'all') m)::bigint
  END, (SELECT o.total_minor FROM orders o WHERE o.order_no = asked_order_no))
$$;

-- The money that a decision on a step moves. What a skipped step is about counts as it is now, where that is more.
CREATE FUNCTION amount_moved_by(asked_order_no text, step text, action text, amount_minor bigint)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN action = 'compensate' AND step = 'supplement' THEN 0
              WHEN action = 'give_up' THEN part_at_stake_minor(asked_order_no)
              WHEN action = 'compensate' THEN coalesce((SELECT sum(t.captured_minor - t.refunded_minor - t.disputed_minor)
                FROM payments p JOIN payment_totals t USING (payment_id) WHERE p.order_no = asked_order_no), 0)::bigint
              WHEN (action = 'skip' AND step IN ('capture', 'return_payment', 'refund', 'guarantee'))
                OR (action = 'amend' AND step = 'refund')
                THEN greatest(amount_minor, at_stake_minor(asked_order_no, step, (SELECT p.subject FROM parked_steps p
                                WHERE p.order_no = asked_order_no AND p.resolved_at IS NULL)))
              ELSE 0 END
$$;

-- The part of it that was not decided before: money that a cancellation already returns is not decided again.
CREATE FUNCTION added_minor(asked_order_no text, step text, action text, amount_minor bigint)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE
    WHEN action = 'compensate' THEN greatest(0, amount_moved_by(asked_order_no, step, action, amount_minor) - coalesce((
           SELECT sum(t.promised_minor) FROM payments p JOIN payment_totals t USING (payment_id)
            WHERE p.order_no = asked_order_no), 0)::bigint + coalesce((
           SELECT sum(r.amount_minor) FROM refunds r
            WHERE r.order_no = asked_order_no AND r.status = 'awaiting_approval'), 0)::bigint)
    WHEN step = 'refund' THEN 0
    WHEN step = 'return_payment' AND (
           EXISTS (SELECT FROM resolutions r WHERE r.order_no = asked_order_no AND r.action = 'compensate' AND r.moved_minor > 0)
        OR EXISTS (SELECT FROM staff_actions a WHERE a.order_no = asked_order_no AND a.moved_minor > 0))
      AND NOT EXISTS (SELECT FROM parked_steps p WHERE p.order_no = asked_order_no AND p.resolved_at IS NULL
                         AND p.subject = 'stray') THEN 0
    ELSE amount_moved_by(asked_order_no, step, action, amount_minor) END
$$;

-- Of tables in earlier files

CREATE TRIGGER event_clears_retrying_steps AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.type = 'step_parked' OR (NEW.to_status IN ('completed', 'cancelled')))
  EXECUTE FUNCTION clear_retrying_steps();
CREATE TRIGGER approval_aims BEFORE INSERT ON approvals
  FOR EACH ROW WHEN (NEW.kind = 'resolve') EXECUTE FUNCTION aim_at_open_step();
ALTER TABLE parked_steps ADD CONSTRAINT parked_steps_resolution_id_fkey FOREIGN KEY (resolution_id)
  REFERENCES resolutions (resolution_id);

-- Rights

GRANT SELECT ON activity_actions, parked_steps, refused_resolutions, resolutions, retrying_steps, support_job_items,
  support_jobs, workflow_resets TO oms_app;
GRANT DELETE ON retrying_steps TO oms_app;
GRANT INSERT (act_id, action, activity, actor, order_no, reason_enc, timeout_s) ON activity_actions TO oms_app;
GRANT INSERT (amount_minor, attempts, error, escalate_at, options, order_no, park_no, provider, step, subject)
  ON parked_steps TO oms_app;
GRANT UPDATE (escalated_at, resolution_id, resolved_at) ON parked_steps TO oms_app;
GRANT INSERT (code, order_no, park_no, resolution_id) ON refused_resolutions TO oms_app;
GRANT INSERT (action, actor, approval_id, order_no, park_no, reason_enc, resolution_id, value_enc) ON resolutions
  TO oms_app;
GRANT INSERT (activity, attempt, error, event_seq, max_attempts, next_try_at, order_no, provider, step)
  ON retrying_steps TO oms_app;
GRANT UPDATE (attempt, error, event_seq, failed_at, max_attempts, next_try_at, paused, provider, step) ON retrying_steps
  TO oms_app;
GRANT INSERT (job_id, order_no, park_no, resolution_id) ON support_job_items TO oms_app;
GRANT UPDATE (error, state) ON support_job_items TO oms_app;
GRANT INSERT (action, actor, approval_id, data_key, filter, finished_at, job_id, rate_per_s, reason_enc, state, total,
  value_enc) ON support_jobs TO oms_app;
GRANT UPDATE (finished_at, state, stopped_by) ON support_jobs TO oms_app;
GRANT INSERT (act_id, action, actor, batch_id, data_key, order_no, reason_enc, run_id, total) ON workflow_resets
  TO oms_app;
REVOKE EXECUTE ON FUNCTION added_minor(text, text, text, bigint), aim_at_open_step(), aim_resolution(),
  amount_moved_by(text, text, text, bigint), at_stake_minor(text, text, text), clear_retrying_steps(), due_subject(text,
  text), guard_parked_step(), name_subject(), open_park(text), parked_is_over(text, text), refuse_parked_outcome()
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION added_minor(text, text, text, bigint), amount_moved_by(text, text, text, bigint),
  at_stake_minor(text, text, text), due_subject(text, text), open_park(text), parked_is_over(text, text) TO oms_app;
