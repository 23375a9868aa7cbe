-- name: open
insert into trials (
    task, treatment, began, control, evidence, progress, labels_until, failures_until
)
values ($1, $2, $3, $4, $5, $6, to_timestamp($7), to_timestamp($8))
on conflict do nothing

-- name: find
select
    evidence as trial, began, progress,
    extract(epoch from labels_until)::float8 as labels_until,
    extract(epoch from failures_until)::float8 as failures_until
from trials where task = $1 and treatment = $2 and began = $3

-- name: lock
select
    evidence as trial, began, progress,
    extract(epoch from labels_until)::float8 as labels_until,
    extract(epoch from failures_until)::float8 as failures_until
from trials where task = $1 and treatment = $2 and began = $3 for update

-- name: save
update trials
set evidence = $4, progress = $5, labels_until = to_timestamp($6), failures_until = to_timestamp($7)
where task = $1 and treatment = $2 and began = $3

-- name: labels
-- The first label of each unit that was not counted yet; of one tenant the first so many. A label is written down with
-- the time at which its transaction began, so some of the last bucket may have come to light since it was closed.
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
)
select unit, arm, revision, label, decisions from ranked where nth <= $9 order by id

-- name: add_units
insert into trial_units (task, treatment, began, unit) select $1, $2, $3, unnest($4::text[])

-- name: add_bucket
insert into trial_buckets (task, treatment, began, question, until, control, treated, e_value)
values ($1, $2, $3, $4, to_timestamp($5), $6, $7, $8)

-- name: requests
select arm, sum(failures)::bigint as events, sum(exposures)::bigint as rows
from arm_minutes where task = $1 and arm = any($2::text[]) and minute >= to_timestamp($3) group by arm

-- name: latencies
select arm, extract(epoch from minute)::bigint / 60 as minute, latency
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
