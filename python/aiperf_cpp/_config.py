"""What a person asks for: RunConfig."""

from __future__ import annotations

import copy
import enum
import json
import math
import os
from typing import TYPE_CHECKING, Any, NoReturn

from aiperf_cpp import _core
from aiperf_cpp._config_file import read_options
from aiperf_cpp._options import ConfigFields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self, Unpack

    from aiperf_cpp._options import RunOptions


class RunConfig(ConfigFields):
    """The options of a run as one immutable value, named as the command line's flags ("-" becomes "_").

    A value that is not allowed, and an unknown name, is refused with ConfigError. Which options go together is checked
    by validate(), and when a run is made. Two are equal where all options are. A pickle holds keys and credentials.
    """

    __slots__ = ("_core",)

    def __init__(self, **options: Unpack[RunOptions]) -> None:
        self._core = _core.RunConfig()
        _set_all(self._core, options)

    @classmethod
    def _from_core(cls, core: _core.RunConfig) -> Self:
        self = cls()
        object.__setattr__(self, "_core", core)
        return self

    @classmethod
    def _restore(cls, text: str) -> Self:
        """From what to_json() wrote, whether secrets are in it or not."""
        return cls._from_core(_core.RunConfig.from_redacted_json(text))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads some or all options from a JSON object; the others keep their defaults."""
        return cls._from_core(_core.RunConfig.from_json(text))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Reads options from a file: one object of JSON (`.json`), or one mapping of YAML (`.yaml`, `.yml`).

        Names and values are those of to_dict(); options that are not named keep their defaults. Raises ConfigError,
        naming the file, for another ending, a text that cannot be read, and what RunConfig() refuses, and OSError for a
        file that cannot be opened. YAML needs PyYAML: pip install "aiperf-cpp[yaml]".
        """
        options = read_options(path)
        try:
            return cls(**options)
        except _core.ConfigError as error:
            refusal = _core.ConfigError(f"{os.fspath(path)}: {error}")
            refusal.field, refusal.value, refusal.allowed = error.field, error.value, error.allowed
            raise refusal from None

    def replace(self, **options: Unpack[RunOptions]) -> Self:
        """A copy with some options changed; None puts one back to its default."""
        core = copy.copy(self._core)
        _set_all(core, options)
        return self._from_core(core)

    def validate(self) -> None:
        """Raises ConfigError where something needed is missing, or options do not go together."""
        self._core.validate()

    def warnings(self) -> list[str]:
        """What is allowed but will not do what it seems to: one line each."""
        return self._core.warnings()

    def to_json(self, *, show_secrets: bool = False) -> str:
        """All options as a JSON object; keys and credentials are redacted unless asked for."""
        return self._core.to_json(redacted=not show_secrets)

    def to_dict(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """All options by name, as plain values that RunConfig(**options) takes back.

        Keys and credentials are redacted unless asked for; RunConfig() refuses a redacted one.
        """
        fields = json.loads(self.to_json(show_secrets=show_secrets))
        return {name: _plain_number(name, value) for name, value in fields.items()}

    def _get(self, name: str) -> Any:
        return _plain_number(name, json.loads(self._core.get(name)))

    def __setattr__(self, name: str, value: object) -> None:
        if name != "_core" or hasattr(self, "_core"):
            raise AttributeError(f"a RunConfig cannot be changed; use config.replace({name}=...)")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a RunConfig cannot be changed; use config.replace({name}=None)")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[[str], Self], tuple[str]]:
        return type(self)._restore, (self.to_json(show_secrets=True),)

    def __eq__(self, other: object) -> bool:
        return self._core == other._core if isinstance(other, RunConfig) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        default = RunConfig().to_dict()
        changed = [f"{name}={value!r}" for name, value in self.to_dict().items() if value != default[name]]
        return f"RunConfig({', '.join(changed)})"


_NUMBERS = frozenset(option["key"] for option in _core.options() if option["type"] == "float")


def _plain_number(name: str, value: Any) -> Any:
    """JSON has no infinity: options that are numbers say "inf"."""
    return math.inf if value == "inf" and name in _NUMBERS else value


def _set_all(core: _core.RunConfig, options: Mapping[str, Any]) -> None:
    given: dict[str, str] = {}
    for name, value in options.items():
        key = _core.option_key(name)
        if key in given:
            raise _core.ConfigError(f"{given[key]} and {name} are the same option; give one of them")
        given[key] = name
        core.set(name, _json_text(name, value))


def _json_text(name: str, value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        value = str(value)
    try:
        return json.dumps(value, default=_plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _core.ConfigError(f"{name}: {value!r} is not allowed; {error}") from error


def _plain(value: Any) -> object:
    """Paths, enumerations and NumPy numbers as what they stand for."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a {type(value).__name__} has no meaning here")
