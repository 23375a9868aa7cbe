-- Replicas keep tenants, api_keys, subscribers and experiments in memory and ask for the rows that changed.
-- `change` is the id of the transaction that wrote the row. A replica remembers the oldest transaction that was
-- still running when it last looked, and asks for that one and all later ones: nothing is missed, however commits
-- interleave, and an idle replica reads no rows.

create table tenants (
    id text primary key check (id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    policy text check (policy in ('strict', 'moderate', 'lenient')),
    created_at timestamptz not null default now(),
    change bigint not null
);

create table api_keys (
    id text primary key,
    tenant text not null references tenants,
    name text not null,
    hash bytea not null unique check (octet_length(hash) = 32),  -- sha256 of the secret, which is kept nowhere
    scopes text[] not null check (cardinality(scopes) > 0 and scopes <@ array['classify', 'feedback', 'admin']),
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    change bigint not null
);

create table subscribers (
    tenant text not null references tenants,
    id text not null,
    policy text check (policy in ('strict', 'moderate', 'lenient')),  -- null: no longer has one of its own
    change bigint not null,
    primary key (tenant, id)
);

create table experiments (
    task text primary key,
    arms jsonb not null,  -- {"name/version": weight}
    sticky_by text not null check (sticky_by in ('sender', 'recipient', 'message')),
    shadow jsonb not null default '{}',  -- {"name/version": share 0-1 of messages that it sees a copy of}
    salt text not null,
    revision integer not null,
    change bigint not null
);

create index on tenants (change);
create index on api_keys (change);
create index on subscribers (change);
create index on experiments (change);

create function note_change() returns trigger language plpgsql as $$
begin
    new.change := pg_current_xact_id()::text::bigint;
    return new;
end $$;

create function tell_replicas() returns trigger language plpgsql as $$
begin
    notify winnow_directory;
    return null;
end $$;

create function refuse_delete() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are not deleted, replicas would not notice: change or revoke them', tg_table_name;
end $$;

create trigger note_change before insert or update on tenants for each row execute function note_change();
create trigger note_change before insert or update on api_keys for each row execute function note_change();
create trigger note_change before insert or update on subscribers for each row execute function note_change();
create trigger note_change before insert or update on experiments for each row execute function note_change();

create trigger tell_replicas after insert or update on tenants for each statement execute function tell_replicas();
create trigger tell_replicas after insert or update on api_keys for each statement execute function tell_replicas();
create trigger tell_replicas after insert or update on subscribers for each statement execute function tell_replicas();
create trigger tell_replicas after insert or update on experiments for each statement execute function tell_replicas();

create trigger refuse_delete before delete on tenants for each row execute function refuse_delete();
create trigger refuse_delete before delete on api_keys for each row execute function refuse_delete();
create trigger refuse_delete before delete on experiments for each row execute function refuse_delete();

-- Who changed an experiment, from what to what, and why.
create table experiment_changes (
    task text not null references experiments,
    revision integer not null,
    changed_at timestamptz not null default now(),
    changed_by text not null,
    why text not null,
    before jsonb,  -- {"arms", "sticky_by", "shadow"}; null: there was none
    after jsonb not null,
    primary key (task, revision)
);

create table spam_feedback (
    id bigint generated always as identity primary key,
    tenant text not null references tenants,
    message_id text,
    receipt_id text not null,
    task text not null,
    label text not null,
    text text,
    experiment_task text not null,
    experiment_arm text not null,
    experiment_revision integer not null,
    models jsonb not null,
    scores jsonb not null,
    sender_key text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (tenant, receipt_id, task)
);

create index on spam_feedback (experiment_task, experiment_arm, created_at);
create index on spam_feedback (created_at);
