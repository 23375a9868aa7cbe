-- Failures are counted by what was assigned to an arm, and minutes are read once and thrown away.

alter table arm_minutes
    add column units bigint not null default 0,  -- senders, recipients or messages, see pipeline.tally
    add column failed_units bigint not null default 0;

-- What was counted in minutes before `settled_until` is kept here; they are not read again.
alter table trials
    add column settled jsonb not null default '{}',  -- {arm: pipeline.course.Seen}
    add column settled_until timestamptz not null default now();  -- for a release before, which does not know it
update trials set
    settled_until = coalesce(to_timestamp((evidence ->> 'since')::double precision), failures_until),
    evidence = evidence - 'failures';  -- those until now were counted by message, which clumps

-- Points of failures until now were of messages.
delete from trial_buckets where question = 'failures';

-- What belongs to a trial goes with it.
alter table trial_units add foreign key (task, treatment, began) references trials on delete cascade;
alter table trial_buckets add foreign key (task, treatment, began) references trials on delete cascade;

create index on arm_minutes (minute);
create index on shadow_minutes (minute);
