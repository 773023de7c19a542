"""The entries of the zoo, one file a family. Every file in this folder is found by scanning it."""

import sys

from zoo.registry import import_all

import_all(sys.modules[__name__])
