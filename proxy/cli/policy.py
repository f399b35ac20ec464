"""`cio-sidecar policy`: what a policy does to a call, shown, tested and looked over. Nothing is sent anywhere."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson
import typer

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Match, Table
from proxy.api.model import Upstream
from proxy.cli.config import write
from proxy.cli.findings import Finding, State, show, well
from proxy.cli.stores import providers
from proxy.config.effective import policy_in_force
from proxy.config.load import BUILTIN, Loaded, builtin_policy, load, load_policy, load_section
from proxy.config.model import Config
from proxy.config.places import Places
from proxy.credentials.callers import ANYONE, Callers
from proxy.credentials.model import LOCAL, UnreadableError
from proxy.errors import ConfigError, Reason, RefusedError
from proxy.exchange import Admission, RequestHead
from proxy.payload.budget import Budget
from proxy.payload.decode import parse
from proxy.payload.encode import encode
from proxy.payload.oversize import NOTHING, Excess
from proxy.pipeline import OversizeError, common_head, limited, prepare
from proxy.policy.cases import Case, CaseFile
from proxy.policy.compile import Policy, compile_policy
from proxy.policy.fields import DeniedError, Hit
from proxy.policy.lint import warnings
from proxy.policy.model import Mode, PolicyDocument
from proxy.rules import Rules
from proxy.sensitive import Sensitive

# What keyed hashes are made with where the real key is not on this machine: results say which rule acts, not what arrives.
STAND_IN = Sensitive(b"cio-sidecar policy")
INPUT_MAX_BYTES = 16 * 1024 * 1024
_JSON = {b"content-type": b"application/json"}


def show_policy(named: str | None, config: Path | None, environ: Mapping[str, str], *, as_json: bool) -> None:
    """Print the policy in force; or the one that is `named`, as it was written if it ships with the program.

    Raises:
        ConfigError: it is not valid.
    """
    if named is not None and named.startswith(BUILTIN) and not as_json:
        load_policy(named)
        typer.echo(builtin_policy(named), nl=False)
        return
    document = load(config, environ).config.policy if named is None else load_policy(named)[0]
    write(policy_in_force(document), as_json=as_json)


def apply(
    chosen: str | None,
    config: Path | None,
    environ: Mapping[str, str],
    endpoint: str | None,
    caller: str | None,
    *,
    explain: bool,
) -> int:
    """Read a body from standard input and print what would leave; with `explain`, on standard error, which rule did what where.

    Return 0, or 1 where the call would be refused.

    Raises:
        ConfigError: the configuration is not valid, the endpoint is none, or the input is no JSON.
    """
    loaded = load(config, environ)
    document, places = _chosen(chosen, loaded)
    with places.placing():
        tried = Tried.of(loaded.config, document, environ)
    try:
        text = _input(sys.stdin.buffer)
        budget = Budget(len(text))
        value = parse(text, loaded.config.outbound.limits.depth)
        match = tried.match(endpoint)
        policy = tried.rules.policy.for_endpoint("" if match is None else match.endpoint.name, caller or ANYONE)
        named = policy.named(match, value, budget)
        kept, acts = policy.explain(value, named, budget=budget)
        body = encode(kept)
        excesses: Sequence[Excess] = NOTHING
        if match is not None:
            acts += [(hit, ("target",)) for hit in policy.looked_at(match, named, budget)]
            target, _ = policy.target(match, named)
            body, excesses, _ = limited(tried.rules, match.endpoint, target, kept, body)
    except OversizeError as refusal:
        typer.echo(f"refused: {refusal.reason} ({_listed(set(_limits(refusal.excesses)))})", err=True)
        return 1
    except DeniedError as refusal:
        typer.echo(f"refused: {refusal.reason} (rule {refusal.hits[-1].rule})", err=True)
        return 1
    except RefusedError as refusal:
        typer.echo(f"refused: {refusal.reason}", err=True)
        return 1
    typer.echo(body)
    if explain:
        for hit, path in acts:
            done = hit.action if hit.enforced else f"would {hit.action}"
            typer.echo(f"{hit.rule}: {done}: {'.'.join(path)}", err=True)
        done = "taken out" if tried.rules.policy.vendor_limits is Mode.ENFORCE else "over"
        for excess, limit in zip(excesses, _limits(excesses), strict=True):
            typer.echo(f"vendor_limits: {done}: {limit}" + ("" if excess.index is None else f": item {excess.index}"), err=True)
    return 0


def test(files: Sequence[Path], config: Path | None, environ: Mapping[str, str], *, as_json: bool) -> int:
    """Run the cases in `files`; return 0 when all are well and 1 when not.

    Raises:
        ConfigError: a file or the configuration is not valid.
    """
    loaded = load(config, environ)
    findings: list[Finding] = []
    for file in files:
        found, _ = load_section(CaseFile, file)
        document, places = loaded.config.policy, loaded.places
        if found.policy is not None:
            document, places = load_section(PolicyDocument, found.policy)
        with places.placing():
            tried = Tried.of(loaded.config, document, environ)
        fired: set[str] = set()
        for case in found.cases:
            outcome = tried.run(case)
            fired |= {hit.rule for hit in outcome.hits}
            findings.append(_judged(case, outcome))
        findings += (
            Finding(f"rule {rule.name}", State.WARNING, f"no case of {file.name} makes it act")
            for rule in document.rules
            if rule.name not in fired and rule.mode != "off"
        )
    show(findings, as_json=as_json)
    return 0 if well(findings) else 1


def lint(named: str | None, config: Path | None, environ: Mapping[str, str], *, as_json: bool) -> int:
    """Look a policy over; return 0 unless something is wrong with it.

    Raises:
        ConfigError: the configuration or the policy is not valid.
    """
    loaded = load(config, environ)
    document, places = _chosen(named, loaded)
    with places.placing():
        Tried.of(loaded.config, document, environ)
    findings = [Finding("policy", State.OK, f"{len(document.rules)} rules, mode {document.mode}")]
    findings += (Finding(warning.path, State.WARNING, warning.text) for warning in warnings(document))
    show(findings, as_json=as_json)
    return 0 if well(findings) else 1


def _chosen(named: str | None, loaded: Loaded) -> tuple[PolicyDocument, Places]:
    """Return the policy that is named, else the one in force, and where its values were written."""
    return (loaded.config.policy, loaded.places) if named is None else load_policy(named)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case: the body that leaves, as text, or the code it was refused with; and what acted."""

    body: bytes
    refused: str
    hits: Sequence[Hit]


@dataclass(frozen=True, slots=True)
class Tried:
    """A policy, and everything else that decides on a call."""

    rules: Rules

    @classmethod
    def of(cls, config: Config, document: PolicyDocument, environ: Mapping[str, str]) -> "Tried":
        """Compile `document` as `config` would have it served.

        Raises:
            ConfigError: it cannot be.
        """
        policy: Policy = compile_policy(document, ENDPOINTS, _hash_key(config, document, environ))
        limits = config.outbound.limits
        return cls(
            Rules(
                table=Table(ENDPOINTS, unknown=config.outbound.unknown_endpoints),
                policy=policy,
                callers=Callers(),
                heads=dict.fromkeys(Upstream, common_head("localhost")),
                body_bytes=limits.body_bytes,
                large_body_bytes=limits.large_body_bytes,
                depth=limits.depth,
            )
        )

    def match(self, endpoint: str | None) -> Match | None:
        """Return what a call of `endpoint` (method and path) is; None without one.

        Raises:
            ConfigError: it is no call that would be forwarded.
        """
        if endpoint is None:
            return None
        method, _, target = endpoint.partition(" ")
        try:
            return self.rules.table.match(method, target.encode())
        except RefusedError as refusal:
            raise ConfigError(
                f"is refused: {refusal.reason}; docs/endpoints.md lists what is forwarded", path="--endpoint"
            ) from None

    def run(self, case: Case) -> Outcome:
        """Take a case through everything that a request goes through before it is sent."""
        method, _, target = case.endpoint.partition(" ")
        head = RequestHead(method, target.encode(), _JSON)
        hits: Sequence[Hit] = ()
        try:
            match = self.rules.table.match(method, head.target)
            large = match.endpoint.large_body
            cap = self.rules.large_body_bytes if large else self.rules.body_bytes
            body = b"" if case.body is None else encode(case.body)
            if len(body) > cap:
                return Outcome(b"", Reason.BODY_TOO_LARGE, ())
            outgoing, hits = prepare(Admission(self.rules, match, head, case.caller or ANYONE, cap, started=0.0), body)
        except (DeniedError, OversizeError) as refusal:
            return Outcome(b"", refusal.reason, refusal.hits)
        except RefusedError as refusal:
            return Outcome(b"", refusal.reason, hits)
        return Outcome(outgoing.body, "", hits)


def _judged(case: Case, outcome: Outcome) -> Finding:
    problem = "; ".join(_differences(case, outcome))
    return Finding(case.name, State.PROBLEM if problem else State.OK, problem or "as expected")


def _differences(case: Case, outcome: Outcome) -> Iterator[str]:
    """Say how a case came out otherwise than it should. What is shown is the tester's own made-up data."""
    if case.expect.refused is not None:
        if outcome.refused != case.expect.refused:
            yield f"expected to be refused with {case.expect.refused}, was {outcome.refused or 'forwarded'}"
    elif outcome.refused:
        yield f"was refused with {outcome.refused}"
    else:
        left = orjson.loads(outcome.body) if outcome.body else None
        if left != case.expect.body:
            yield f"expected {encode(case.expect.body).decode()}, left {outcome.body.decode() or 'nothing'}"
    fired = {hit.rule for hit in outcome.hits}
    if case.rules is not None and fired != set(case.rules):
        yield f"expected the rules {_listed(case.rules)}, fired {_listed(fired)}"


def _limits(excesses: Sequence[Excess]) -> list[str]:
    return [excess.bound.limit.value for excess in excesses]


def _listed(names: Sequence[str] | set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _hash_key(config: Config, document: PolicyDocument, environ: Mapping[str, str]) -> Sensitive[bytes] | None:
    """Return the key of the policy's hashes, or what stands in for one that is not on this machine."""
    section = document.hash
    if section is None or section.key is None:
        return None
    if section.key.kind in LOCAL:
        try:
            read = providers(config, environ)[section.key.kind].read(section.key.document)
            return Sensitive(read.secret(section.key.field).reveal().encode())
        except UnreadableError:
            pass
    return STAND_IN


def _input(stream: BinaryIO) -> bytes:
    body = stream.read(INPUT_MAX_BYTES + 1)
    if len(body) > INPUT_MAX_BYTES:
        raise ConfigError(f"is longer than {INPUT_MAX_BYTES} bytes", path="standard input")
    return body
