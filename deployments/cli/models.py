"""`winnow models`: the versions in the model store of this machine."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.output import complain, out, show
from model_store.manifest import Manifest
from model_store.store import SHIPPED, LocalStore, parse_ref, read_manifest
from pipeline.errors import ModelError

app = typer.Typer(no_args_is_help=True, help="List, show and verify model versions.")

_Root = Annotated[Path, typer.Option(file_okay=False, help="Folder of the model store.")]
_FIGURES = ("accuracy", "fpr", "recall", "mcc")  #: of the evaluation `_MAIN`, shown in lists
_MAIN = "uci_test"


@app.command(name="list", epilog="Example: winnow models list")
def list_models(root: _Root = SHIPPED) -> None:
    """List all versions with their size and the figures of the UCI test."""
    rows, bad = [], False
    for ref in _refs(root):
        try:
            rows.append(_row(read_manifest(root / ref, ref)))
        except ModelError as error:
            complain(error)
            bad = True
    show(("version", "kind", "created", "MB", *_FIGURES), rows, numbers=("MB", *_FIGURES))
    raise typer.Exit(bad)


@app.command(name="show", epilog="Example: winnow models show distilbert/4")
def show_model(ref: Annotated[str, typer.Argument(help='"name/version".')], root: _Root = SHIPPED) -> None:
    """Show what a version is: files, training data, thresholds, figures."""
    parse_ref(ref)
    manifest = read_manifest(root / ref, ref)
    _show_facts(manifest)
    out.print()
    files = [(name, f"{info.bytes:,}", info.sha256) for name, info in manifest.files.items()]
    show(("file", "bytes", "sha256"), files, numbers=("bytes",))
    out.print()
    data = [(source.name, f"{source.rows:,}", source.use, source.licence) for source in manifest.data]
    show(("data", "rows", "use", "licence"), data, numbers=("rows",))
    out.print()
    figures = [(test, name, f"{value:g}") for test, found in manifest.metrics.items() for name, value in found.items()]
    show(("evaluation", "figure", "value"), figures, numbers=("value",))


@app.command(epilog="Example: winnow models verify distilbert/4")
def verify(
    ref: Annotated[str | None, typer.Argument(help='"name/version"; all of them when none is named.')] = None,
    root: _Root = SHIPPED,
) -> None:
    """Compare every file with its manifest's checksum; exit code 1 when one differs."""
    store, bad = LocalStore(root), False
    for each in [ref] if ref else _refs(root):
        try:
            store.open(each)
            out.print(f"{each} ok", style="green")
        except ModelError as error:
            complain(error)
            bad = True
    raise typer.Exit(bad)


def _refs(root: Path) -> list[str]:
    store = LocalStore(root)
    found = [f"{name}/{version}" for name in store.names() for version in store.versions(name)]
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
