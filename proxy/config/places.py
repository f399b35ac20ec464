"""Where each value of a configuration was written, so that every problem can be told with its file and line."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from proxy.config.model import Config
from proxy.config.overlay import Setting
from proxy.config.problems import Problem, dotted, each, together
from proxy.config.values import KeyPath
from proxy.errors import ConfigError

POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Source:
    """A text that was read: the name it is shown under, and the line of each value."""

    name: str = ""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def place(self, path: KeyPath) -> str:
        """Return the name and line of the value at `path`, or of the innermost one around it that is there."""
        for length in range(len(path), 0, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return f"{self.name}:{line}"
        return self.name


@dataclass(frozen=True, slots=True)
class Places:
    """The sources of one configuration. Without `policy`, the policy stands inline in `file`."""

    file: Source
    settings: Sequence[Setting] = ()
    policy: Source | None = None

    def placed(self, error: ConfigError, place: KeyPath = ()) -> ConfigError:
        """Return `error` with the file and line of `place`, or of its key path; unless it has a file already."""
        if error.file:
            return error
        path: KeyPath = tuple(int(part) if part.isdigit() else part for part in error.path.split(".")) if error.path else ()
        if path and path[0] not in Config.model_fields:
            path = (POLICY, *path)  # who compiles a policy speaks of its keys as they stand in it
        place = place or path
        if (setting := self._setting(place)) is not None:
            return ConfigError(error.problem, path=dotted(path), file=setting.name)
        if self.policy is not None and place[:1] == (POLICY,):
            return ConfigError(error.problem, path=dotted(path[1:]), file=self.policy.place(place[1:]))
        return ConfigError(error.problem, path=dotted(path), file=self.file.place(place))

    def _setting(self, place: KeyPath) -> Setting | None:
        """Return the variable that set the value at `place`, or made it by setting a key inside it."""
        covering = [setting for setting in self.settings if setting.path == place[: len(setting.path)]]
        if covering:
            return max(covering, key=lambda setting: len(setting.path))
        if not place or place in self.file.lines:
            return None
        return next((setting for setting in self.settings if setting.path[: len(place)] == place), None)

    def found(self, problem: Problem, prefix: KeyPath = ()) -> ConfigError:
        """Return the error for what is wrong with the document at `prefix`."""
        return self.placed(ConfigError(problem.words, path=dotted((*prefix, *problem.path))), (*prefix, *problem.place))

    @contextmanager
    def placing(self) -> Iterator[None]:
        """Give every problem that is raised in the block its place.

        Raises:
            ConfigError: what the block raised, with places.
        """
        try:
            yield
        except ConfigError as error:
            raise together(map(self.placed, each(error))) from None
