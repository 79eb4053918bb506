"""What PIPELINE means on the command line: a preset's name, a .toml file, or the record.json of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.cli.errors import USAGE, about

if TYPE_CHECKING:
    from hounsfield.pipeline.pipeline import Pipeline

SUFFIXES = (".toml", ".json")


def load_pipeline(word: str, *, settings: Sequence[str] = ()) -> Pipeline:
    """The pipeline that `word` names, changed by settings; any diagnostic ends the verb with status 2."""
    from hounsfield.pipeline.pipeline import Pipeline
    from hounsfield.pipeline.presets import preset, preset_names

    with about(word, status=USAGE):
        if word not in preset_names() and (word.endswith(SUFFIXES) or Path(word).is_file()):
            return Pipeline.load(Path(word), settings=settings)
        return preset(word, settings=settings)
