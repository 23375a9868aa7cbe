from pipeline.clients.postgres import Database
from pipeline.directory import hash_key
from tests.support.database import within
from tests.support.winnow import Winnow


def test_a_key_lives_from_create_to_revoke(at_home: Winnow):
    made = at_home(
        "keys", "create", "--tenant", "one", "--name", "gate [red]way", "--scope", "feedback", "--scope", "admin"
    )
    assert made.exit_code == 0
    secret = made.stdout.strip()
    assert secret.startswith("winnow_")
    assert secret not in made.stderr
    key_id = made.stderr.split()[0]

    heading, row = at_home("keys", "list", "--tenant", "one").stdout.splitlines()
    assert heading.split() == ["id", "tenant", "name", "scopes", "created", "revoked"]
    assert row.split()[0] == key_id
    assert "gate [red]way" in row
    assert "feedback admin" in row
    assert secret not in row

    assert at_home("keys", "revoke", key_id).exit_code == 0
    revoked = at_home("keys", "list", "--tenant", "one").stdout.splitlines()[1]
    assert len(revoked.split()) == len(row.split()) + 2


def test_the_database_holds_the_hash_of_the_printed_secret(at_home: Winnow, postgres: str):
    secret = at_home("keys", "create", "--tenant", "two", "--name", "n").stdout.strip()

    async def stored(database: Database) -> list[tuple[list[str], bytes]]:
        async with database.connection() as connection:
            rows = await connection.fetch("select scopes, hash from api_keys where tenant = 'two'")
        return [(list(row["scopes"]), row["hash"]) for row in rows]

    assert within(postgres, stored) == [(["classify"], hash_key(secret))]


def test_wrong_input_is_named(at_home: Winnow):
    scope = at_home("keys", "create", "--tenant", "one", "--name", "n", "--scope", "root")
    assert scope.exit_code == 2
    assert "root" in scope.stderr
    tenant = at_home("keys", "create", "--tenant", "No Such Name!", "--name", "n")
    assert tenant.exit_code == 1
    assert tenant.stderr.startswith("error: ")
    missing = at_home("keys", "revoke", "key_none")
    assert missing.exit_code == 1
    assert missing.stderr == "error: there is no key key_none\n"


def test_a_database_that_is_not_there(winnow: Winnow):
    down = winnow("keys", "list", "--database-url", "postgresql://postgres@127.0.0.1:1/postgres")
    assert down.exit_code == 1
    assert "the database does not answer" in down.stderr
    unknown = winnow("keys", "list")
    assert unknown.exit_code == 1
    assert "give --database-url or set DATABASE_URL" in unknown.stderr
