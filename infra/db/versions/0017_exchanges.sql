-- Store credit, parcels sent again, exchanges: what a customer gets instead of money.

-- ── store credit ────────────────────────────────────────────────────────────────────────────────────────────
CREATE TABLE store_credits (               -- stored only to carry the constraints; the entries are the truth
  customer_id    text NOT NULL REFERENCES customers,
  currency       char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  balance_minor  bigint NOT NULL DEFAULT 0,  -- can be spent now
  held_minor     bigint NOT NULL DEFAULT 0,  -- reserved for payments that are not captured yet
  PRIMARY KEY (customer_id, currency),
  CONSTRAINT store_credit_not_overdrawn CHECK (balance_minor >= 0),
  CONSTRAINT store_credit_held_not_negative CHECK (held_minor >= 0)
);

CREATE TABLE store_credit_entries (        -- append-only; the deltas are what an entry does to the two sums
  entry_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  idempotency_key  text NOT NULL,
  kind             text NOT NULL,
  customer_id      text NOT NULL REFERENCES customers,
  currency         char(3) NOT NULL,
  amount_minor     bigint NOT NULL CHECK (amount_minor > 0),
  balance_delta    bigint NOT NULL,
  held_delta       bigint NOT NULL,
  order_no         text NOT NULL REFERENCES orders,  -- on which it was granted, or is spent
  return_id        text,
  parent_id        bigint REFERENCES store_credit_entries,  -- the hold that ends, or the spending that comes back
  created_at       timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT one_credit_entry_per_key UNIQUE (idempotency_key),
  CONSTRAINT credit_deltas CHECK (CASE kind
    WHEN 'granted'  THEN balance_delta = amount_minor  AND held_delta = 0             AND parent_id IS NULL
    WHEN 'held'     THEN balance_delta = -amount_minor AND held_delta = amount_minor  AND parent_id IS NULL
    WHEN 'declined' THEN balance_delta = 0             AND held_delta = 0             AND parent_id IS NULL
    WHEN 'released' THEN balance_delta = amount_minor  AND held_delta = -amount_minor AND parent_id IS NOT NULL
    WHEN 'spent'    THEN balance_delta = 0             AND held_delta = -amount_minor AND parent_id IS NOT NULL
    WHEN 'returned' THEN balance_delta = amount_minor  AND held_delta = 0             AND parent_id IS NOT NULL
    ELSE false END)
);
CREATE INDEX store_credit_entries_customer ON store_credit_entries (customer_id, entry_id DESC);
CREATE INDEX store_credit_entries_parent ON store_credit_entries (parent_id) WHERE parent_id IS NOT NULL;
-- A hold is spent once; what of it is not spent goes back.
CREATE UNIQUE INDEX store_credit_spent_once ON store_credit_entries (parent_id) WHERE kind = 'spent';
CREATE TRIGGER store_credit_entries_append_only BEFORE UPDATE OR DELETE ON store_credit_entries
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- A balance moves only through an entry. The row is taken first: two entries never see the same balance.
CREATE FUNCTION apply_credit_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE parent store_credit_entries%ROWTYPE;
BEGIN
  IF NOT EXISTS (SELECT FROM orders o WHERE o.order_no = NEW.order_no AND o.customer_id = NEW.customer_id
                    AND o.currency = NEW.currency) THEN
    RAISE EXCEPTION 'store credit belongs to the order''s customer and currency' USING ERRCODE = 'OM170';
  END IF;
  INSERT INTO store_credits (customer_id, currency) VALUES (NEW.customer_id, NEW.currency) ON CONFLICT DO NOTHING;
  UPDATE store_credits SET balance_minor = balance_minor + NEW.balance_delta, held_minor = held_minor + NEW.held_delta
   WHERE customer_id = NEW.customer_id AND currency = NEW.currency;
  IF NEW.parent_id IS NOT NULL THEN
    SELECT * INTO parent FROM store_credit_entries WHERE entry_id = NEW.parent_id;
    IF parent.kind <> (CASE NEW.kind WHEN 'returned' THEN 'spent' ELSE 'held' END)
       OR (parent.customer_id, parent.currency, parent.order_no) <> (NEW.customer_id, NEW.currency, NEW.order_no)
       OR parent.amount_minor < (SELECT sum(e.amount_minor) FROM store_credit_entries e WHERE e.parent_id = NEW.parent_id) THEN
      RAISE EXCEPTION 'more ends than was held, or comes back than was spent' USING ERRCODE = 'OM170';
    END IF;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER store_credit_applies AFTER INSERT ON store_credit_entries FOR EACH ROW
  WHEN (NEW.kind <> 'declined') EXECUTE FUNCTION apply_credit_entry();

-- What can be spent, the row taken to the end of the transaction; 0 where nothing was ever granted.
CREATE FUNCTION lock_store_credit(of_customer text, in_currency text) RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
  SELECT coalesce((SELECT balance_minor FROM store_credits
                    WHERE customer_id = of_customer AND currency = in_currency FOR NO KEY UPDATE), 0)
$$;

-- What a provider owes us is receivable; what we owe as store credit is a liability: granting is a refund into it,
-- spending is a capture out of it.
CREATE FUNCTION credit_is_owed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.debit_account := replace(NEW.debit_account, 'receivable:store_credit', 'store_credit:customer');
  NEW.credit_account := replace(NEW.credit_account, 'receivable:store_credit', 'store_credit:customer');
  RETURN NEW;
END $$;
CREATE TRIGGER store_credit_is_owed BEFORE INSERT ON payment_ledger FOR EACH ROW
  WHEN ('receivable:store_credit' IN (NEW.debit_account, NEW.credit_account)) EXECUTE FUNCTION credit_is_owed();

GRANT SELECT ON store_credits, store_credit_entries TO oms_app;
GRANT INSERT (idempotency_key, kind, customer_id, currency, amount_minor, balance_delta, held_delta, order_no, return_id,
  parent_id) ON store_credit_entries TO oms_app;

-- ── a parcel sent again ─────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE shipments
  ADD COLUMN replaced_at timestamptz,      -- another parcel goes out instead of this one, which was lost or refused
  ADD COLUMN came_back_at timestamptz;     -- what was in it is in quarantine
DROP INDEX shipments_one_live;
CREATE UNIQUE INDEX shipments_one_live ON shipments (order_no) WHERE status <> 'cancelled' AND replaced_at IS NULL;
-- All parcels of an order, as its page lists them: the unique index knows the live one only.
CREATE INDEX shipments_order ON shipments (order_no);

CREATE TABLE parcel_contents (             -- what was in a parcel that was replaced
  shipment_id  text NOT NULL REFERENCES shipments,
  sku          text NOT NULL,
  quantity     bigint NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (shipment_id, sku)
);
CREATE TRIGGER parcel_contents_append_only BEFORE UPDATE OR DELETE ON parcel_contents
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE FUNCTION guard_replaced_parcel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.replaced_at IS DISTINCT FROM OLD.replaced_at
     AND (OLD.replaced_at IS NOT NULL OR OLD.status NOT IN ('lost', 'refused'))
     OR OLD.came_back_at IS NOT NULL AND NEW.came_back_at IS DISTINCT FROM OLD.came_back_at THEN
    RAISE EXCEPTION 'only what is lost or refused is replaced, and comes back, once' USING ERRCODE = 'OM171';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER replaced_parcel_guard BEFORE UPDATE OF replaced_at, came_back_at ON shipments
  FOR EACH ROW EXECUTE FUNCTION guard_replaced_parcel();

-- The order shows the warehouse that sends the second parcel.
CREATE FUNCTION show_new_warehouse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  UPDATE orders SET warehouse = NEW.data ->> 'warehouse' WHERE order_no = NEW.order_no;
  RETURN NULL;
END $$;
CREATE TRIGGER parcel_replaced_elsewhere AFTER INSERT ON order_events FOR EACH ROW WHEN (NEW.type = 'parcel_replaced')
  EXECUTE FUNCTION show_new_warehouse();

GRANT SELECT, INSERT ON parcel_contents TO oms_app;

-- ── exchanges ───────────────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE orders DROP CONSTRAINT orders_type_check,
  ADD CONSTRAINT orders_type_check CHECK (type IN ('standard', 'exchange')),
  ADD COLUMN exchange_of text REFERENCES orders,        -- the order whose goods came back
  ADD COLUMN exchange_return text REFERENCES returns,   -- and the return that they came on
  ADD CONSTRAINT exchange_names_its_return
    CHECK ((type = 'exchange') = (exchange_of IS NOT NULL) AND (type = 'exchange') = (exchange_return IS NOT NULL)),
  ADD CONSTRAINT exchanges_something_else CHECK (exchange_of <> order_no);
CREATE UNIQUE INDEX orders_one_exchange ON orders (exchange_return) WHERE exchange_return IS NOT NULL;

CREATE TABLE exchanges (
  return_id     text PRIMARY KEY,
  order_no      text NOT NULL,
  advance       boolean NOT NULL DEFAULT false,    -- the new goods go out before the old ones are here
  status        text NOT NULL DEFAULT 'wanted' CHECK (status IN ('wanted', 'placed', 'fell_back')),
  new_order_no  text UNIQUE REFERENCES orders,
  used_minor    bigint CHECK (used_minor >= 0),    -- what of the old goods' value pays for the new
  created_at    timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (return_id, order_no) REFERENCES returns (return_id, order_no),
  CHECK (status <> 'placed' OR new_order_no IS NOT NULL),
  CHECK ((new_order_no IS NULL) = (used_minor IS NULL))
);
CREATE TABLE exchange_lines (              -- what the customer wants instead, priced when he asked
  return_id         text NOT NULL REFERENCES exchanges,
  line_no           integer NOT NULL CHECK (line_no > 0),
  sku               text NOT NULL REFERENCES products,
  name              text NOT NULL,
  quantity          bigint NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
  unit_price_minor  bigint NOT NULL CHECK (unit_price_minor >= 0),
  PRIMARY KEY (return_id, line_no)
);
CREATE TRIGGER exchange_lines_append_only BEFORE UPDATE OR DELETE ON exchange_lines
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- An exchange is placed once and falls back to money once; neither is undone.
CREATE FUNCTION guard_exchange() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN
       (('wanted', 'placed'), ('wanted', 'fell_back'), ('placed', 'fell_back'))
     OR OLD.new_order_no IS NOT NULL AND (NEW.new_order_no, NEW.used_minor) IS DISTINCT FROM (OLD.new_order_no, OLD.used_minor) THEN
    RAISE EXCEPTION 'an exchange is placed once and falls back once' USING ERRCODE = 'OM172';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER exchange_guard BEFORE UPDATE ON exchanges FOR EACH ROW EXECUTE FUNCTION guard_exchange();

-- Refunds that belong to a return of other goods: what an exchange leaves over, what stands behind goods that were
-- exchanged before. The return is told when they are through.
CREATE TABLE exchange_refunds (
  refund_id  text PRIMARY KEY REFERENCES refunds,
  return_id  text NOT NULL REFERENCES returns
);
CREATE INDEX exchange_refunds_return ON exchange_refunds (return_id);
CREATE FUNCTION wake_return_of_exchange() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  SELECT 'signal_return', e.return_id, 'return_changed', jsonb_build_object('order_no', r.order_no, 'refund', NEW.status)
    FROM exchange_refunds e JOIN returns r USING (return_id) WHERE e.refund_id = NEW.refund_id;
  RETURN NULL;
END $$;
CREATE TRIGGER refund_wakes_exchange AFTER UPDATE OF status ON refunds FOR EACH ROW
  WHEN (NEW.origin = 'exchange' AND OLD.status <> NEW.status AND NEW.status <> 'approved')
  EXECUTE FUNCTION wake_return_of_exchange();
CREATE FUNCTION wake_return_of_new_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  SELECT 'signal_return', e.return_id, 'return_changed', jsonb_build_object('order_no', e.order_no, 'new_order', NEW.to_status)
    FROM exchanges e WHERE e.new_order_no = NEW.order_no;
  RETURN NULL;
END $$;
CREATE TRIGGER new_order_wakes_return AFTER INSERT ON order_events FOR EACH ROW
  WHEN (NEW.to_status IN ('shipped', 'cancelled')) EXECUTE FUNCTION wake_return_of_new_order();

-- ── guarantees: the new goods go out first ──────────────────────────────────────────────────────────────────
ALTER TABLE payments DROP CONSTRAINT payments_purpose_check,
  ADD CONSTRAINT payments_purpose_check CHECK (purpose IN ('order', 'stray', 'guarantee'));
-- A guarantee is claimed once or given back once, never both, whatever the code believes.
CREATE UNIQUE INDEX payments_guarantee_ends_once ON payments (parent_id)
  WHERE purpose = 'guarantee' AND kind IN ('capture', 'void') AND status <> 'failed';

CREATE TABLE guarantees (                  -- an authorisation that is taken if the old goods never come
  return_id     text PRIMARY KEY REFERENCES exchanges,
  order_no      text NOT NULL REFERENCES orders,
  amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
  currency      char(3) NOT NULL,
  method        text NOT NULL CHECK (length(method) BETWEEN 1 AND 32),
  token         text NOT NULL CHECK (length(token) BETWEEN 1 AND 200),
  status        text NOT NULL DEFAULT 'wanted' CHECK (status IN ('wanted', 'authorised', 'declined', 'dropped',
                  'release_due', 'released', 'claim_due', 'claimed', 'given_up')),
  claim_minor   bigint CHECK (claim_minor BETWEEN 1 AND amount_minor),
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CHECK ((status IN ('claim_due', 'claimed')) <= (claim_minor IS NOT NULL))
);
CREATE INDEX guarantees_due ON guarantees (order_no, created_at) WHERE status IN ('wanted', 'release_due', 'claim_due');

CREATE FUNCTION guarantee_is_being_claimed(of_return text, of_order text) RETURNS boolean STABLE LANGUAGE sql SET search_path = public AS $$
  SELECT EXISTS (SELECT FROM payments p WHERE p.order_no = of_order AND p.purpose = 'guarantee' AND p.kind = 'capture'
                    AND p.status <> 'failed' AND p.idempotency_key LIKE of_order || '/guarantee/' || of_return || '/%')
$$;

CREATE FUNCTION guard_guarantee() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF (NEW.order_no, NEW.amount_minor, NEW.currency, NEW.method, NEW.token)
       IS DISTINCT FROM (OLD.order_no, OLD.amount_minor, OLD.currency, OLD.method, OLD.token)
     OR NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
       ('wanted', 'authorised'), ('wanted', 'declined'), ('wanted', 'dropped'), ('dropped', 'release_due'),
       ('authorised', 'release_due'), ('authorised', 'claim_due'), ('claim_due', 'authorised'),
       ('claim_due', 'release_due'), ('claim_due', 'claimed'), ('claim_due', 'given_up'),
       ('release_due', 'released'), ('release_due', 'given_up')) THEN
    RAISE EXCEPTION 'a guarantee does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'OM173';
  END IF;
  -- Once its money is being taken nothing turns that back.
  IF OLD.status = 'claim_due' AND NEW.status IN ('authorised', 'release_due') AND guarantee_is_being_claimed(OLD.return_id, OLD.order_no) THEN
    RAISE EXCEPTION 'the guarantee is being claimed' USING ERRCODE = 'OM173';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guarantee_guard BEFORE UPDATE ON guarantees FOR EACH ROW EXECUTE FUNCTION guard_guarantee();

-- What becomes of the return decides about the guarantee, in the return's own transaction: goods that will not come are
-- claimed, goods that come at the last moment are not. Its order is woken for what costs a provider's call.
CREATE FUNCTION guarantee_follows_return() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NEW.status IN ('expired', 'rejected', 'cancelled') THEN
    UPDATE guarantees SET status = CASE status WHEN 'wanted' THEN 'dropped' ELSE 'claim_due' END, updated_at = now(),
           claim_minor = CASE status WHEN 'authorised' THEN amount_minor END
     WHERE return_id = NEW.return_id AND status IN ('wanted', 'authorised');
  ELSIF NEW.status = 'received' THEN
    UPDATE guarantees SET status = 'authorised', claim_minor = NULL, updated_at = now()
     WHERE return_id = NEW.return_id AND status = 'claim_due' AND NOT guarantee_is_being_claimed(return_id, order_no);
  END IF;
  INSERT INTO workflow_requests (kind, subject, name, payload)
  SELECT 'signal_order', g.order_no, 'after_sales', jsonb_build_object('guarantee', g.return_id)
    FROM guarantees g WHERE g.return_id = NEW.return_id AND g.status IN ('wanted', 'claim_due');
  RETURN NULL;
END $$;
CREATE TRIGGER return_moves_guarantee AFTER UPDATE OF status ON returns FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND NEW.resolution = 'exchange') EXECUTE FUNCTION guarantee_follows_return();

CREATE FUNCTION wake_for_guarantee() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  VALUES ('signal_return', NEW.return_id, 'return_changed', jsonb_build_object('order_no', NEW.order_no, 'guarantee', NEW.status));
  IF NEW.status IN ('release_due', 'claim_due') THEN
    INSERT INTO workflow_requests (kind, subject, name, payload)
    VALUES ('signal_order', NEW.order_no, 'after_sales', jsonb_build_object('guarantee', NEW.return_id));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guarantee_wakes AFTER UPDATE OF status ON guarantees FOR EACH ROW WHEN (OLD.status <> NEW.status)
  EXECUTE FUNCTION wake_for_guarantee();

GRANT SELECT, INSERT (return_id, order_no, amount_minor, currency, method, token), UPDATE (status, claim_minor, updated_at)
  ON guarantees TO oms_app;
GRANT SELECT, INSERT ON exchange_lines, exchange_refunds TO oms_app;
GRANT SELECT, INSERT (return_id, order_no, advance), UPDATE (status, new_order_no, used_minor) ON exchanges TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_store_credit, guarantee_is_being_claimed TO oms_app;  -- used in plain statements, too
