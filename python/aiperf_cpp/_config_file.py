"""Options from a file of JSON or YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiperf_cpp import _core
from aiperf_cpp._tables import optional

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable


def read_options(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The one object in a file, its names unchecked. Raises ConfigError for any other content."""
    path = Path(path)
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise _core.ConfigError(f"{path}: a name ending with {', '.join(_PARSERS)} is needed")
    try:
        options = parse(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _core.ConfigError(f"{path}: {error}") from error
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        raise _core.ConfigError(f"{path}: names of options with their values are needed")
    return options


def _parse_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_without_doubles)


def _parse_yaml(text: str) -> Any:
    yaml = optional("yaml", "yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[misc,name-defined]
        """Plain values only; a name that is given twice is an error."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
            _without_doubles((self.construct_object(key, deep=True), None) for key in keys)
            mapping: dict[Any, Any] = super().construct_mapping(node, deep)
            return mapping

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from error


def _without_doubles(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    values: dict[Any, Any] = {}
    for name, value in pairs:
        if str(name) in values:
            raise ValueError(f"{name}: given twice")
        values[str(name)] = value
    return values


_PARSERS: dict[str, Callable[[str], Any]] = {".json": _parse_json, ".yaml": _parse_yaml, ".yml": _parse_yaml}
