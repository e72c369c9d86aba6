-- How each channel says that its customer is reached: the portal opens a channel's orders to that contact alone, so that
-- no channel opens another's by naming the other's customer with an address of its own choice.

CREATE TABLE customer_contacts (
  customer_id  text NOT NULL REFERENCES customers,
  channel      text NOT NULL CHECK (length(channel) BETWEEN 1 AND 32),
  profile_enc  bytea NOT NULL,              -- sealed like customers.profile_enc
  email_index  bytea,
  phone_index  bytea,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (customer_id, channel)
);
CREATE INDEX customer_contacts_email ON customer_contacts (email_index) WHERE email_index IS NOT NULL;
CREATE INDEX customer_contacts_phone ON customer_contacts (phone_index) WHERE phone_index IS NOT NULL;

INSERT INTO customer_contacts (customer_id, channel, profile_enc, email_index, phone_index)
SELECT c.customer_id, o.channel, c.profile_enc, c.email_index, c.phone_index
  FROM customers c JOIN (SELECT DISTINCT customer_id, channel FROM orders) o USING (customer_id)
 WHERE c.profile_enc IS NOT NULL AND c.data_key IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON customer_contacts TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
