-- name: add
insert into spam_feedback (
    tenant, message_id, receipt_id, task, label, text, arms, decisions, models, scores,
    sender_key, recipient_key, updated_at, text_given_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict (tenant, receipt_id, task) do update
set label = spam_feedback.label  -- changes nothing, but locks the row: of two changes at once each knows its predecessor
returning
    id, label, updated_at, text, text_given_at, message_id,
    xmax = 0 as is_new  -- xmax: the transaction that locked or replaced a row that was there

-- name: change
update spam_feedback
set label = $2, updated_at = $3, text = $4, text_given_at = $5, message_id = $6, changed_at = now()
where id = $1

-- name: ping
select 1

-- name: with_text
select id, tenant, coalesce(message_id, receipt_id) as message, label, text, updated_at, sender_key
from spam_feedback
where text <> '' and id > $1 and ($2::timestamptz is null or changed_at >= $2)
order by id  -- of the primary key: rows flow without a sort, however many there are
