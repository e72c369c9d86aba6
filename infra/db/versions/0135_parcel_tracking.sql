-- Parcels whose carrier does not report them: they are asked for, less and less often while nothing is new.
CREATE TABLE parcel_tracking (
  shipment_id text PRIMARY KEY REFERENCES shipments,
  asked       integer NOT NULL DEFAULT 0,
  unchanged   integer NOT NULL DEFAULT 0,
  next_at     timestamptz,
  last_error  text,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT parcel_tracking_counts CHECK (asked >= 0 AND unchanged BETWEEN 0 AND asked)
);
CREATE INDEX parcel_tracking_due ON parcel_tracking (next_at) WHERE next_at IS NOT NULL;

CREATE FUNCTION track_parcel() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO parcel_tracking (shipment_id, next_at) VALUES (NEW.shipment_id, now()) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION track_parcel() FROM PUBLIC;
-- Sandbox and UPS report by signed webhooks: parcels of theirs cost nothing here.
CREATE TRIGGER parcel_is_tracked AFTER INSERT OR UPDATE OF tracking_no ON shipments
  FOR EACH ROW WHEN (NEW.tracking_no IS NOT NULL AND NEW.carrier NOT IN ('sandbox', 'ups'))
  EXECUTE FUNCTION track_parcel();

GRANT SELECT ON parcel_tracking TO oms_app;
GRANT UPDATE (asked, last_error, next_at, unchanged, updated_at) ON parcel_tracking TO oms_app;
