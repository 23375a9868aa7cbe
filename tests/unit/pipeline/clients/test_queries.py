from pipeline.clients import queries


def test_a_file_holds_named_queries() -> None:
    accounts = queries.load("accounts")
    assert accounts["create_key"].startswith("insert into api_keys")
    assert not any("-- name" in text for text in accounts.values())


def test_migrations_come_in_order() -> None:
    names = [name for name, _ in queries.migrations()]
    assert names[0] == "0001_initial" and names == sorted(names)
