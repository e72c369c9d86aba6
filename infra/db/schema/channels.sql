-- Channels: how their shops look to customers
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after orders_table.sql.

-- Name, colour, logo and contact of a channel's shop. A channel without a row has the defaults.
CREATE TABLE channel_settings (
  channel         text PRIMARY KEY,
  name            text,  -- NULL: the portal is called My orders
  colour          text NOT NULL,  -- of buttons and links, readable on light pages
  dark_colour     text,  -- on dark pages; NULL: the colour, made lighter until it is readable
  contact         text,  -- where customers write to
  logo            text REFERENCES stored_files (file_id),  -- a public picture
  updated_by      text NOT NULL,
  updated_at      timestamptz NOT NULL DEFAULT now(),
  version         integer NOT NULL DEFAULT 1,
  messages_off    text[] NOT NULL DEFAULT '{}'::text[],  -- templates of messages that its customers are not sent
  max_fulfilments smallint,  -- of an order that no single warehouse can ship; NULL: the setting OMS_MAX_FULFILMENTS
  CONSTRAINT channel_code CHECK (length(channel) BETWEEN 1 AND 32),
  CONSTRAINT channel_name CHECK (length(name) >= 1 AND length(name) <= 60 AND name !~ '[[:cntrl:]]'),
  CONSTRAINT channel_colour CHECK (colour ~ '^#[0-9a-f]{6}$'),
  CONSTRAINT channel_dark_colour CHECK (dark_colour ~ '^#[0-9a-f]{6}$'),
  CONSTRAINT channel_contact CHECK (length(contact) <= 200 AND contact ~
      '^(https://|mailto:[^[:space:]@]+@)[^[:space:]]+$')
);
ALTER TABLE channel_settings ADD CONSTRAINT channel_messages_off CHECK (cardinality(messages_off) <= 100) NOT VALID;
ALTER TABLE channel_settings ADD CONSTRAINT channel_max_fulfilments CHECK (max_fulfilments >= 1
  AND max_fulfilments <= 20) NOT VALID;

CREATE TRIGGER channel_audited AFTER INSERT OR UPDATE ON channel_settings
  FOR EACH ROW
  EXECUTE FUNCTION audit_row('channel', 'channel', 'name colour dark_colour contact logo messages_off max_fulfilments');

-- Each change of a channel has the next version.
CREATE FUNCTION count_channel_version()
  RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;

CREATE TRIGGER channel_version BEFORE UPDATE ON channel_settings FOR EACH ROW EXECUTE FUNCTION count_channel_version();

-- Rights

GRANT SELECT ON channel_settings TO oms_app;
GRANT INSERT (channel, colour, contact, dark_colour, logo, max_fulfilments, messages_off, name, updated_by)
  ON channel_settings TO oms_app;
GRANT UPDATE (colour, contact, dark_colour, logo, max_fulfilments, messages_off, name, updated_at, updated_by)
  ON channel_settings TO oms_app;
REVOKE EXECUTE ON FUNCTION count_channel_version() FROM PUBLIC;
