"""A configuration from a file and the environment, or everything that is wrong with it, one line each.

Relative paths are relative to the file they stand in; those of the environment to the configuration file, and without one to
the working directory.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from proxy.config.available import unavailable
from proxy.config.document import DOCUMENT_MAX_BYTES, Document, NotADocumentError, Plain, parse
from proxy.config.model import Config
from proxy.config.overlay import FILE_VARIABLE, Setting, merged, settings, strangers
from proxy.config.places import POLICY, Places, Source
from proxy.config.problems import Problem, dotted, found, together
from proxy.config.values import FOLDER, Section, local_path, references
from proxy.credentials.file import reason
from proxy.credentials.model import Kind, naming
from proxy.errors import ConfigError
from proxy.policy.model import PolicyDocument

S = TypeVar("S", bound=Section)
Opening = Callable[[Path], None]

# Read from the working directory where nothing names a configuration file.
DEFAULT_FILE = Path("sidecar.yaml")
BUILTIN = "builtin:"
# The policies that ship with the program.
BUILTIN_POLICIES = ("default", "gdpr-strict", "pci")
# What stands in for a configuration file where there is none.
_NO_FILE = Document({"version": 1}, {})
# What stands in for a policy that cannot be read, while the rest is looked at.
_NO_POLICY = PolicyDocument(version=1)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be served, and where its values were written."""

    config: Config
    places: Places
    strangers: tuple[str, ...] = ()
    """Variables that look like ours, and set nothing."""


def load(file: Path | None, environ: Mapping[str, str], opening: Opening = lambda _: None) -> Loaded:
    """Return the configuration in `file` under the settings in `environ`; every key has a default but the file's version.

    Without `file`, it is the one that `CIO_SIDECAR_CONFIG` names, else `sidecar.yaml` in the working directory, else none.
    `opening` is told of each file before it is read.

    Raises:
        ConfigError: it cannot be read, is not valid, or asks for what is not available yet. Several problems come together
            as one `InvalidConfigError`.
    """
    file = _located(environ) if file is None else file
    document, folder = (_NO_FILE, Path()) if file is None else (_document(file, opening), file.parent)
    overlay = tuple(settings(environ, Config.model_fields))
    variables = tuple(item for item in overlay if isinstance(item, Setting))
    problems = [item for item in overlay if isinstance(item, ConfigError)]

    values = _overlaid(document.value, [item for item in variables if not _in_policy(item)], problems)
    written = _policy(values.get(POLICY), folder, problems, opening)
    rules = _overlaid(written.values, [_of_policy(item) for item in variables if _in_policy(item)], problems)
    unknown = strangers(environ, Config, values, rules)
    problems += unknown.mistakes
    policy, in_policy = _valid(PolicyDocument, rules, written.folder)
    config, in_config = _valid(Config, {**values, POLICY: policy or _NO_POLICY}, folder)

    places = Places(Source("" if file is None else str(file), document.lines), variables, written.source)
    problems += (places.found(item) for item in in_config)
    problems += (places.found(item, (POLICY,)) for item in in_policy)
    if config is not None:
        problems += unavailable(config)
        problems += _storeless(config)
        problems += _uncalled(config)
    if config is None or problems:
        raise together(map(places.placed, problems))
    return Loaded(config, places, unknown.others)


def _located(environ: Mapping[str, str]) -> Path | None:
    """Return the configuration file where no option names one."""
    if named := environ.get(FILE_VARIABLE):
        try:
            return local_path(named, Path())
        except ValueError as error:
            raise ConfigError(str(error), file=FILE_VARIABLE) from None
    return DEFAULT_FILE if os.path.lexists(DEFAULT_FILE) else None


def load_section(schema: type[S], file: Path) -> tuple[S, Places]:
    """Return the section that is written in a file of its own, such as a policy, and where its values were written.

    Raises:
        ConfigError: it cannot be read, or is not valid.
    """
    document = _document(file)
    source = Source(str(file), document.lines)
    places = Places(source, policy=source)
    value, problems = _valid(schema, document.value, file.parent)
    if value is None:
        raise together(places.found(problem, (POLICY,)) for problem in problems)
    return value, places


def load_policy(named: str) -> tuple[PolicyDocument, Places]:
    """Return the policy that a command names by `builtin:NAME` or by its file, and where its values were written.

    Raises:
        ConfigError: there is none, or it is not valid.
    """
    if not named.startswith(BUILTIN):
        return load_section(PolicyDocument, Path(named))
    try:
        document = parse(builtin_policy(named))
    except ValueError as error:
        raise ConfigError(str(error), path=POLICY) from None
    source = Source(named, document.lines)
    return PolicyDocument.model_validate(document.value), Places(source, policy=source)


def builtin_policy(named: str) -> str:
    """Return the text of the policy that `builtin:NAME` names.

    Raises:
        ValueError: none ships under this name.
    """
    name = named.removeprefix(BUILTIN)
    if name not in BUILTIN_POLICIES:
        raise ValueError(
            f"no such policy ships with the program; there are {', '.join(map(BUILTIN.__add__, BUILTIN_POLICIES))}"
        )
    return resources.files("proxy.policy").joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def _storeless(config: Config) -> Iterator[ConfigError]:
    """Find references into a store that nothing says where it is."""
    if config.stores.vault is None:
        for path, reference in references(config):
            if reference.kind is Kind.VAULT:
                yield ConfigError("a vault: reference needs stores.vault, which says where Vault is", path=dotted(path))


def _uncalled(config: Config) -> Iterator[ConfigError]:
    """Find rules for callers that nobody is."""
    known = {caller.name for caller in config.outbound.named_callers}
    for index, rule in enumerate(config.policy.rules):
        for position, name in enumerate(rule.callers or ()):
            if name not in known:
                yield ConfigError("is no caller of outbound.callers", path=f"policy.rules.{index}.callers.{position}")


@dataclass(frozen=True, slots=True)
class _Policy:
    """A policy as it was written; without a `source`, inline in the configuration."""

    values: Plain
    folder: Path
    source: Source | None


def _policy(value: Plain, folder: Path, problems: list[ConfigError], opening: Opening) -> _Policy:
    """Return the policy that the key `policy` gives: the built-in one, the one in a file, or the value itself."""
    if value is None:
        value = f"{BUILTIN}{BUILTIN_POLICIES[0]}"
    if isinstance(value, dict):
        return _Policy(value, folder, None)
    try:
        if isinstance(value, str) and value.startswith(BUILTIN):
            document = parse(builtin_policy(value))
            return _Policy(document.value, folder, Source(value, document.lines))
        file = local_path(value, folder)
        opening(file)
        try:
            text = _text(file)
        except ValueError as error:
            raise ValueError(naming(str(error), value)) from None
        document = _parsed(text, file)
    except ValueError as error:
        problems.append(ConfigError(str(error), path=POLICY))
        return _Policy({"version": 1}, folder, None)
    except ConfigError as error:
        problems.append(error)
        return _Policy({"version": 1}, folder, None)
    return _Policy(document.value, file.parent, Source(str(file), document.lines))


def _in_policy(setting: Setting) -> bool:
    return setting.path[0] == POLICY and len(setting.path) > 1


def _of_policy(setting: Setting) -> Setting:
    """Return a setting of a key in the policy as one of the policy itself."""
    return replace(setting, path=setting.path[1:])


def _overlaid(value: Plain, variables: Iterable[Setting], problems: list[ConfigError]) -> dict[str, Plain]:
    """Return the mapping `value` with the keys that `variables` set."""
    values = dict(value)
    for setting in variables:
        try:
            values = merged(values, setting)
        except ConfigError as error:
            problems.append(error)
    return values


def _valid(schema: type[S], values: Plain, folder: Path) -> tuple[S | None, list[Problem]]:
    """Return `values` as a section, or what is wrong with them."""
    try:
        return schema.model_validate(values, context={FOLDER: folder}), []
    except ValidationError as error:
        return None, found(schema, error)


def _document(file: Path, opening: Opening = lambda _: None) -> Document:
    """Return the mapping that is written in `file`.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    opening(file)
    try:
        text = _text(file)
    except ValueError as error:
        raise ConfigError(str(error), file=str(file)) from None
    return _parsed(text, file)


def _parsed(text: str, file: Path) -> Document:
    """Return the mapping that `text` spells.

    Raises:
        ConfigError: it spells none; the error names `file`.
    """
    try:
        document = parse(text)
    except NotADocumentError as error:
        place = str(file) if error.line is None else f"{file}:{error.line}"
        raise ConfigError(error.problem, file=place) from None
    if not isinstance(document.value, dict):
        raise ConfigError("must be a mapping that begins with `version: 1`", file=str(file))
    return document


def _text(file: Path) -> str:
    """Return what is in `file`.

    Raises:
        ValueError: it cannot be read; the message does not name it.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(DOCUMENT_MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(reason(error)) from None
    if len(raw) > DOCUMENT_MAX_BYTES:
        raise ValueError(f"the file is longer than {DOCUMENT_MAX_BYTES} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the file does not hold UTF-8 text") from None
