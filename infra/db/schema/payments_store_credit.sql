-- Payments: store credit
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after payments_refunds.sql.

-- Balance of each customer. Stored for its constraints only: the entries are the truth.
CREATE TABLE store_credits (
  customer_id   text NOT NULL REFERENCES customers,
  currency      char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  balance_minor bigint NOT NULL DEFAULT 0,  -- can be spent now
  held_minor    bigint NOT NULL DEFAULT 0,  -- reserved for payments that are not captured yet
  CONSTRAINT store_credits_pkey PRIMARY KEY (customer_id, currency),
  CONSTRAINT store_credit_not_overdrawn CHECK (balance_minor >= 0),
  CONSTRAINT store_credit_held_not_negative CHECK (held_minor >= 0)
);

-- What was granted, held, spent and returned. Append-only; the deltas are what an entry does to the two sums.
CREATE TABLE store_credit_entries (
  entry_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  idempotency_key text NOT NULL,
  kind            text NOT NULL,
  customer_id     text NOT NULL REFERENCES customers,
  currency        char(3) NOT NULL,
  amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
  balance_delta   bigint NOT NULL,
  held_delta      bigint NOT NULL,
  order_no        text NOT NULL REFERENCES orders,  -- on which it was granted or is spent
  return_id       text,
  -- the hold that ends, or the spending that is returned
  parent_id       bigint REFERENCES store_credit_entries (entry_id),
  created_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT one_credit_entry_per_key UNIQUE (idempotency_key),
  CONSTRAINT credit_deltas CHECK (
  CASE kind
      WHEN 'granted' THEN balance_delta = amount_minor AND held_delta = 0 AND parent_id IS NULL
      WHEN 'held' THEN balance_delta = -amount_minor AND held_delta = amount_minor AND parent_id IS NULL
      WHEN 'declined' THEN balance_delta = 0 AND held_delta = 0 AND parent_id IS NULL
      WHEN 'released' THEN balance_delta = amount_minor AND held_delta = -amount_minor AND parent_id IS NOT NULL
      WHEN 'spent' THEN balance_delta = 0 AND held_delta = -amount_minor AND parent_id IS NOT NULL
      WHEN 'returned' THEN balance_delta = amount_minor AND held_delta = 0 AND parent_id IS NOT NULL
      ELSE false
  END)
);
CREATE INDEX store_credit_entries_customer ON store_credit_entries (customer_id, entry_id DESC);
CREATE INDEX store_credit_entries_parent ON store_credit_entries (parent_id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX store_credit_spent_once ON store_credit_entries (parent_id) WHERE kind = 'spent';

-- Applies an entry to the balance. The row is locked first, so that two entries never see the same balance.
CREATE FUNCTION apply_credit_entry()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

CREATE TRIGGER store_credit_applies AFTER INSERT ON store_credit_entries
  FOR EACH ROW WHEN (NEW.kind <> 'declined') EXECUTE FUNCTION apply_credit_entry();

CREATE TRIGGER store_credit_entries_append_only BEFORE DELETE OR UPDATE ON store_credit_entries
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Store credit is a liability in the ledger: a grant is a refund into it, spending is a capture out of it.
CREATE FUNCTION credit_is_owed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.debit_account := replace(NEW.debit_account, 'receivable:store_credit', 'store_credit:customer');
  NEW.credit_account := replace(NEW.credit_account, 'receivable:store_credit', 'store_credit:customer');
  RETURN NEW;
END $$;

-- What a customer can spend, with the row locked; 0 where nothing was ever granted.
CREATE FUNCTION lock_store_credit(of_customer text, in_currency text)
  RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce((SELECT balance_minor FROM store_credits
                    WHERE customer_id = of_customer AND currency = in_currency FOR NO KEY UPDATE), 0)
$$;

-- Of tables in earlier files

CREATE TRIGGER store_credit_is_owed BEFORE INSERT ON payment_ledger
  FOR EACH ROW WHEN ('receivable:store_credit' = NEW.debit_account OR 'receivable:store_credit' = NEW.credit_account)
  EXECUTE FUNCTION credit_is_owed();

-- Rights

GRANT SELECT ON store_credit_entries, store_credits TO oms_app;
GRANT INSERT (amount_minor, balance_delta, currency, customer_id, held_delta, idempotency_key, kind, order_no,
  parent_id, return_id) ON store_credit_entries TO oms_app;
REVOKE EXECUTE ON FUNCTION apply_credit_entry(), credit_is_owed(), lock_store_credit(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_store_credit(text, text) TO oms_app;
