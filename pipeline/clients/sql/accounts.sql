-- name: put_tenant
insert into tenants (id, policy) values ($1, $2)
on conflict (id) do update set policy = excluded.policy where tenants.policy is distinct from excluded.policy

-- name: add_tenant
insert into tenants (id) values ($1) on conflict (id) do nothing

-- name: tenants
select id, policy, local_only, webhook_url, webhook_secret from tenants order by id

-- name: set_local_only
update tenants set local_only = $2 where id = $1 returning id

-- name: set_webhook
update tenants set webhook_url = $2, webhook_secret = $3 where id = $1 returning id

-- name: create_key
insert into api_keys (id, tenant, name, hash, scopes) values ($1, $2, $3, $4, $5)

-- name: revoke_key
update api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1 returning id

-- name: keys
select id, tenant, name, scopes, created_at, revoked_at
from api_keys where tenant = $1 or $1 is null order by created_at, id

-- name: find_key
select id, tenant, name, scopes, created_at, revoked_at from api_keys where hash = $1

-- name: put_subscriber
insert into subscribers (tenant, id, policy) values ($1, $2, $3)
on conflict (tenant, id) do update set policy = excluded.policy
where subscribers.policy is distinct from excluded.policy
