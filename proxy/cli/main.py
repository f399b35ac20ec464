"""The command line: every command's arguments, on one page, and how a command ends.

Exit 0: well. 1: what was checked is not well, or a fault of ours. 2: the command line or the configuration is wrong; each
problem is one line on standard error. There are no tracebacks: they may quote data.

A command's code is imported when it runs, so that each starts with no more than it needs.
"""

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Literal

import typer

from proxy import __version__
from proxy.errors import ConfigError

PROGRAM = "cio-sidecar"
HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    help="An outbound reverse proxy for Customer.io: injects credentials, removes personal data, keeps rate limits.",
    context_settings=HELP,
    add_completion=False,
    rich_markup_mode=None,  # plain help starts twice as fast, and reads the same in a log
    pretty_exceptions_enable=False,
)
keys_app = typer.Typer(help="Show the keys of a running sidecar.")
config_app = typer.Typer(help="Begin, show and describe the configuration.")
tls_app = typer.Typer(help="Make certificates.")
app.add_typer(keys_app, name="keys")
policy_app = typer.Typer(help="Show, test and look over the privacy policy.")
app.add_typer(config_app, name="config")
app.add_typer(policy_app, name="policy")
app.add_typer(tls_app, name="tls")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help="The configuration; without it, CIO_SIDECAR_CONFIG, else ./sidecar.yaml."
    ),
]
PolicyName = Annotated[
    str | None, typer.Argument(metavar="POLICY", help="A policy's file, or builtin:NAME; without it, the one in force.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _program(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,  # noqa: FBT002
) -> None:
    pass


@app.command()
def serve(config: ConfigFile = None) -> int:
    """Run the sidecar until SIGTERM."""
    from proxy.cli.serve import serve as command  # noqa: PLC0415 - see above

    return command(config, os.environ)


@app.command()
def check(
    config: ConfigFile = None,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask Customer.io about the credentials.")] = False,
    as_json: AsJson = False,
) -> int:
    """Check the configuration, its secrets and its credentials."""
    from proxy.cli.check import check as command  # noqa: PLC0415 - see above

    return command(config, os.environ, offline=offline, as_json=as_json)


@app.command()
def rotate(
    config: ConfigFile = None,
    *,
    credential: Annotated[
        Literal["track", "app", "pipelines"] | None, typer.Option(help="Which; without it, the first that is configured.")
    ] = None,
    timeout_seconds: Annotated[int, typer.Option(min=0, max=86_400, help="How long each wait may take.")] = 600,
    as_json: AsJson = False,
) -> int:
    """Walk through the replacement of a key."""
    from proxy.cli.rotate import rotate as command  # noqa: PLC0415 - see above

    return command(config, os.environ, credential=credential, timeout_seconds=timeout_seconds, as_json=as_json)


@keys_app.command()
def status(config: ConfigFile = None, *, as_json: AsJson = False) -> int:
    """Print the keys by their ids, with state, age and last use."""
    from proxy.cli.keys import status as command  # noqa: PLC0415 - see above

    return command(config, os.environ, as_json=as_json)


@config_app.command("init")
def config_init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where it goes.")] = Path("sidecar.yaml"),
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write a configuration with comments, to begin with."""
    from proxy.cli.config import init as command  # noqa: PLC0415 - see above

    command(file, force=force)


@config_app.command("show")
def config_show(config: ConfigFile = None, *, as_json: AsJson = False) -> None:
    """Print every value in force; of secrets, where they are kept."""
    from proxy.cli.config import show as command  # noqa: PLC0415 - see above

    command(config, os.environ, as_json=as_json)


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration."""
    from proxy.cli.schema import schema as command  # noqa: PLC0415 - see above

    command()


@policy_app.command("show")
def policy_show(policy: PolicyName = None, config: ConfigFile = None, *, as_json: AsJson = False) -> None:
    """Print the policy that is in force, or the one that is named."""
    from proxy.cli.policy import show_policy as command  # noqa: PLC0415 - see above

    command(policy, config, os.environ, as_json=as_json)


@policy_app.command("apply")
def policy_apply(
    policy: PolicyName = None,
    config: ConfigFile = None,
    *,
    endpoint: Annotated[str | None, typer.Option(metavar="'METHOD PATH'", help="The call; without it, any call.")] = None,
    caller: Annotated[str | None, typer.Option(help="Who calls, by a name of outbound.callers.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say on standard error which rule did what where.")] = False,
) -> int:
    """Print what would leave of the body on standard input."""
    from proxy.cli.policy import apply as command  # noqa: PLC0415 - see above

    return command(policy, config, os.environ, endpoint, caller, explain=explain)


@policy_app.command("test")
def policy_test(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of cases; docs/policy.md shows one.")],
    config: ConfigFile = None,
    *,
    as_json: AsJson = False,
) -> int:
    """Run cases: calls, and what must become of them."""
    from proxy.cli.policy import test as command  # noqa: PLC0415 - see above

    return command(files, config, os.environ, as_json=as_json)


@policy_app.command("lint")
def policy_lint(
    policy: PolicyName = None,
    config: ConfigFile = None,
    *,
    as_json: AsJson = False,
) -> int:
    """Look the policy over for what is seldom meant."""
    from proxy.cli.policy import lint as command  # noqa: PLC0415 - see above

    return command(policy, config, os.environ, as_json=as_json)


@policy_app.command("schema")
def policy_schema(
    *,
    cases: Annotated[bool, typer.Option("--cases", help="Of a file of cases instead.")] = False,
) -> None:
    """Print the JSON Schema of a policy file, for editors."""
    from proxy.cli.schema import policy as command  # noqa: PLC0415 - see above

    command(cases=cases)


@policy_app.command("inventory")
def policy_inventory(
    config: ConfigFile = None,
    *,
    endpoint: Annotated[str, typer.Option(metavar="GLOB", help="Only of these endpoints, such as 'track.*'.")] = "*",
    new: Annotated[
        bool, typer.Option("--new", help="Only fields that policy.inventory.known does not hold; exit 1 if any.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Print which fields the callers of a running sidecar send."""
    from proxy.cli.inventory import inventory as command  # noqa: PLC0415 - see above

    return command(config, os.environ, endpoint, only_new=new, as_json=as_json)


@tls_app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go; made if it is missing.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Make a certificate for localhost, and the CA that applications have to trust."""
    from proxy.cli.tls import init as command  # noqa: PLC0415 - see above

    command(folder, force=force)


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def simulator(context: typer.Context) -> int | None:
    """Run a simulated Customer.io to test against."""
    from proxy.cli.simulator import simulator as command  # noqa: PLC0415 - see above

    inner = typer.Typer(context_settings=HELP, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    inner.command()(command)
    code: int | None = inner(context.args, prog_name=context.command_path, standalone_mode=False)
    return code


@app.command()
def demo() -> None:
    """Show the sidecar at work before a simulated Customer.io."""
    from proxy.cli.demo import demo as command  # noqa: PLC0415 - see above

    command()


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> int:
    """Run the command that the process was started with, and return its exit code."""
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except ConfigError as error:
        return _complain(str(error))
    except typer.TyperException as error:
        return _complain(_usage(error))
    except BrokenPipeError:
        # Whoever read our output has read enough. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback may quote data
        *_, (frame, line) = traceback.walk_tb(error.__traceback__)
        where = f"{Path(frame.f_code.co_filename).name}:{line}"
        _complain(f"{PROGRAM}: internal fault, please report it: {type(error).__name__} at {where}")
        return 1
    return code if isinstance(code, int) else 0


def _usage(error: typer.TyperException) -> str:
    """Return what is wrong with the command line, on one line."""
    context = getattr(error, "ctx", None)
    command = PROGRAM if context is None else context.command_path
    return f"{command}: {' '.join(error.format_message().split())} See {command} --help."


def _complain(text: str) -> int:
    """Print `text` on standard error; return the exit code of a wrong command line or configuration."""
    print(text, file=sys.stderr)  # noqa: T201 - the command line prints
    return 2
