-- name: horizon
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint

-- name: tenants
select id, policy, local_only, webhook_url, webhook_secret from tenants where change >= $1

-- name: keys
select id, tenant, hash, scopes, revoked_at is not null as revoked from api_keys where change >= $1

-- name: subscribers
select tenant, id, policy from subscribers where change >= $1

-- name: experiments
select task, arms, sticky_by, shadow, salt, revision, control, began, ramp from experiments where change >= $1
