-- name: take
select pg_try_advisory_lock(hashtext($1))

-- name: limit
-- Should this machine vanish without a word, Postgres ends the session, and with it the lock.
set idle_session_timeout = '30s'

-- name: now
select extract(epoch from clock_timestamp())::float8
