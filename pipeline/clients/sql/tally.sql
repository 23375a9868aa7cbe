-- name: transaction
-- Minutes that are older may be settled already (see pipeline.course): what comes so late counts in that one.
select pg_current_xact_id()::text as id, extract(epoch from now())::bigint / 60 - 60 as oldest

-- name: outcome
-- A transaction whose id lies ahead was of another database, before this one was put in its place.
select case when $1::text::xid8 < pg_current_xact_id() then pg_xact_status($1::text::xid8) end

-- name: add_arms
insert into arm_minutes (task, arm, minute, exposures, failures, units, failed_units, latency)
select
    task, arm, to_timestamp(minute * 60), exposures, failures, units, failed_units,
    ($8::bigint[])[(nth - 1) * $9 + 1 : nth * $9]
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    with ordinality as counted (task, arm, minute, exposures, failures, units, failed_units, nth)
on conflict (task, arm, minute) do update
set exposures = arm_minutes.exposures + excluded.exposures,
    failures = arm_minutes.failures + excluded.failures,
    units = arm_minutes.units + excluded.units,
    failed_units = arm_minutes.failed_units + excluded.failed_units,
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
