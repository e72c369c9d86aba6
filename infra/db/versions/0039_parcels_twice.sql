-- Parcels that were replaced and arrived all the same: few, and looked for again and again.
CREATE INDEX shipments_twice ON shipments (updated_at) WHERE replaced_at IS NOT NULL AND status = 'delivered';
