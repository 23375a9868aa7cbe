-- name: add
insert into spam_feedback (
    tenant, message_id, receipt_id, task, label, text,
    experiment_task, experiment_arm, experiment_revision, models, scores, sender_key
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (tenant, receipt_id, task) do update
set label = spam_feedback.label  -- changes nothing, but locks the row: of two changes at once each knows its predecessor
returning id, label, text, xmax = 0 as is_new  -- xmax: the transaction that locked or replaced a row that was there

-- name: change
update spam_feedback set label = $2, text = $3, updated_at = now() where id = $1

-- name: with_text
select id, tenant, coalesce(message_id, receipt_id) as message, label, text, updated_at
from spam_feedback
where text <> '' and id > $1 and ($2::timestamptz is null or updated_at >= $2)
order by id  -- of the primary key: rows flow without a sort, however many there are
