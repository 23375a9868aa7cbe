-- What a tenant allows the language model, and where it is told of intents that come later.
alter table tenants add column local_only boolean not null default false;  -- its messages never leave this installation
alter table tenants add column webhook_url text check (webhook_url ~ '^https?://');
alter table tenants add column webhook_secret text;  -- signs what is posted there; the receiver holds it as well
alter table tenants add check ((webhook_url is null) = (webhook_secret is null));
