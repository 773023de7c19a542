"""One file a task, found by scanning this folder: importing it fills `zoo.registry.TASKS` and binds no backend."""

import sys

from zoo.registry import import_all

import_all(sys.modules[__name__])
