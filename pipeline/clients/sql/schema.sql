-- name: lock
select pg_advisory_xact_lock(hashtext('winnow schema'))

-- name: prepare
create table if not exists schema_migrations (
    name text primary key,
    hash bytea not null,
    applied_at timestamptz not null default now()
)

-- name: applied
select name, hash from schema_migrations

-- name: record
insert into schema_migrations (name, hash) values ($1, $2)
