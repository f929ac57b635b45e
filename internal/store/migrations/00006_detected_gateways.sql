-- +goose Up

-- What a replication job had detected before somebody specified other settings, in the
-- form of the history; NULL where nothing was, or where it is what is stored.
ALTER TABLE default_gateways ADD COLUMN detected TEXT;

-- Of gateways from before this column the history tells it: the newest detected state
-- that was changed since, but never removed.
UPDATE default_gateways SET detected = (
    SELECT d.after FROM cloud_networks AS n
    JOIN changes AS d ON d.tenant_id = n.tenant_id AND d.network_id = n.id
    WHERE n.id = default_gateways.network_id AND d.after LIKE '{"origin":"detected",%'
      AND NOT EXISTS (
          SELECT 1 FROM changes AS r
          WHERE r.tenant_id = d.tenant_id AND r.network_id = d.network_id AND r.revision > d.revision AND r.after IS NULL
      )
    ORDER BY d.revision DESC LIMIT 1
) WHERE origin = 'specified';
