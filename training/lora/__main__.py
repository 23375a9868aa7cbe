"""Teach a LoRA adapter: `python -m training.lora --config configs/lora.yaml --out build/lora`."""

import argparse
import sys
from pathlib import Path

import msgspec

from pipeline.errors import WinnowError
from training.lora.recipe import run
from training.lora.settings import LoraSettings, read_settings
from training.lora.tiny import make_tiny_base, tiny_settings


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Teach a small language model the intents of one-time passwords.")
    parser.add_argument("--config", type=Path, default=Path("configs/lora.yaml"))
    parser.add_argument("--out", type=Path, required=True, help="folder for state, adapter and figures")
    parser.add_argument("--base", default="", help="instead of the file's: a name of the model hub or a local folder")
    parser.add_argument("--tiny", action="store_true", help="try all steps on a tiny random base and few rows")
    parser.add_argument("--merge", action="store_true", help="also write base and adapter as one model")
    options = parser.parse_args(arguments)
    try:
        settings = _settings(options.config, options.base, options.out / "base" if options.tiny else None)
        print(run(settings, options.out, merged=options.merge))
    except WinnowError as error:
        sys.exit(str(error))


def _settings(config: Path, base: str, tiny: Path | None) -> LoraSettings:
    settings = read_settings(config)
    if tiny:
        return tiny_settings(settings, make_tiny_base(tiny))
    return msgspec.structs.replace(settings, base=base) if base else settings


if __name__ == "__main__":
    main()
