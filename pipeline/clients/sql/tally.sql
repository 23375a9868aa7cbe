-- name: transaction
select pg_current_xact_id()::text

-- name: outcome
-- A transaction whose id lies ahead was of another database, before this one was put in its place.
select case when $1::text::xid8 < pg_current_xact_id() then pg_xact_status($1::text::xid8) end

-- name: add_arms
insert into arm_minutes (task, arm, minute, exposures, failures, latency)
select task, arm, to_timestamp(minute * 60), exposures, failures, ($6::bigint[])[(nth - 1) * $7 + 1 : nth * $7]
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) with ordinality
    as counted (task, arm, minute, exposures, failures, nth)
on conflict (task, arm, minute) do update
set exposures = arm_minutes.exposures + excluded.exposures,
    failures = arm_minutes.failures + excluded.failures,
    latency = (
        select array_agg(coalesce(a, 0) + coalesce(b, 0) order by nth)
        from unnest(arm_minutes.latency, excluded.latency) with ordinality as both_arrays (a, b, nth)
    )

-- name: add_shadows
insert into shadow_minutes (task, arm, minute, exposures, failures, only_shadow, only_live)
select task, arm, to_timestamp(minute * 60), exposures, failures, only_shadow, only_live
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    as counted (task, arm, minute, exposures, failures, only_shadow, only_live)
on conflict (task, arm, minute) do update
set exposures = shadow_minutes.exposures + excluded.exposures,
    failures = shadow_minutes.failures + excluded.failures,
    only_shadow = shadow_minutes.only_shadow + excluded.only_shadow,
    only_live = shadow_minutes.only_live + excluded.only_live
