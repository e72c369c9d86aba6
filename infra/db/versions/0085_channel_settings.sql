-- How the shop of a channel looks to its customers. A channel without a row has the default look.
CREATE TABLE channel_settings (
  channel     text PRIMARY KEY,
  name        text,
  colour      text NOT NULL,
  dark_colour text,
  contact     text,
  logo        text REFERENCES stored_files,
  updated_by  text NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT channel_code CHECK (length(channel) BETWEEN 1 AND 32),
  CONSTRAINT channel_name CHECK (length(name) BETWEEN 1 AND 60 AND name !~ '[[:cntrl:]]'),
  CONSTRAINT channel_colour CHECK (colour ~ '^#[0-9a-f]{6}$'),
  CONSTRAINT channel_dark_colour CHECK (dark_colour ~ '^#[0-9a-f]{6}$'),
  CONSTRAINT channel_contact CHECK (length(contact) <= 200 AND contact ~ '^(https://|mailto:[^[:space:]@]+@)[^[:space:]]+$')
);
CREATE TRIGGER channel_audited AFTER INSERT OR UPDATE ON channel_settings
  FOR EACH ROW EXECUTE FUNCTION audit_row('channel', 'channel', 'name colour dark_colour contact logo');

GRANT SELECT ON channel_settings TO oms_app;
GRANT INSERT (channel, colour, contact, dark_colour, logo, name, updated_by) ON channel_settings TO oms_app;
GRANT UPDATE (colour, contact, dark_colour, logo, name, updated_at, updated_by) ON channel_settings TO oms_app;
