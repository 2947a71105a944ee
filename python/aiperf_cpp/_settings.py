"""The AIPERF_* settings of an environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiperf_cpp import _core
from aiperf_cpp._show import html_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import Self

Value = bool | int | float | str | None


@dataclass(frozen=True)
class Setting:
    """One setting: what may be written, and what is.

    `name` is the variable, `group` the attribute of Settings it is in, `value` what it has (None: not set), `default`
    what it has when it is not set, `allowed` what may be written, `unit` that of the value, `help` its meaning,
    `from_environment` whether the environment sets it.
    """

    name: str
    group: str
    value: Value
    default: Value
    allowed: str
    unit: str
    help: str
    from_environment: bool

    @property
    def attribute(self) -> str:
        """Its name inside its group: AIPERF_HTTP_SO_RCVBUF is `http.so_rcvbuf`."""
        return self.name.lower().removeprefix(f"aiperf_{self.group}_").removeprefix("aiperf_")


class Group:
    """The settings of one group, as attributes."""

    def __init__(self, name: str, values: dict[str, Value]) -> None:
        self._name = name
        self._values = values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"settings.{self._name} has no {name!r}; it has {', '.join(self._values)}") from None

    def __dir__(self) -> list[str]:
        return sorted(self._values)

    def __repr__(self) -> str:
        return f"<settings.{self._name} {self._values}>"


class Settings:
    """The AIPERF_* settings of an environment, read at each access: `settings.http.so_rcvbuf`.

    A value that is not allowed raises ConfigError, naming the variable, the value and the range. Those of os.environ
    stay so when copied or pickled: a copy reads the variables of the process it is in.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Settings of `environment`; os.environ where it is not given."""
        self._environment = os.environ if environment is None else environment

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> Self:
        """Settings of a given environment, as it is now. Raises ConfigError if one of its values is not allowed."""
        self = cls(dict(environment))
        list(self)
        return self

    def warnings(self) -> list[str]:
        """One line for each AIPERF_* variable that has no effect: unknown, or without meaning here."""
        return _core.settings_warnings(dict(self._environment))

    def __iter__(self) -> Iterator[Setting]:
        return (Setting(**row) for row in _core.settings_rows(dict(self._environment)))

    def __getattr__(self, name: str) -> Group:
        if name.startswith("_"):
            raise AttributeError(name)
        values = {setting.attribute: setting.value for setting in self if setting.group == name}
        if not values:
            groups = ", ".join(dict.fromkeys(setting.group for setting in self))
            raise AttributeError(f"there are no settings {name!r}; there are {groups}")
        return Group(name, values)

    def __copy__(self) -> Self:
        return type(self)(None if self._environment is os.environ else dict(self._environment))

    def __deepcopy__(self, memo: object) -> Self:
        return self.__copy__()

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, str] | None]]:
        return type(self), (None if self._environment is os.environ else dict(self._environment),)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(setting.group for setting in self)})

    def __repr__(self) -> str:
        changed = [f"{setting.name}={setting.value!r}" for setting in self if setting.from_environment]
        return f"<Settings {' '.join(changed) or 'all defaults'}>"

    def _repr_html_(self) -> str:
        rows = [[s.name, s.value, s.unit, s.allowed, s.help] for s in self]
        return html_table(["variable", "value", "unit", "allowed", "meaning"], rows)
