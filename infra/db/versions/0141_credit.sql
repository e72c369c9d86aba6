-- What each customer may owe for orders on payment terms, in each currency.
CREATE TABLE credit_accounts (
  customer_id text NOT NULL REFERENCES customers,
  currency    char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  limit_minor bigint NOT NULL CHECK (limit_minor BETWEEN 0 AND 1000000000000000),
  terms_days  integer NOT NULL CHECK (terms_days BETWEEN 1 AND 365),
  used_minor  bigint NOT NULL DEFAULT 0 CHECK (used_minor >= 0),
  over_minor  bigint NOT NULL DEFAULT 0 CHECK (over_minor >= 0),  -- what was used when the limit was lowered below it
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (customer_id, currency),
  CONSTRAINT credit_within_limit CHECK (used_minor <= limit_minor + over_minor)
);
CREATE TRIGGER credit_account_audited AFTER INSERT OR UPDATE OF limit_minor, terms_days ON credit_accounts
  FOR EACH ROW EXECUTE FUNCTION audit_row('customer_credit', 'customer_id', 'currency limit_minor terms_days');

-- A limit that is set below what is used leaves nothing, and what is used stays.
CREATE FUNCTION allow_used_credit() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.over_minor := CASE WHEN NEW.limit_minor <> OLD.limit_minor OR NEW.used_minor < OLD.used_minor
                         THEN greatest(NEW.used_minor - NEW.limit_minor, 0) ELSE OLD.over_minor END;
  RETURN NEW;
END $$;
CREATE TRIGGER credit_account_lowered BEFORE UPDATE ON credit_accounts
  FOR EACH ROW EXECUTE FUNCTION allow_used_credit();

-- What a customer owes for an order on payment terms. Its triggers move the credit that the customer uses.
CREATE TABLE receivables (
  order_no       text PRIMARY KEY REFERENCES orders,
  customer_id    text NOT NULL,
  currency       char(3) NOT NULL,
  purchase_order text NOT NULL CHECK (length(purchase_order) BETWEEN 1 AND 64),
  terms_days     integer NOT NULL CHECK (terms_days BETWEEN 1 AND 365),
  charged_minor  bigint NOT NULL CHECK (charged_minor >= 0),
  owed_minor     bigint NOT NULL,
  due_at         timestamptz,  -- NULL until its stock is reserved: the terms run from then
  reminded_at    timestamptz,
  escalated_at   timestamptz,
  released_at    timestamptz,  -- its order was cancelled
  created_at     timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (customer_id, currency) REFERENCES credit_accounts (customer_id, currency),
  CONSTRAINT owed_within_charge CHECK (owed_minor BETWEEN 0 AND charged_minor),
  CONSTRAINT reminded_before_escalated CHECK (escalated_at IS NULL OR reminded_at IS NOT NULL)
);
CREATE UNIQUE INDEX receivables_purchase_order ON receivables (customer_id, purchase_order) WHERE released_at IS NULL;
CREATE INDEX receivables_due ON receivables (due_at, order_no) WHERE owed_minor > 0;
CREATE INDEX receivables_of_customer ON receivables (customer_id) WHERE owed_minor > 0;

-- Charges a new order to the customer's credit, within the terms that the customer has.
CREATE FUNCTION charge_credit() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE most integer;
BEGIN
  IF NEW.owed_minor <> NEW.charged_minor OR NOT EXISTS (
       SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.type = 'b2b' AND o.total_minor = NEW.charged_minor
          AND (o.customer_id, o.currency) = (NEW.customer_id, NEW.currency)) THEN
    RAISE EXCEPTION 'an order on terms is charged as it costs' USING ERRCODE = 'OM003';
  END IF;
  UPDATE credit_accounts SET used_minor = used_minor + NEW.owed_minor, updated_at = now()
   WHERE customer_id = NEW.customer_id AND currency = NEW.currency RETURNING terms_days INTO most;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no_credit' USING ERRCODE = 'OM196';
  ELSIF NEW.terms_days > most THEN
    RAISE EXCEPTION 'terms_too_long' USING ERRCODE = 'OM197';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER receivable_charged AFTER INSERT ON receivables FOR EACH ROW EXECUTE FUNCTION charge_credit();

-- What is owed no longer, and what is owed on top, moves the credit that is used.
CREATE FUNCTION move_credit() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE credit_accounts SET used_minor = used_minor + NEW.owed_minor - OLD.owed_minor, updated_at = now()
   WHERE customer_id = NEW.customer_id AND currency = NEW.currency;
  RETURN NULL;
END $$;
CREATE TRIGGER receivable_moves_credit AFTER UPDATE OF owed_minor ON receivables
  FOR EACH ROW WHEN (NEW.owed_minor <> OLD.owed_minor) EXECUTE FUNCTION move_credit();

-- What was agreed does not change, and what is owed changes only by payments, refunds and the order's own changes.
CREATE FUNCTION guard_receivable() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.order_no, NEW.customer_id, NEW.currency, NEW.purchase_order, NEW.terms_days)
       IS DISTINCT FROM (OLD.order_no, OLD.customer_id, OLD.currency, OLD.purchase_order, OLD.terms_days)
     OR pg_trigger_depth() < 2 AND (NEW.owed_minor, NEW.charged_minor, NEW.due_at, NEW.released_at)
       IS DISTINCT FROM (OLD.owed_minor, OLD.charged_minor, OLD.due_at, OLD.released_at)
     OR OLD.due_at IS NOT NULL AND NEW.due_at IS DISTINCT FROM OLD.due_at THEN
    RAISE EXCEPTION 'what was agreed does not change' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER receivable_guard BEFORE UPDATE ON receivables FOR EACH ROW EXECUTE FUNCTION guard_receivable();

-- An order on terms: its price may change while it waits for stock, and it ends with nothing owed.
CREATE FUNCTION follow_order_on_terms() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.status = 'cancelled' AND OLD.status <> 'cancelled' THEN
    UPDATE receivables SET owed_minor = 0, released_at = now() WHERE order_no = NEW.order_no;
  ELSIF NEW.status = 'completed' AND OLD.status <> 'completed'
        AND EXISTS (SELECT FROM receivables r WHERE r.order_no = NEW.order_no AND r.owed_minor > 0) THEN
    RAISE EXCEPTION 'an order is completed once it is paid' USING ERRCODE = 'OM005';
  ELSIF NEW.total_minor <> OLD.total_minor AND NEW.status IN ('received', 'pending_payment') THEN
    UPDATE receivables SET charged_minor = NEW.total_minor, owed_minor = NEW.total_minor WHERE order_no = NEW.order_no;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER order_moves_credit AFTER UPDATE OF status, total_minor ON orders
  FOR EACH ROW WHEN (NEW.type = 'b2b') EXECUTE FUNCTION follow_order_on_terms();

-- From this event on the terms run. No other order goes on unpaid.
CREATE FUNCTION begin_terms() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE receivables SET due_at = now() + make_interval(days => terms_days) WHERE order_no = NEW.order_no;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'illegal_transition' USING ERRCODE = 'OM002', DETAIL = 'the order has no payment terms';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER terms_begin AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.type = 'payment_on_terms') EXECUTE FUNCTION begin_terms();
INSERT INTO order_transitions (from_status, event, to_status) VALUES ('pending_payment', 'payment_on_terms', 'paid');

-- The capture of an order on terms is what its customer owes; a payment of it later has the purpose 'terms'.
ALTER TABLE payments DROP CONSTRAINT payments_purpose_check;
ALTER TABLE payments ADD CONSTRAINT payments_purpose
  CHECK (purpose IN ('order', 'stray', 'guarantee', 'supplement', 'terms')) NOT VALID;
ALTER TABLE payment_totals ADD COLUMN settled_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE payment_totals ADD CONSTRAINT settled_within_capture
  CHECK (settled_minor >= 0 AND refunded_minor + promised_minor + disputed_minor + settled_minor <= captured_minor)
  NOT VALID;

-- Lowers what is owed by what was paid, and by what was refunded before it was paid. A payment takes its room when it is
-- meant, as a refund does, so that both cannot take the same.
CREATE FUNCTION follow_receivable() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  stands boolean := NEW.status <> 'failed' AND NEW.purpose = 'terms';
  stood  boolean := TG_OP = 'UPDATE' AND OLD.status <> 'failed' AND OLD.purpose = 'terms';
  lowers boolean := NEW.status = 'succeeded' AND (TG_OP = 'INSERT' OR OLD.status <> 'succeeded');
BEGIN
  IF NEW.kind = 'capture' AND NEW.purpose = 'order' THEN
    IF NOT EXISTS (SELECT FROM receivables r WHERE r.order_no = NEW.order_no AND r.owed_minor = NEW.amount_minor
                      AND r.charged_minor = NEW.amount_minor AND r.released_at IS NULL) THEN
      RAISE EXCEPTION 'illegal_transition' USING ERRCODE = 'OM002', DETAIL = 'the order has no payment terms';
    END IF;
    RETURN NULL;
  END IF;
  IF NEW.kind = 'capture' AND stands <> stood THEN
    UPDATE payment_totals t
       SET settled_minor = settled_minor + CASE WHEN stands THEN NEW.amount_minor ELSE -NEW.amount_minor END
      FROM payments p WHERE p.payment_id = t.payment_id AND p.order_no = NEW.order_no AND p.kind = 'capture'
       AND p.provider = 'terms';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'settlement_without_terms' USING ERRCODE = 'OM004';
    END IF;
  END IF;
  IF lowers AND (NEW.kind = 'refund' OR stands) THEN
    UPDATE receivables SET owed_minor = owed_minor - NEW.amount_minor WHERE order_no = NEW.order_no;
  END IF;
  IF lowers AND stands AND NEW.kind = 'capture' AND NEW.provider = 'manual' THEN
    INSERT INTO workflow_requests (kind, subject, name, payload)
    VALUES ('signal_order', NEW.order_no, 'after_sales', jsonb_build_object('payment_id', NEW.payment_id));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER payment_moves_receivable AFTER INSERT OR UPDATE OF status, purpose ON payments
  FOR EACH ROW WHEN (NEW.provider = 'terms' AND NEW.kind IN ('capture', 'refund')
    OR NEW.purpose = 'terms' AND NEW.kind = 'capture')
  EXECUTE FUNCTION follow_receivable();

-- What a capture holds no more: refunded, taken back by the provider, or paid by another capture.
CREATE OR REPLACE FUNCTION given_back_minor(of_order text, capture bigint) RETURNS bigint
  LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(sum(CASE p.kind WHEN 'dispute_won' THEN -p.amount_minor ELSE p.amount_minor END), 0)::bigint
         + coalesce((SELECT t.settled_minor FROM payment_totals t WHERE t.payment_id = capture), 0)
    FROM payments p WHERE p.order_no = of_order AND p.parent_id = capture AND p.status = 'succeeded'
     AND p.kind IN ('refund', 'dispute', 'dispute_won')
$$;

-- A payment on terms pays what its customer owes: it is no further money of the customer.
CREATE OR REPLACE FUNCTION post_payment() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

REVOKE EXECUTE ON FUNCTION allow_used_credit(), charge_credit(), move_credit(), guard_receivable(),
  follow_order_on_terms(), begin_terms(), follow_receivable() FROM PUBLIC;
GRANT SELECT ON credit_accounts, receivables TO oms_app;
GRANT INSERT (customer_id, currency, limit_minor, terms_days), UPDATE (limit_minor, terms_days, updated_at)
  ON credit_accounts TO oms_app;
GRANT INSERT (order_no, customer_id, currency, purchase_order, terms_days, charged_minor, owed_minor),
      UPDATE (reminded_at, escalated_at) ON receivables TO oms_app;
