-- name: lock
lock table experiments in share row exclusive mode

-- name: all
select task, arms, sticky_by, shadow, salt, revision, control, began, ramp
from experiments where arms <> '{}' order by task

-- name: one
select task, arms, sticky_by, shadow, salt, revision, control, began, ramp from experiments where task = $1

-- name: put
insert into experiments (task, arms, sticky_by, shadow, salt, revision, control, began, ramp)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (task) do update
set arms = excluded.arms, sticky_by = excluded.sticky_by, shadow = excluded.shadow, revision = excluded.revision,
    control = excluded.control, began = excluded.began, ramp = excluded.ramp

-- name: record
insert into experiment_changes (task, revision, changed_by, why, before, after)
values ($1, $2, $3, $4, $5, $6::jsonb || jsonb_build_object('act', $7::text))

-- name: history
select revision, changed_at, changed_by, why, before, after, coalesce(after ->> 'act', 'set') as act
from experiment_changes where task = $1 order by revision desc limit $2

-- name: turns
select act, before, after
from (
    select
        revision,
        coalesce(after ->> 'act', 'set') as act,
        coalesce(before ->> 'control', '') as before,
        coalesce(after ->> 'control', '') as after
    from experiment_changes where task = $1
) as changes
where before <> after order by revision desc

-- name: now
select extract(epoch from clock_timestamp())::float8
