-- name: lock
lock table experiments in share row exclusive mode

-- name: all
select task, arms, sticky_by, shadow, salt, revision from experiments order by task

-- name: one
select task, arms, sticky_by, shadow, salt, revision from experiments where task = $1

-- name: put
insert into experiments (task, arms, sticky_by, shadow, salt, revision) values ($1, $2, $3, $4, $5, $6)
on conflict (task) do update
set arms = excluded.arms, sticky_by = excluded.sticky_by, shadow = excluded.shadow, revision = excluded.revision

-- name: record
insert into experiment_changes (task, revision, changed_by, why, before, after) values ($1, $2, $3, $4, $5, $6)

-- name: history
select revision, changed_at, changed_by, why, before, after
from experiment_changes where task = $1 order by revision desc limit $2
