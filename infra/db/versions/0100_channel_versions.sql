-- Two people who change a channel do not overwrite each other: each change has the next version. `messages_off` are the
-- templates that customers of the channel are not sent.
ALTER TABLE channel_settings
  ADD COLUMN version integer NOT NULL DEFAULT 1,
  ADD COLUMN messages_off text[] NOT NULL DEFAULT '{}';
ALTER TABLE channel_settings ADD CONSTRAINT channel_messages_off CHECK (cardinality(messages_off) <= 100) NOT VALID;

-- A process of the previous version, which knows no version, counts as well.
CREATE FUNCTION count_channel_version()
  RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER channel_version BEFORE UPDATE ON channel_settings
  FOR EACH ROW EXECUTE FUNCTION count_channel_version();
DROP TRIGGER channel_audited ON channel_settings;
CREATE TRIGGER channel_audited AFTER INSERT OR UPDATE ON channel_settings
  FOR EACH ROW EXECUTE FUNCTION audit_row('channel', 'channel', 'name colour dark_colour contact logo messages_off');

GRANT INSERT (messages_off), UPDATE (messages_off) ON channel_settings TO oms_app;
REVOKE EXECUTE ON FUNCTION count_channel_version() FROM PUBLIC;
