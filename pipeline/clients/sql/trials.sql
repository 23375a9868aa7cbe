-- name: open
insert into trials (
    task, treatment, began, control, evidence, progress, labels_until, failures_until, settled_until, settled
)
values ($1, $2, $3, $4, $5, $6, to_timestamp($7), to_timestamp($8), to_timestamp($9), $10)
on conflict do nothing

-- name: find
select
    evidence as trial, began, progress,
    extract(epoch from labels_until)::float8 as labels_until,
    extract(epoch from failures_until)::float8 as failures_until,
    extract(epoch from settled_until)::float8 as settled_until,
    settled
from trials where task = $1 and treatment = $2 and began = $3

-- name: lock
select
    evidence as trial, began, progress,
    extract(epoch from labels_until)::float8 as labels_until,
    extract(epoch from failures_until)::float8 as failures_until,
    extract(epoch from settled_until)::float8 as settled_until,
    settled
from trials where task = $1 and treatment = $2 and began = $3 for update

-- name: save
update trials
set evidence = $4, progress = $5, labels_until = to_timestamp($6), failures_until = to_timestamp($7),
    settled_until = to_timestamp($8), settled = $9
where task = $1 and treatment = $2 and began = $3

-- name: labels
-- The first label of each unit that was not counted yet. Of one tenant count the first so many and, where three or more
-- tenants labelled in the bucket, at most half as many as of all others. A label is written down with the time at which
-- its transaction began, so some of the last bucket may have come to light since it was closed.
with arrived as (
    select
        id, tenant, label, decisions,
        arms -> $1::text ->> 0 as arm,
        (arms -> $1::text ->> 1)::integer as revision,
        coalesce(
            nullif(case $4::text when 'sender' then sender_key when 'recipient' then recipient_key end, ''),
            tenant || ':' || receipt_id  -- no key has a colon
        ) as unit
    from spam_feedback
    where created_at >= to_timestamp($6) and created_at < to_timestamp($7) and label = any($8::text[])
        and decisions ? $1::text and arms ? $1::text
),
units as (
    select distinct on (unit) *
    from arrived
    where arm = any($5::text[]) and revision >= $3
        and not exists (
            select from trial_units as known
            where known.task = $1 and known.treatment = $2 and known.began = $3 and known.unit = arrived.unit
        )
    order by unit, id
),
ranked as (
    select *, row_number() over (partition by tenant order by id) as nth from units
),
bounded as (
    select *, count(*) over () as labels, count(*) over (partition by tenant) as own from ranked where nth <= $9
)
select unit, tenant, arm, revision, label, decisions
from bounded
where nth <= greatest(1, (labels - own) / 2) or (select count(distinct tenant) from bounded) < 3
order by id

-- name: add_units
insert into trial_units (task, treatment, began, unit) select $1, $2, $3, unnest($4::text[])

-- name: add_bucket
insert into trial_buckets (task, treatment, began, question, until, control, treated, e_value)
values ($1, $2, $3, $4, to_timestamp($5), $6, $7, $8)
on conflict (task, treatment, began, question, until) do update
set control = array[trial_buckets.control[1] + excluded.control[1], trial_buckets.control[2] + excluded.control[2]],
    treated = array[trial_buckets.treated[1] + excluded.treated[1], trial_buckets.treated[2] + excluded.treated[2]],
    e_value = excluded.e_value

-- name: requests
select
    arm,
    sum(failures)::bigint as failures,
    sum(exposures)::bigint as exposures,
    sum(failed_units)::bigint as failed_units,
    sum(units)::bigint as units
from arm_minutes
where task = $1 and arm = any($2::text[]) and minute >= to_timestamp($3) and minute < to_timestamp($4)
group by arm

-- name: minutes
select arm, extract(epoch from minute)::bigint / 60 as minute, latency, failures, exposures
from arm_minutes where task = $1 and arm = any($2::text[]) and minute >= to_timestamp($3)

-- name: series
select
    question,
    extract(epoch from until)::float8 as until,
    array[sum(control[1]) over counted, sum(control[2]) over counted]::bigint[] as control,
    array[sum(treated[1]) over counted, sum(treated[2]) over counted]::bigint[] as treatment,
    e_value
from trial_buckets where task = $1 and treatment = $2 and began = $3
window counted as (partition by question order by until)
order by question, until

-- name: shadows
select
    arm,
    sum(exposures)::bigint as exposures,
    sum(failures)::bigint as failures,
    sum(only_shadow)::bigint as only_shadow,
    sum(only_live)::bigint as only_live
from shadow_minutes where task = $1 and arm = any($2::text[]) and minute >= to_timestamp($3) group by arm order by arm

-- name: clock
select extract(epoch from clock_timestamp())::float8 as now

-- name: changed
select extract(epoch from changed_at)::float8 from experiment_changes where task = $1 and revision = $2

-- name: close
-- Trials of arms that left long ago; a trial that is under way has moved on within the hour.
delete from trials as t
where failures_until < now() - make_interval(secs => $1) and not exists (
    select from experiments as e where e.task = t.task and (e.began ->> t.treatment)::integer = t.began
)

-- name: drop_arm_minutes
-- Old minutes that are settled in every trial under way.
delete from arm_minutes as m
where minute < now() - make_interval(secs => $1) and not exists (
    select from trials as t
    join experiments as e on e.task = t.task and (e.began ->> t.treatment)::integer = t.began
    where t.task = m.task and m.arm in (t.control, t.treatment) and t.settled_until <= m.minute
)

-- name: drop_shadow_minutes
delete from shadow_minutes where minute < now() - make_interval(secs => $1)
