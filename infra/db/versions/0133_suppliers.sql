-- A supplier sends its own stock to our customers: nobody picks there, and its carrier is not ours.
ALTER TABLE warehouses ADD COLUMN kind text NOT NULL DEFAULT 'warehouse';
ALTER TABLE warehouses ADD COLUMN lead_time_days smallint NOT NULL DEFAULT 0;
ALTER TABLE warehouses ADD CONSTRAINT warehouses_kind CHECK (kind IN ('warehouse', 'supplier')) NOT VALID;
ALTER TABLE warehouses ADD CONSTRAINT warehouses_lead_time CHECK (lead_time_days BETWEEN 0 AND 90) NOT VALID;
ALTER TABLE warehouses ADD CONSTRAINT warehouses_default_is_own CHECK (NOT is_default OR kind = 'warehouse') NOT VALID;
CREATE TRIGGER supplier_audited AFTER INSERT OR UPDATE ON warehouses
  FOR EACH ROW WHEN (NEW.kind = 'supplier') EXECUTE FUNCTION audit_row('supplier', 'code', 'lead_time_days');
GRANT INSERT (kind, lead_time_days), UPDATE (lead_time_days) ON warehouses TO oms_app;

-- When a strategy takes suppliers: after the warehouses, beside them, or not at all.
ALTER TABLE sourcing_strategies ADD COLUMN suppliers text NOT NULL DEFAULT 'last';
ALTER TABLE sourcing_strategies ADD CONSTRAINT sourcing_strategy_suppliers
  CHECK (suppliers IN ('last', 'equal', 'never')) NOT VALID;
GRANT INSERT (suppliers) ON sourcing_strategies TO oms_app;

-- A supplier names carrier and tracking number when it ships; until then its parcel has neither.
ALTER TABLE shipments DROP CONSTRAINT shipments_check;
ALTER TABLE shipments ADD CONSTRAINT shipments_tracked
  CHECK (status IN ('booking', 'cancelled') OR tracking_no IS NOT NULL OR carrier = 'supplier') NOT VALID;
GRANT UPDATE (carrier) ON shipments TO oms_app;
