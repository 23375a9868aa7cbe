"""`winnow export`: the models in the form that other programs read."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.output import err, show
from model_store.store import SHIPPED, Bundle, LocalStore
from pipeline.errors import ConfigError, ModelError

app = typer.Typer(no_args_is_help=True, help="Write the models in the form that other programs read.")

_KIND = "lightgbm"
_OUT = Path("build/mobile")


@app.command(epilog="Example: winnow export mobile --out build/mobile && winnow export mobile --verify build/mobile")
def mobile(
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write; its files are replaced.")] = _OUT,
    trees: Annotated[str | None, typer.Option(help="Version, lightgbm/2; else the newest.", show_default=False)] = None,
    models: Annotated[Path, typer.Option(file_okay=False, help="Folder of the model store.")] = SHIPPED,
    texts: Annotated[int, typer.Option(min=1, help="Messages in the parity file.")] = 1_000,
    verify: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            file_okay=False,
            show_default=False,
            help="Write nothing: compute FOLDER's parity texts as a phone does; exit code 1 where scores differ.",
        ),
    ] = None,
) -> None:
    """Write the TF-IDF models for a phone, with all that is needed to compute their features there.

    Writing needs the environment of `make train`, comparing does not.
    """
    if verify:
        raise typer.Exit(not _verify(verify))
    written = _write(_open(models, trees), out, texts)
    show(("file", "bytes"), [(file.name, f"{file.stat().st_size:,}") for file in written], numbers=("bytes",))


def _open(root: Path, ref: str | None) -> Bundle:
    store = LocalStore(root)
    versions = store.versions(_KIND)
    if not ref and not versions:
        raise ModelError(f"{root} holds no version of {_KIND}")
    bundle = store.open(ref or f"{_KIND}/{versions[-1]}")
    if bundle.manifest.kind != _KIND:
        raise ConfigError(f"{bundle.manifest.ref} is of the kind {bundle.manifest.kind}; a phone gets {_KIND}")
    return bundle


def _write(bundle: Bundle, folder: Path, texts: int) -> list[Path]:
    """
    Raises:
        ConfigError: the environment is that of serving.
    """
    try:
        from training.mobile.export import export
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"writing ONNX needs {error.name}, which the environment of training has: make .venv/bin/.train"
        ) from None
    written = export(bundle, folder, texts)
    err.print(f"{bundle.manifest.ref} is written to {folder}")
    return written


def _verify(folder: Path) -> bool:
    from training.mobile.phone import verify

    found = verify(folder)
    show(
        ("largest difference in", f"over {found.texts:,} texts"),
        [(name, f"{value:.2g}") for name, value in found.differences.items()],
    )
    if not found.passed:
        err.print(f"differs from {found.version} by more than {found.tolerance:g}", style="red")
    return found.passed
