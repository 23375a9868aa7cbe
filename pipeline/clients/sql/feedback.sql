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
