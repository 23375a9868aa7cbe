-- name: add
insert into spam_feedback (
    tenant, message_id, receipt_id, task, label, text,
    experiment_task, experiment_arm, experiment_revision, models, scores, sender_key
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (tenant, receipt_id, task) do update
set label = excluded.label, text = coalesce(excluded.text, spam_feedback.text), updated_at = now()
where spam_feedback.label <> excluded.label or (spam_feedback.text is null and excluded.text is not null)
returning created_at = updated_at as is_new
