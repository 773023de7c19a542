"""Answers that were measured before, in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import platformdirs

from zoo.measuring.machine import installed_version, origin
from zoo.measuring.recommendation import Recommendation, as_json, of_json
from zoo.onnx import NEEDED


def folder() -> Path:
    """Where answers are kept."""
    return Path(platformdirs.user_cache_dir("rnn-zoo")) / "recommend"


def recall(key: Any, backend: str, device: str, budget: float) -> Recommendation | None:
    """The answer to the same question with the same versions on the same device; None if there is none.

    One that had less than `budget` seconds is none: with more of them the answer may be another.
    """
    try:
        known = of_json(json.loads(_path(key, backend, device).read_text()))
        return known if known.budget >= budget else None
    except (OSError, ValueError, KeyError, TypeError):  # none, or one of another version of the zoo
        return None


def remember(key: Any, backend: str, device: str, answer: Recommendation) -> None:
    """Keep an answer. A folder that cannot be written is no error: the answer is measured again."""
    path = _path(key, backend, device)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(as_json(answer)))
        part.replace(path)
    except OSError:
        return


def _path(key: Any, backend: str, device: str) -> Path:
    versions = [*(origin(each, device) for each in backend.split("+")), *map(installed_version, NEEDED)]
    mark = hashlib.blake2s(json.dumps([key, versions, device], default=str).encode(), digest_size=10).hexdigest()
    return folder() / f"{mark}.json"
