"""A Python file of the user's, executed as a module."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType


class FromText(SourceFileLoader):
    """Compiles the file as it is.

    Python's cache of compiled files takes a file for unchanged that has the same size and the same
    second of change. Then the text that a digest is of would not be the text that runs.
    """

    def get_code(self, fullname: str) -> CodeType:
        """The compiled text of the file."""
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def execute(name: str, path: Path) -> ModuleType:
    """The file as a module of that name, which can import its neighbours; raises what it raises."""
    spec = importlib.util.spec_from_file_location(name, path, loader=FromText(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(path.parent))
    return module
