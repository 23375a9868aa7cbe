"""SQL lives in .sql files; a file holds named queries, each under a line `-- name: its_name`."""

from pathlib import Path

_FOLDER = Path(__file__).with_name("sql")


def load(name: str) -> dict[str, str]:
    """Name to text of the queries in `sql/<name>.sql`."""
    queries = {}
    for block in (_FOLDER / f"{name}.sql").read_text("utf-8").split("-- name: ")[1:]:
        title, text = block.split("\n", 1)
        queries[title.strip()] = text.strip()
    return queries


def migrations() -> list[tuple[str, str]]:
    """(name, text) of every migration, in the order in which they apply."""
    return [(path.stem, path.read_text("utf-8")) for path in sorted((_FOLDER / "migrations").glob("*.sql"))]
