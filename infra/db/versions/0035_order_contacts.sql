-- How each order named its customer and its receiver, and the blind terms that they are found by. One row serves all
-- orders of a customer that named the same; what support corrects on one order is a row of that order's own.
CREATE TABLE order_contacts (
  customer_id  text NOT NULL REFERENCES customers,
  contact_id   bytea NOT NULL CHECK (length(contact_id) = 16),  -- under the customer's own key: erasure ends it
  profile_enc  bytea NOT NULL,              -- sealed like customers.profile_enc
  terms        bytea[] NOT NULL,            -- words of names, e-mail addresses and telephone numbers, keyed
  email_index  bytea,                       -- set where it is corrected: by these it is reached in the portal
  phone_index  bytea,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (customer_id, contact_id)
);
CREATE INDEX order_contacts_terms ON order_contacts USING gin (terms);
CREATE INDEX order_contacts_email ON order_contacts (email_index) WHERE email_index IS NOT NULL;
CREATE INDEX order_contacts_phone ON order_contacts (phone_index) WHERE phone_index IS NOT NULL;

-- No foreign key: it would cost each order a look and a lock; nothing but erasure deletes a contact. NULL is an order
-- from before, which the relay fills in; empty is an order of a customer who was erased before that.
ALTER TABLE orders
  ADD COLUMN contact_id bytea CHECK (length(contact_id) IN (0, 16)),
  ADD COLUMN contact_corrected boolean NOT NULL DEFAULT false;
CREATE INDEX orders_contact_unknown ON orders (order_no) WHERE contact_id IS NULL;

CREATE INDEX products_sku_any_case ON products (lower(sku));
CREATE INDEX payments_manual_ref ON payments (provider_ref) WHERE provider = 'manual';
CREATE INDEX returns_tracking ON returns (tracking_no) WHERE tracking_no IS NOT NULL;

-- With his key go the indexes that find a customer.
CREATE FUNCTION forget_customer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  DELETE FROM order_contacts WHERE customer_id = OLD.customer_id;
  UPDATE customer_contacts SET email_index = NULL, phone_index = NULL WHERE customer_id = OLD.customer_id;
  NEW.email_index := NULL;
  NEW.phone_index := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER customer_forgotten BEFORE UPDATE OF data_key ON customers FOR EACH ROW
  WHEN (OLD.data_key IS NOT NULL AND NEW.data_key IS NULL) EXECUTE FUNCTION forget_customer();
UPDATE customers SET email_index = NULL, phone_index = NULL
 WHERE data_key IS NULL AND (email_index IS NOT NULL OR phone_index IS NOT NULL);
UPDATE customer_contacts s SET email_index = NULL, phone_index = NULL FROM customers c
 WHERE c.customer_id = s.customer_id AND c.data_key IS NULL AND (s.email_index IS NOT NULL OR s.phone_index IS NOT NULL);

GRANT SELECT, INSERT (customer_id, contact_id, profile_enc, terms, email_index, phone_index) ON order_contacts TO oms_app;
GRANT UPDATE (profile_enc, terms, email_index, phone_index) ON order_contacts TO oms_app;
GRANT INSERT (contact_id, contact_corrected), UPDATE (contact_id, contact_corrected) ON orders TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
