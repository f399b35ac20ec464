"""The credentials in a configuration (`Slot`), and the read of one version of each (`read`).

All parts of a credential are read at the same state of the stores: a Track pair is never a new key with an old site id. Parts
in one document are read together. Parts in several documents are read again until none has changed during the read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from proxy.api.model import Credential
from proxy.config.model import Config
from proxy.config.problems import dotted, together
from proxy.config.values import references
from proxy.credentials.model import (
    AbsentError,
    Authorization,
    AwaitedError,
    Document,
    Kind,
    Provider,
    Reference,
    TrackPair,
    UnreadableError,
    Version,
    app_bearer,
    pipelines_basic,
)
from proxy.errors import ConfigError
from proxy.sensitive import Sensitive

# Parts in several documents are read at most this often, until none has changed during the read.
CONSISTENT_READS_MAX = 3

Secrets = Mapping[str, Sensitive[str]]
"""The parts of a credential, by their configuration keys."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One configured credential: its key below `credentials`, the references of its parts, and the form they make together."""

    name: str
    credential: Credential
    parts: Mapping[str, Reference]
    form: Callable[[Secrets], Authorization]

    @property
    def source(self) -> Kind:
        """The kind of store of the first part."""
        return next(iter(self.parts.values())).kind


def _pair(secrets: Secrets) -> Authorization:
    return TrackPair(secrets["site_id"], secrets["api_key"]).authorization()


# The keys below `credentials`. Keys of the same credential are in order of preference.
_FORMS: Mapping[str, tuple[Credential, Callable[[Secrets], Authorization]]] = {
    "track": (Credential.TRACK, _pair),
    "track_next": (Credential.TRACK, _pair),
    "app": (Credential.APP, lambda secrets: app_bearer(secrets["api_key"])),
    "pipelines": (Credential.PIPELINES, lambda secrets: pipelines_basic(secrets["write_key"])),
}


def slots(config: Config) -> Iterator[Slot]:
    """Yield a slot for each credential in `config`."""
    for name, (credential, form) in _FORMS.items():
        section = getattr(config.credentials, name)
        if section is not None:
            yield Slot(name, credential, {dotted(path): part for path, part in references(section)}, form)


def read(slot: Slot, providers: Mapping[Kind, Provider]) -> Version:
    """Return the version of `slot` that its store has now. It blocks while the store is read.

    Raises:
        ConfigError: the version cannot be read or used. The error names the key path, and contains nothing of the secret.
    """
    documents = _documents(slot, providers)
    secrets: dict[str, Sensitive[str]] = {}
    problems: list[ConfigError] = []
    for key, part in slot.parts.items():
        try:
            secrets[key] = documents[part.kind, part.document].secret(part.field)
        except UnreadableError as error:
            problems.append(_problem(slot, key, error))
    if problems:
        raise together(problems)
    try:
        authorization = slot.form(secrets)
    except UnreadableError as error:
        only = f".{next(iter(slot.parts))}" if len(slot.parts) == 1 else ""
        raise ConfigError(str(error), path=f"credentials.{slot.name}{only}") from None
    dates = [document.created_at for document in documents.values()]
    return Version(
        authorization,
        slot.source,
        ",".join(document.version for document in documents.values() if document.version),
        min((date for date in dates if date is not None), default=None),
        all(document.fixed for document in documents.values()),
    )


_Place = tuple[Kind, str]


def _documents(slot: Slot, providers: Mapping[Kind, Provider]) -> Mapping[_Place, Document]:
    """Read the documents of a slot's parts, all at the same state of the stores."""
    places = {(part.kind, part.document): key for key, part in reversed(tuple(slot.parts.items()))}
    first, *others = reversed(places)
    documents = _read(slot, [first, *others], places, providers)
    if not others:
        return documents
    for _ in range(CONSISTENT_READS_MAX):
        again = _read(slot, [first], places, providers)
        if again[first] == documents[first]:
            return documents
        documents = again | _read(slot, others, places, providers)
    raise ConfigError("its parts changed during the read; it will be read again", path=f"credentials.{slot.name}")


def _read(
    slot: Slot, wanted: Sequence[_Place], places: Mapping[_Place, str], providers: Mapping[Kind, Provider]
) -> dict[_Place, Document]:
    documents: dict[_Place, Document] = {}
    problems: list[ConfigError] = []
    for kind, name in wanted:
        try:
            documents[kind, name] = providers[kind].read(name)
        except UnreadableError as error:
            problems.append(_problem(slot, places[kind, name], error))
    if problems:
        raise together(problems)
    return documents


def _problem(slot: Slot, key: str, error: UnreadableError) -> ConfigError:
    kind = AwaitedError if isinstance(error, AbsentError) else ConfigError
    return kind(str(error), path=f"credentials.{slot.name}.{key}")
