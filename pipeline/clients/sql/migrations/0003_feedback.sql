-- Labels may arrive late and out of order. `updated_at` is when the label in force was given.
alter table spam_feedback add column text_given_at timestamptz;  -- null: there is no text
alter table spam_feedback add column changed_at timestamptz not null default now();  -- when the row was last written
update spam_feedback set changed_at = updated_at, text_given_at = case when text is not null then updated_at end;
