-- Payments: transactions, ledger, renewals
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after sourcing.sql.

-- Which accounts the ledger debits and credits for each kind of transaction.
CREATE TABLE posting_rules (
  kind   text PRIMARY KEY,
  debit  text NOT NULL,
  credit text NOT NULL
);

-- One transaction with a provider: authorisation, capture, void, refund or dispute.
CREATE TABLE payments (
  payment_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_no            text NOT NULL REFERENCES orders,
  kind                text NOT NULL CHECK (kind IN ('authorise', 'capture', 'void', 'refund', 'dispute', 'dispute_won',
      'refund_reversed')),
  -- supplement: the difference of a change; stray: money without a purpose, to be returned; terms: it pays what is owed
  purpose             text NOT NULL DEFAULT 'order',
  -- the number of the order's payment request; for other payments a number that only the previous version reads
  attempt             integer NOT NULL,
  provider            text NOT NULL,
  amount_minor        bigint NOT NULL CHECK (amount_minor > 0),
  currency            char(3) NOT NULL,
  status              text NOT NULL CHECK (status IN ('intent', 'pending', 'succeeded', 'failed')),
  idempotency_key     text NOT NULL UNIQUE,
  provider_ref        text,
  parent_id           bigint,  -- the authorisation of a capture, the capture of a refund
  risk                text,
  error_code          text,
  tries               integer NOT NULL DEFAULT 0,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  refund_id           text,
  expires_at          timestamptz,  -- as the provider says
  renew_at            timestamptz,
  renewal_due         boolean NOT NULL DEFAULT false,
  renews              bigint,  -- the authorisation that it replaces
  change_payment_no   integer,  -- the change whose difference it takes
  guarantee_return_id text,  -- the return whose guarantee it authorises, claims or releases
  fulfilment_no       integer,  -- the fulfilment whose share a capture takes
  CONSTRAINT payments_payment_id_order_no_key UNIQUE (payment_id, order_no),
  CONSTRAINT undone_within_its_order FOREIGN KEY (parent_id, order_no) REFERENCES payments (payment_id, order_no),
  CONSTRAINT disputes_are_reported CHECK ((kind NOT IN ('dispute', 'dispute_won')) OR status = 'succeeded'
      AND parent_id IS NOT NULL),
  CONSTRAINT reversals_are_reported CHECK (kind <> 'refund_reversed' OR status = 'succeeded' AND parent_id IS NOT NULL),
  CONSTRAINT payments_check CHECK (status <> 'succeeded' OR provider_ref IS NOT NULL),
  CONSTRAINT only_refunds_pay_refunds CHECK (refund_id IS NULL OR kind = 'refund'),
  CONSTRAINT payment_of_a_change CHECK (change_payment_no IS NULL AND NOT (purpose = 'supplement'
      AND (kind IN ('authorise', 'capture'))) OR change_payment_no IS NOT NULL AND (purpose IN ('supplement', 'stray'))
      AND (kind IN ('authorise', 'capture'))),
  CONSTRAINT payment_of_a_guarantee CHECK (guarantee_return_id IS NULL AND NOT (purpose = 'guarantee'
      AND (kind IN ('authorise', 'capture', 'void'))) OR guarantee_return_id IS NOT NULL AND (purpose IN ('guarantee',
      'stray')) AND (kind IN ('authorise', 'capture', 'void'))),
  CONSTRAINT capture_of_a_fulfilment CHECK (fulfilment_no IS NULL OR kind = 'capture' AND (purpose IN ('order',
      'stray')))
);
ALTER TABLE payments ADD CONSTRAINT payments_purpose CHECK (purpose IN ('order', 'stray', 'guarantee', 'supplement',
  'terms')) NOT VALID;
CREATE INDEX payments_beside ON payments (order_no) WHERE purpose <> 'order';
CREATE INDEX payments_capture_failed ON payments (order_no) WHERE kind = 'capture' AND status = 'failed';
CREATE UNIQUE INDEX payments_guarantee_ends_once ON payments (parent_id) WHERE purpose = 'guarantee'
  AND (kind IN ('capture', 'void')) AND status <> 'failed';
CREATE INDEX payments_manual_ref ON payments (provider_ref) WHERE provider = 'manual';
CREATE UNIQUE INDEX payments_one_capture_of_order ON payments (order_no) WHERE kind = 'capture' AND purpose = 'order'
  AND status <> 'failed' AND fulfilment_no IS NULL;
CREATE UNIQUE INDEX payments_one_capture_of_part ON payments (order_no, fulfilment_no) WHERE kind = 'capture'
  AND purpose = 'order' AND status <> 'failed' AND fulfilment_no IS NOT NULL;
CREATE UNIQUE INDEX payments_one_change_payment ON payments (order_no, change_payment_no) WHERE kind = 'capture'
  AND purpose = 'supplement' AND status <> 'failed';
CREATE UNIQUE INDEX payments_one_guarantee_authorisation ON payments (guarantee_return_id) WHERE kind = 'authorise'
  AND purpose = 'guarantee' AND status = 'succeeded';
CREATE UNIQUE INDEX payments_one_refund_allocation ON payments (refund_id, parent_id) WHERE refund_id IS NOT NULL
  AND status <> 'failed';
CREATE UNIQUE INDEX payments_one_renewal ON payments (renews) WHERE renews IS NOT NULL AND status <> 'failed';
CREATE UNIQUE INDEX payments_one_void ON payments (parent_id) WHERE kind = 'void' AND status <> 'failed';
CREATE INDEX payments_order ON payments (order_no);
CREATE UNIQUE INDEX payments_provider_ref ON payments (provider, provider_ref, kind) WHERE provider <> 'manual';
CREATE INDEX payments_renew_at ON payments (renew_at) WHERE renew_at IS NOT NULL;
CREATE INDEX payments_renewal_due ON payments (order_no) WHERE renewal_due;
-- More triggers in payments_changes.sql: both_attempt_forms, change_payment_checks_holds, change_payment_wanted,
-- settles_change_payment.
-- More triggers in after_sales_exchanges.sql: guarantee_payment_wanted.
-- More triggers in payments_captures.sql: part_capture_counts.
-- More triggers in payments_refunds.sql: payment_checks_refund, payment_reverses_refund.
-- More triggers in messaging.sql: payment_early_events_reopened.
-- More triggers in payments_terms.sql: payment_moves_receivable.
-- More triggers in payments_disputes.sql: payment_posts_dispute.

CREATE TRIGGER manual_payment_checks_holds BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.provider = 'manual' AND NEW.kind = 'capture' AND NEW.purpose = 'order')
  EXECUTE FUNCTION require_no_hold();

CREATE TRIGGER payment_checks_holds BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.status = 'intent' AND (NEW.kind IN ('authorise', 'capture')) AND NEW.purpose = 'order'
    AND NEW.renews IS NULL AND NEW.fulfilment_no IS NULL)
  EXECUTE FUNCTION skip_while_on_hold();

-- What a transaction is about does not change, and a final status stays.
CREATE FUNCTION guard_payment() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.status = 'succeeded' AND NEW.status <> 'succeeded'
       AND NOT (OLD.kind = 'refund' AND NEW.status = 'failed' AND is_reversed(OLD.payment_id, OLD.order_no))
     OR OLD.status <> 'succeeded' AND NEW.status = 'succeeded' AND OLD.kind = 'refund'
       AND is_reversed(OLD.payment_id, OLD.order_no)
     OR NEW.amount_minor <> OLD.amount_minor OR NEW.kind <> OLD.kind OR NEW.order_no <> OLD.order_no
     OR NEW.currency <> OLD.currency OR NEW.idempotency_key <> OLD.idempotency_key
     OR NEW.provider <> OLD.provider OR NEW.parent_id IS DISTINCT FROM OLD.parent_id
     OR NEW.refund_id IS DISTINCT FROM OLD.refund_id OR NEW.renews IS DISTINCT FROM OLD.renews
     OR NEW.change_payment_no IS DISTINCT FROM OLD.change_payment_no
     OR NEW.guarantee_return_id IS DISTINCT FROM OLD.guarantee_return_id
     OR NEW.fulfilment_no IS DISTINCT FROM OLD.fulfilment_no
     OR OLD.status = 'succeeded' AND NEW.provider_ref IS DISTINCT FROM OLD.provider_ref THEN
    RAISE EXCEPTION 'a payment''s facts do not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER payment_guard BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION guard_payment();

-- Plans the renewal of an authorisation a day before it ends, or after three quarters of its time.
CREATE FUNCTION plan_renewal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.expires_at IS DISTINCT FROM OLD.expires_at THEN
    NEW.renew_at := NEW.expires_at - least(interval '1 day', (NEW.expires_at - now()) / 4);
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER payment_plans_renewal BEFORE INSERT OR UPDATE OF expires_at ON payments
  FOR EACH ROW WHEN (NEW.kind = 'authorise' AND (NEW.purpose IN ('order', 'guarantee')) AND NEW.expires_at IS NOT NULL)
  EXECUTE FUNCTION plan_renewal();

-- Posts a successful transaction to the ledger and keeps payment_totals. A refund takes its room at the intent, so that
-- two refunds cannot take the same money.
CREATE FUNCTION post_payment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE promised bigint := CASE WHEN NEW.refund_id IS NULL THEN 0 ELSE NEW.amount_minor END;
BEGIN
  IF NEW.kind = 'refund' AND NEW.status <> 'failed' AND (TG_OP = 'INSERT' OR OLD.status = 'failed') THEN
    -- Room is taken when the refund is meant, so two refunds of the last cent cannot both be sent. What was promised
    -- before takes its promise's room.
    UPDATE payment_totals
       SET refunded_minor = refunded_minor + NEW.amount_minor, promised_minor = promised_minor - promised
     WHERE payment_id = NEW.parent_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'refund_without_capture' USING ERRCODE = 'OM004';
    END IF;
  ELSIF NEW.kind = 'refund' AND TG_OP = 'UPDATE' AND NEW.status = 'failed' AND OLD.status <> 'failed' THEN
    UPDATE payment_totals
       SET refunded_minor = refunded_minor - NEW.amount_minor, promised_minor = promised_minor + promised
     WHERE payment_id = NEW.parent_id;
  END IF;
  IF NEW.status = 'succeeded' AND (TG_OP = 'INSERT' OR OLD.status <> 'succeeded') THEN
    INSERT INTO payment_ledger (payment_id, order_no, debit_account, credit_account, amount_minor, currency)
    SELECT NEW.payment_id, NEW.order_no, replace(p.debit, '{provider}', NEW.provider),
           CASE WHEN NEW.kind = 'capture' AND NEW.purpose = 'terms' THEN 'receivable:terms'
                ELSE replace(p.credit, '{provider}', NEW.provider) END, NEW.amount_minor, NEW.currency
      FROM posting_rules p WHERE p.kind = NEW.kind;
    IF NEW.kind = 'capture' THEN
      INSERT INTO payment_totals (payment_id, captured_minor) VALUES (NEW.payment_id, NEW.amount_minor);
    END IF;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER payment_posts AFTER INSERT OR UPDATE OF status ON payments FOR EACH ROW EXECUTE FUNCTION post_payment();

-- A renewal that succeeds takes the place of the old authorisation in the same statement, so that there is exactly one.
-- One that nobody needs is to be voided.
CREATE FUNCTION replace_authorisation()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  old_one payments%ROWTYPE;
  next_attempt integer;
BEGIN
  NEW.renewal_due := false;
  IF NEW.renews IS NULL THEN
    IF EXISTS (SELECT FROM payments p WHERE p.order_no = NEW.order_no AND p.purpose = 'guarantee' AND p.kind = 'authorise'
                  AND p.status = 'succeeded'
                  AND p.guarantee_return_id = NEW.guarantee_return_id) THEN
      NEW.purpose := 'stray';
    END IF;
    RETURN NEW;
  END IF;
  SELECT * INTO old_one FROM payments WHERE payment_id = NEW.renews FOR UPDATE;
  IF old_one.purpose <> NEW.purpose OR NOT authorisation_is_wanted(NEW.renews) THEN
    NEW.purpose := 'stray';
    RETURN NEW;
  END IF;
  UPDATE payments SET purpose = 'stray', renew_at = NULL, renewal_due = false, updated_at = now()
   WHERE payment_id = NEW.renews;
  IF NEW.purpose = 'order' THEN
    INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor)
    SELECT 'renewal:' || NEW.payment_id, r.order_no,
           (SELECT max(q.attempt) + 1 FROM payment_requests q WHERE q.order_no = r.order_no), r.method, r.token, 'system'
      FROM payment_requests r WHERE r.order_no = NEW.order_no AND r.attempt = old_one.attempt
    RETURNING attempt INTO next_attempt;
    NEW.attempt := next_attempt;
    -- A doubt that nobody has looked into goes on; one that was, is none of the same payment once more.
    IF EXISTS (SELECT FROM order_events e WHERE e.order_no = NEW.order_no AND e.key = 'review:' || old_one.attempt) THEN
      NEW.risk := NULL;
    ELSE
      NEW.risk := coalesce(NEW.risk, old_one.risk);
    END IF;
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER payment_replaces_authorisation BEFORE UPDATE OF status ON payments
  FOR EACH ROW WHEN (NEW.kind = 'authorise' AND NEW.status = 'succeeded' AND OLD.status <> 'succeeded'
    AND (NEW.renews IS NOT NULL OR NEW.purpose = 'guarantee') AND NEW.purpose <> 'stray')
  EXECUTE FUNCTION replace_authorisation();

-- A renewal must repeat an authorisation that is needed: same amount, same means of payment. A repeat finds its own
-- intent.
CREATE FUNCTION require_renewal_due()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key) THEN
    RETURN NEW;
  END IF;
  IF NOT EXISTS (SELECT FROM payments p WHERE p.payment_id = NEW.renews AND p.order_no = NEW.order_no
                    AND (p.purpose, p.provider, p.amount_minor, p.currency)
                      = (NEW.purpose, NEW.provider, NEW.amount_minor, NEW.currency))
     OR NEW.kind <> 'authorise' OR NOT authorisation_is_wanted(NEW.renews) THEN
    RAISE EXCEPTION 'no authorisation waits to be renewed by this payment' USING ERRCODE = 'OM177';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER renewal_wanted BEFORE INSERT ON payments
  FOR EACH ROW WHEN (NEW.renews IS NOT NULL) EXECUTE FUNCTION require_renewal_due();

-- Double-entry ledger: each row debits one account and credits another. Append-only.
CREATE TABLE payment_ledger (
  entry_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payment_id     bigint NOT NULL UNIQUE REFERENCES payments,
  order_no       text NOT NULL,
  debit_account  text NOT NULL,
  credit_account text NOT NULL,
  amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
  currency       char(3) NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT payment_ledger_check CHECK (debit_account <> credit_account)
);
CREATE INDEX payment_ledger_order ON payment_ledger (order_no);
-- More triggers in payments_store_credit.sql: store_credit_is_owed.

CREATE TRIGGER payment_ledger_append_only BEFORE DELETE OR UPDATE ON payment_ledger
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Sums of each capture. Stored for their constraints only: no more is refunded than was captured.
CREATE TABLE payment_totals (
  payment_id     bigint PRIMARY KEY REFERENCES payments,  -- the capture
  captured_minor bigint NOT NULL CHECK (captured_minor > 0),
  refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
  promised_minor bigint NOT NULL DEFAULT 0 CHECK (promised_minor >= 0),
  disputed_minor bigint NOT NULL DEFAULT 0 CHECK (disputed_minor >= 0),
  settled_minor  bigint NOT NULL DEFAULT 0,  -- of the capture of an order on payment terms: paid by other captures
  CONSTRAINT refunds_within_capture CHECK ((refunded_minor + promised_minor + disputed_minor) <= captured_minor)
);
ALTER TABLE payment_totals ADD CONSTRAINT settled_within_capture CHECK (settled_minor >= 0
  AND (refunded_minor + promised_minor + disputed_minor + settled_minor) <= captured_minor) NOT VALID;
CREATE INDEX payment_totals_disputed ON payment_totals (payment_id) WHERE disputed_minor > 0;
CREATE INDEX payment_totals_refunded ON payment_totals (payment_id) WHERE refunded_minor > 0;
CREATE INDEX payment_totals_refunded_in_part ON payment_totals (payment_id) WHERE refunded_minor > 0
  AND refunded_minor < captured_minor;

-- A customer's request to pay, with the provider's token, never a card number.
CREATE TABLE payment_requests (
  request_id text PRIMARY KEY,
  order_no   text NOT NULL REFERENCES orders,
  attempt    integer CHECK (attempt > 0),  -- NULL until the order's workflow uses it
  method     text NOT NULL CHECK (length(method) BETWEEN 1 AND 32),
  token      text NOT NULL CHECK (length(token) BETWEEN 1 AND 200),
  actor      text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT payment_requests_order_no_attempt_key UNIQUE (order_no, attempt)
);
CREATE INDEX payment_requests_again ON payment_requests (order_no) WHERE attempt > 1;

CREATE TRIGGER payment_request_audited AFTER INSERT ON payment_requests
  FOR EACH ROW WHEN (NEW.attempt IS NULL AND (split_part(NEW.actor, ':', 1) IN ('support', 'warehouse', 'finance',
    'operations', 'admin')))
  EXECUTE FUNCTION audit_payment_request();

-- True while an authorisation is needed: the order is not captured, or its guarantee is neither claimed nor released.
CREATE FUNCTION authorisation_is_wanted(asked_payment_id bigint)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM payments p JOIN orders o USING (order_no)
     WHERE p.payment_id = asked_payment_id AND p.kind = 'authorise' AND p.status = 'succeeded'
       AND CASE p.purpose
         WHEN 'order' THEN
           o.status IN ('received', 'pending_payment') AND o.cancelling IS NULL AND p.amount_minor = o.total_minor
           AND p.attempt = (SELECT max(r.attempt) FROM payment_requests r WHERE r.order_no = p.order_no)
           AND NOT EXISTS (SELECT FROM payments e WHERE e.order_no = p.order_no AND e.parent_id = p.payment_id
                              AND (e.kind = 'capture' OR e.status <> 'failed'))
         WHEN 'guarantee' THEN
           EXISTS (SELECT FROM guarantees g WHERE g.order_no = p.order_no AND g.status = 'authorised'
                      AND g.return_id = p.guarantee_return_id)
           AND NOT EXISTS (SELECT FROM payments e WHERE e.order_no = p.order_no AND e.parent_id = p.payment_id
                              AND e.kind = 'capture' AND e.status <> 'failed')
         ELSE false END)
$$;

-- What a capture holds no more: refunded, taken back by the provider, or paid by another capture.
CREATE FUNCTION given_back_minor(of_order text, capture bigint)
  RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(sum(CASE p.kind WHEN 'dispute_won' THEN -p.amount_minor ELSE p.amount_minor END), 0)::bigint
         + coalesce((SELECT t.settled_minor FROM payment_totals t WHERE t.payment_id = capture), 0)
    FROM payments p WHERE p.order_no = of_order AND p.parent_id = capture AND p.status = 'succeeded'
     AND p.kind IN ('refund', 'dispute', 'dispute_won')
$$;

-- True while the order must not be charged: a hold stops it, or it is cancelled.
CREATE FUNCTION takes_no_money(of_order text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM holds h WHERE h.order_no = of_order AND h.closed_at IS NULL AND 'pending_payment' = ANY (h.stops))
$$;

-- True where the provider has reversed this refund.
CREATE FUNCTION is_reversed(refund_payment bigint, of_order text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM payments v WHERE v.order_no = of_order AND v.parent_id = refund_payment
                    AND v.kind = 'refund_reversed')
$$;

-- Serialises a payment and the events about it: of two at the same moment, the second sees the first.
CREATE FUNCTION lock_payment_ref(of_provider text, of_ref text)
  RETURNS void LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT pg_advisory_xact_lock(hashtextextended('payment:' || of_provider || ':' || of_ref, 0))
$$;

-- The order of a provider's payment reference.
CREATE FUNCTION order_of_payment(of_provider text, of_ref text)
  RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF of_ref IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM lock_payment_ref(of_provider, of_ref);
  RETURN (SELECT p.order_no FROM payments p WHERE p.provider = of_provider AND p.provider <> 'manual'
             AND p.provider_ref = of_ref AND p.kind IN ('capture', 'authorise') LIMIT 1);
END $$;

-- Rows

INSERT INTO posting_rules (kind, debit, credit) VALUES
  ('authorise', 'authorised:{provider}', 'authorisations:customer'),
  ('capture', 'receivable:{provider}', 'customer_funds'), ('dispute', 'customer_funds', 'receivable:{provider}'),
  ('dispute_won', 'receivable:{provider}', 'customer_funds'), ('refund', 'customer_funds', 'receivable:{provider}'),
  ('refund_reversed', 'receivable:{provider}', 'customer_funds'),
  ('void', 'authorisations:customer', 'authorised:{provider}');

-- Rights

GRANT SELECT ON payment_ledger, payment_requests, payment_totals, payments, posting_rules TO oms_app;
GRANT INSERT (actor, attempt, method, order_no, request_id, token) ON payment_requests TO oms_app;
GRANT UPDATE (attempt) ON payment_requests TO oms_app;
GRANT INSERT (amount_minor, attempt, change_payment_no, currency, expires_at, fulfilment_no, guarantee_return_id,
  idempotency_key, kind, order_no, parent_id, provider, provider_ref, purpose, refund_id, renews, status, tries)
  ON payments TO oms_app;
GRANT UPDATE (error_code, expires_at, provider_ref, purpose, renew_at, renewal_due, risk, status, tries, updated_at)
  ON payments TO oms_app;
REVOKE EXECUTE ON FUNCTION authorisation_is_wanted(bigint), given_back_minor(text, bigint), guard_payment(),
  is_reversed(bigint, text), lock_payment_ref(text, text), order_of_payment(text, text), plan_renewal(), post_payment(),
  replace_authorisation(), require_renewal_due(), takes_no_money(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authorisation_is_wanted(bigint), given_back_minor(text, bigint), is_reversed(bigint, text),
  lock_payment_ref(text, text), order_of_payment(text, text), takes_no_money(text) TO oms_app;
