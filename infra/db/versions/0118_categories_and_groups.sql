-- What a product belongs to, as tea or fragile.
ALTER TABLE products ADD COLUMN category text;
ALTER TABLE products ADD CONSTRAINT product_category
  CHECK (length(category) BETWEEN 1 AND 60 AND category !~ '[[:cntrl:]]') NOT VALID;
DROP TRIGGER product_audited ON products;
CREATE TRIGGER product_audited AFTER INSERT OR UPDATE ON products
  FOR EACH ROW EXECUTE FUNCTION audit_row('product', 'sku',
    'name names price_minor currency active weight_g barcode tax_category category picture_id');
GRANT INSERT (category), UPDATE (category) ON products TO oms_app;

-- What a customer belongs to, as vip or wholesale.
ALTER TABLE customers ADD COLUMN customer_group text;
ALTER TABLE customers ADD CONSTRAINT customer_group
  CHECK (length(customer_group) BETWEEN 1 AND 60 AND customer_group !~ '[[:cntrl:]]') NOT VALID;
CREATE TRIGGER customer_group_audited AFTER UPDATE OF customer_group ON customers
  FOR EACH ROW WHEN (OLD.customer_group IS DISTINCT FROM NEW.customer_group)
  EXECUTE FUNCTION audit_row('customer_group', 'customer_id', 'customer_group');
GRANT UPDATE (customer_group) ON customers TO oms_app;

-- Strategies for some categories and groups.
ALTER TABLE sourcing_strategies ADD COLUMN categories text[] NOT NULL DEFAULT '{}';
ALTER TABLE sourcing_strategies ADD COLUMN customer_groups text[] NOT NULL DEFAULT '{}';
ALTER TABLE sourcing_strategies ADD CONSTRAINT sourcing_strategy_further_condition
  CHECK (cardinality(categories) <= 50 AND cardinality(customer_groups) <= 50) NOT VALID;
GRANT INSERT (categories, customer_groups) ON sourcing_strategies TO oms_app;

-- In how many parts an order of the channel may ship that no single warehouse can ship.
ALTER TABLE channel_settings ADD COLUMN max_fulfilments smallint;
ALTER TABLE channel_settings ADD CONSTRAINT channel_max_fulfilments CHECK (max_fulfilments BETWEEN 1 AND 20) NOT VALID;
DROP TRIGGER channel_audited ON channel_settings;
CREATE TRIGGER channel_audited AFTER INSERT OR UPDATE ON channel_settings
  FOR EACH ROW EXECUTE FUNCTION audit_row('channel', 'channel',
    'name colour dark_colour contact logo messages_off max_fulfilments');
GRANT INSERT (max_fulfilments), UPDATE (max_fulfilments) ON channel_settings TO oms_app;

-- Erasure forgets the group, too.
CREATE OR REPLACE FUNCTION forget_customer()
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
