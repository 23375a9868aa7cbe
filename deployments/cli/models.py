"""`winnow models`: the versions in a model store, a folder or a bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from configs.settings import Models, project_path
from deployments.cli.output import complain, out, show
from model_store.checks import read_folder
from model_store.manifest import Manifest
from model_store.open import open_store
from model_store.store import SHIPPED, Store, copy_version, parse_ref, refs
from pipeline.errors import ModelError

app = typer.Typer(no_args_is_help=True, help="Push, list, show, pull, verify and delete model versions.")

_ROOT = "The model store: a folder or s3://bucket/prefix."
_Root = Annotated[str, typer.Option(help=_ROOT)]
_Cache = Annotated[Path, typer.Option(file_okay=False, help="Folder for copies of what a bucket holds.")]
_Ref = Annotated[str, typer.Argument(help='"name/version".')]
_SHIPPED = str(SHIPPED)
_CACHE = project_path(Models().cache)
_FIGURES = ("accuracy", "fpr", "recall", "mcc")  #: of the evaluation `_MAIN`, shown in lists
_MAIN = "uci_test"


@app.command(epilog="Example: winnow models push build/store/distilbert/5 --root s3://models/winnow")
def push(
    folder: Annotated[Path, typer.Argument(help="A trained version: its files and manifest.json.", file_okay=False)],
    root: _Root,
    cache: _Cache = _CACHE,
) -> None:
    """Publish a version, for good; after an interruption the same command goes on where it stopped."""
    manifest = read_folder(folder)
    with _folders():
        ref = open_store(root, cache).publish(folder, manifest)
    out.print(f"{ref} is published")


@app.command(name="list", epilog="Example: winnow models list")
def list_models(root: _Root = _SHIPPED, cache: _Cache = _CACHE) -> None:
    """List all versions with their size and the figures of the UCI test."""
    store = open_store(root, cache)
    rows, bad = [], False
    for ref in _refs(store, root):
        try:
            rows.append(_row(store.manifest(ref)))
        except ModelError as error:
            complain(error)
            bad = True
    show(("version", "kind", "created", "MB", *_FIGURES), rows, numbers=("MB", *_FIGURES))
    raise typer.Exit(bad)


@app.command(name="show", epilog="Example: winnow models show distilbert/4")
def show_model(ref: _Ref, root: _Root = _SHIPPED, cache: _Cache = _CACHE) -> None:
    """Show what a version is: files, training data, thresholds, figures."""
    manifest = open_store(root, cache).manifest(ref)
    _show_facts(manifest)
    out.print()
    files = [(name, f"{info.bytes:,}", info.sha256) for name, info in manifest.files.items()]
    show(("file", "bytes", "sha256"), files, numbers=("bytes",))
    out.print()
    data = [(source.name, f"{source.rows:,}", source.use, source.licence, source.sha256) for source in manifest.data]
    show(("data", "rows", "use", "licence", "sha256"), data, numbers=("rows",))
    out.print()
    figures = [(test, name, f"{value:g}") for test, found in manifest.metrics.items() for name, value in found.items()]
    show(("evaluation", "figure", "value"), figures, numbers=("value",))


@app.command(epilog="Example: winnow models pull distilbert/4 --root s3://models/winnow --to distilbert-4")
def pull(
    ref: _Ref,
    to: Annotated[Path, typer.Option(file_okay=False, help="Folder to make, with the files and the manifest.")],
    root: _Root = _SHIPPED,
    cache: _Cache = _CACHE,
) -> None:
    """Copy a verified version to a folder of its own."""
    bundle = open_store(root, cache).open(ref)
    with _folders():
        copy_version(bundle.path, bundle.manifest, to)
    out.print(f"{ref} is in {to}")


@app.command(epilog="Example: winnow models verify distilbert/4")
def verify(
    ref: Annotated[str | None, typer.Argument(help='"name/version"; all of them when none is named.')] = None,
    root: _Root = _SHIPPED,
    cache: _Cache = _CACHE,
) -> None:
    """Compare every file in the store with its manifest's checksum; exit code 1 when one differs."""
    store, bad = open_store(root, cache), False
    for each in [ref] if ref else _refs(store, root):
        try:
            store.verify(each)
            out.print(f"{each} ok", style="green")
        except ModelError as error:
            complain(error)
            bad = True
    raise typer.Exit(bad)


@app.command(epilog="Example: winnow models delete distilbert/3 --root s3://models/winnow")
def delete(
    ref: _Ref,
    root: _Root,
    cache: _Cache = _CACHE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also where another version names it as its own.")] = False,
) -> None:
    """Delete a version for good. Never publish another one under its name: copies may still serve."""
    parse_ref(ref)
    if not yes and not typer.confirm(f"Delete {ref} from {root} for good?", err=True):
        raise typer.Exit(1)
    with _folders():
        open_store(root, cache).delete(ref, force=force)
    out.print(f"{ref} is deleted")


@contextmanager
def _folders() -> Iterator[None]:
    """A folder that cannot be written, in one line."""
    try:
        yield
    except OSError as error:
        raise ModelError(f"{error.filename}: {error.strerror}") from None


def _refs(store: Store, root: str) -> list[str]:
    found = refs(store)
    if not found:
        raise ModelError(f"{root} holds no model versions")
    return found


def _row(manifest: Manifest) -> tuple[str, ...]:
    size = sum(info.bytes for info in manifest.files.values())
    figures = manifest.metrics.get(_MAIN, {})
    shown = [f"{figures[name]:.4f}" if name in figures else "" for name in _FIGURES]
    return manifest.ref, manifest.kind, manifest.created, f"{size / 1e6:.1f}", *shown


def _show_facts(manifest: Manifest) -> None:
    facts = [
        ("version", manifest.ref),
        ("kind", manifest.kind),
        ("created", manifest.created),
        ("description", manifest.description),
        ("parent", manifest.parent or "none"),
        ("normaliser", manifest.normaliser),
        ("features", manifest.features),
    ]
    for task, rates in manifest.thresholds.items():
        facts.append((f"{task} thresholds", ", ".join(f"{cut:.6g} at FPR {rate}" for rate, cut in rates.items())))
    show(("", ""), facts)
