-- Experiments on evidence: what each arm did, what was said of it, and what follows.

alter table experiments add column control text not null default '';  -- the arm that the others are compared with
alter table experiments add column began jsonb not null default '{}';  -- {arm: revision since which it is compared}
alter table experiments add column ramp jsonb;  -- null: weights change by hand alone

update experiments set control = coalesce((
    select key from jsonb_each_text(arms) order by value::double precision desc, key limit 1
), '');
update experiments set began = coalesce((
    select jsonb_object_agg(key, revision) from jsonb_object_keys(arms) as key where key <> control
), '{}');

-- A label is credited to the arms of all tasks that it says something of.
alter table spam_feedback add column arms jsonb not null default '{}';  -- {task: ["name/version", revision]}
alter table spam_feedback add column decisions jsonb not null default '{}';  -- {task: what the verdict said, as a label}
alter table spam_feedback add column recipient_key text not null default '';  -- as sender_key
update spam_feedback
set arms = jsonb_build_object(experiment_task, jsonb_build_array(experiment_arm, experiment_revision))
where experiment_task <> '';
alter table spam_feedback drop column experiment_task, drop column experiment_arm, drop column experiment_revision;

-- What the replicas saw of each arm, added up by minute.
create table arm_minutes (
    task text not null,
    arm text not null,
    minute timestamptz not null,
    exposures bigint not null,
    failures bigint not null,
    latency bigint[] not null,  -- answers by bucket of time, see pipeline.tally
    primary key (task, arm, minute)
);

-- What a shadow made of its copies, against the verdicts that were given.
create table shadow_minutes (
    task text not null,
    arm text not null,
    minute timestamptz not null,
    exposures bigint not null,
    failures bigint not null,
    only_shadow bigint not null,  -- the shadow alone would have said yes
    only_live bigint not null,
    primary key (task, arm, minute)
);

-- A treatment against its control, from the revision at which it began.
create table trials (
    task text not null,
    treatment text not null,
    began integer not null,
    control text not null,
    evidence jsonb not null,  -- pipeline.trial
    progress jsonb not null,  -- of the ramp's step
    labels_until timestamptz not null,  -- buckets up to here are in the evidence
    failures_until timestamptz not null,
    primary key (task, treatment, began)
);

-- Who was counted: of each sticky key the first label alone is a new draw.
create table trial_units (
    task text not null,
    treatment text not null,
    began integer not null,
    unit text not null,
    primary key (task, treatment, began, unit)
);

-- Closed buckets, for the plot of a report.
create table trial_buckets (
    task text not null,
    treatment text not null,
    began integer not null,
    question text not null,
    until timestamptz not null,
    control integer[] not null,  -- [events, rows]
    treated integer[] not null,
    e_value double precision not null,  -- two-sided, of all buckets so far
    primary key (task, treatment, began, question, until)
);

-- Which versions the stages' replicas hold. A row is as good as its last sign of life.
create table replicas (
    id text primary key,
    stage text not null,
    versions jsonb not null,  -- {"name/version": "ready" or why not}
    seen_at timestamptz not null default now()
);
