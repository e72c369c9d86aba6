-- The buffer of a warehouse for the orders of some channels, by channel.
ALTER TABLE sourcing_warehouses ADD COLUMN channel_buffers jsonb NOT NULL DEFAULT '{}';
ALTER TABLE sourcing_warehouses ADD CONSTRAINT sourcing_warehouse_channel_buffers
  CHECK (jsonb_typeof(channel_buffers) = 'object' AND NOT jsonb_path_exists(channel_buffers,
         '$.* ? (@.type() != "number" || @ < 0 || @ > 1000000)')) NOT VALID;
DROP TRIGGER sourcing_warehouse_audited ON sourcing_warehouses;
CREATE TRIGGER sourcing_warehouse_audited AFTER INSERT OR UPDATE ON sourcing_warehouses
  FOR EACH ROW EXECUTE FUNCTION audit_row('sourcing_warehouse', 'warehouse',
                                          'cut_off time_zone capacity buffer channel_buffers');
GRANT INSERT (channel_buffers), UPDATE (channel_buffers) ON sourcing_warehouses TO oms_app;
