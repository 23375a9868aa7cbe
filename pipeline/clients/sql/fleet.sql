-- name: report
insert into replicas (id, stage, versions) values ($1, $2, $3)
on conflict (id) do update set versions = excluded.versions, seen_at = now()

-- name: forget
delete from replicas where seen_at < now() - make_interval(secs => $1)

-- name: alive
select stage, versions from replicas where seen_at > now() - make_interval(secs => $1)
