-- Customers: profiles, encrypted with a key for each customer
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after staff.sql.

-- One customer of the shop. The data key encrypts everything personal; erasure deletes it.
CREATE TABLE customers (
  customer_id    text PRIMARY KEY CHECK (length(customer_id) BETWEEN 1 AND 64),
  data_key       bytea,  -- wrapped by the master key; NULL after erasure, then nothing can be decrypted
  profile_enc    bytea,  -- {name, email, phone}
  email_index    bytea,  -- keyed hash, to find the customer by it
  phone_index    bytea,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  customer_group text  -- what the customer belongs to, for strategies of sourcing
);
ALTER TABLE customers ADD CONSTRAINT customer_group CHECK (length(customer_group) >= 1 AND length(customer_group) <= 60
  AND customer_group !~ '[[:cntrl:]]') NOT VALID;
CREATE INDEX customers_email ON customers (email_index) WHERE email_index IS NOT NULL;
CREATE INDEX customers_phone ON customers (phone_index) WHERE phone_index IS NOT NULL;

-- With the data key go the indexes that find the customer.
CREATE FUNCTION forget_customer()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  DELETE FROM order_contacts WHERE customer_id = OLD.customer_id;
  DELETE FROM order_drafts WHERE customer_id = OLD.customer_id;
  UPDATE customer_contacts SET email_index = NULL, phone_index = NULL WHERE customer_id = OLD.customer_id;
  NEW.email_index := NULL;
  NEW.phone_index := NULL;
  NEW.customer_group := NULL;
  RETURN NEW;
END $$;

CREATE TRIGGER customer_forgotten BEFORE UPDATE OF data_key ON customers
  FOR EACH ROW WHEN (OLD.data_key IS NOT NULL AND NEW.data_key IS NULL) EXECUTE FUNCTION forget_customer();

CREATE TRIGGER customer_group_audited AFTER UPDATE OF customer_group ON customers
  FOR EACH ROW WHEN (OLD.customer_group IS DISTINCT FROM NEW.customer_group)
  EXECUTE FUNCTION audit_row('customer_group', 'customer_id', 'customer_group');

-- A data key is given once and is not taken away: without it nothing of the customer can be read. Erasure is left to
-- the owner of the database.
CREATE FUNCTION keep_data_key() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
    RAISE EXCEPTION 'a customer''s key is kept' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER customer_key_kept BEFORE UPDATE OF data_key ON customers
  FOR EACH ROW WHEN (OLD.data_key IS NOT NULL AND NEW.data_key IS DISTINCT FROM OLD.data_key)
  EXECUTE FUNCTION keep_data_key();

CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON customers
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

-- A customer's profile for each channel that named one.
CREATE TABLE customer_contacts (
  customer_id text NOT NULL REFERENCES customers,
  channel     text NOT NULL CHECK (length(channel) BETWEEN 1 AND 32),
  profile_enc bytea NOT NULL,  -- encrypted like customers.profile_enc
  email_index bytea,
  phone_index bytea,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT customer_contacts_pkey PRIMARY KEY (customer_id, channel)
);
CREATE INDEX customer_contacts_email ON customer_contacts (email_index) WHERE email_index IS NOT NULL;
CREATE INDEX customer_contacts_phone ON customer_contacts (phone_index) WHERE phone_index IS NOT NULL;

-- Rights

GRANT SELECT ON customer_contacts, customers TO oms_app;
GRANT INSERT (channel, customer_id, email_index, phone_index, profile_enc) ON customer_contacts TO oms_app;
GRANT UPDATE (email_index, phone_index, profile_enc, updated_at) ON customer_contacts TO oms_app;
GRANT INSERT (customer_id, data_key, email_index, phone_index, profile_enc) ON customers TO oms_app;
GRANT UPDATE (customer_group, data_key, email_index, phone_index, profile_enc, updated_at) ON customers TO oms_app;
REVOKE EXECUTE ON FUNCTION forget_customer(), keep_data_key() FROM PUBLIC;
