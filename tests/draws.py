"""How often hypothesis draws: some hundreds of times here, 50,000 in all in `tox -e faults`."""

from __future__ import annotations

import os

DRAWS = int(os.environ.get("ZOO_DRAWS", "300"))
