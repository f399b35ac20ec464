"""The command line, run as a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import proxy
from tests.unit.cli.conftest import Command

COMMANDS = ("serve", "check", "rotate", "simulator", "demo", "version", "keys", "config", "policy", "tls")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_help_names_every_command(command: Command, arguments: list[str]) -> None:
    """With one line each, none of them cut short, as in a log and so in a terminal."""
    done = command(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    listed = done.stdout[done.stdout.index("Commands:") :].splitlines()[1:]
    assert tuple(line.split()[0] for line in listed if line.strip()) == COMMANDS
    assert "..." not in "".join(listed)


@pytest.mark.parametrize(
    "name",
    [
        ["serve"], ["check"], ["rotate"], ["keys"], ["keys", "status"], ["config"], ["config", "init"], ["config", "show"],
        ["config", "schema"], ["policy"], ["policy", "show"], ["policy", "apply"], ["policy", "test"], ["policy", "lint"],
        ["policy", "schema"], ["policy", "inventory"], ["tls"], ["tls", "init"], ["simulator"], ["demo"], ["version"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_help(command: Command, name: list[str], option: str) -> None:
    """It says how the command is called."""
    done = command(*name, option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.lstrip().startswith(f"Usage: cio-sidecar {' '.join(name)}")


@pytest.mark.parametrize("arguments", [["--version"], ["version"]])
def test_the_version_is_one_line(command: Command, arguments: list[str]) -> None:
    """The version of the package and nothing else."""
    done = command(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{proxy.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["srve"], "cio-sidecar: No such command 'srve'. Did you mean 'serve'? See cio-sidecar --help."),
        (["--nope"], "cio-sidecar: No such option: --nope"),
        (["serve", "--confg", "a"], "cio-sidecar serve: No such option: --confg"),
        (["serve", "--config"], "cio-sidecar: Option '--config' requires an argument."),
        (["serve", "a.yaml"], "cio-sidecar serve: Got unexpected extra argument"),
        (["check", "--offline=yes"], "cio-sidecar: Option '--offline' does not take a value."),
        (["config"], "cio-sidecar config: Missing command."),
        (["tls", "init"], "cio-sidecar tls init: Missing argument 'DIR'."),
        (["simulator"], "cio-sidecar simulator: Missing option '--port'."),
        (["simulator", "--port", "x"], "cio-sidecar simulator: Invalid value for '--port'"),
        (["serve", "--config", "none.yaml"], "none.yaml: there is no such file"),
        (["check", "--config", "none.yaml"], "none.yaml: there is no such file"),
    ],
)
def test_a_wrong_command_line_is_one_line(command: Command, arguments: list[str], line: str) -> None:
    """Exit 2, one line on standard error, nothing on standard output."""
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_every_problem_of_a_configuration_is_one_line(command: Command, tmp_path: Path) -> None:
    """`serve` and `check` say the same about it, and no secret in it shows."""
    file = tmp_path / "c.yaml"
    file.write_text("version: 1\nregion: mars\ncredentials: {app: {api_key: CANARY-0123456789}}\n")
    for name in ("serve", "check"):
        done = command(name, "--config", file, CIO_SIDECAR_OUTBOUND__PORT="many")
        assert (done.returncode, done.stdout) == (2, "")
        lines = done.stderr.splitlines()
        assert len(lines) == 3
        assert lines[0] == f"{file}:2: region: must be 'us' or 'eu'"
        assert lines[1] == "CIO_SIDECAR_OUTBOUND__PORT: outbound.port: must be a whole number"
        assert lines[2].startswith(f"{file}:3: credentials.app.api_key: must be a reference")
        assert "CANARY" not in done.stderr


def test_a_fault_of_ours_is_one_line_without_its_text() -> None:
    """Its type and place are told; the exception's own text may quote data, and so may a traceback. Exit 1."""
    program = """
import sys
from proxy.cli import main

@main.app.command()
def fail() -> None:
    secret = "CANARY"
    raise RuntimeError(f"with {secret}") from KeyError(secret)

sys.argv = ["cio-sidecar", "fail"]
sys.exit(main.main())
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "cio-sidecar: internal fault, please report it: RuntimeError at <string>:8\n"


def test_a_reader_that_has_read_enough_is_no_fault() -> None:
    """`cio-sidecar config schema | head -1` ends without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "proxy", "config", "schema"],
        stdout=writer, stderr=subprocess.PIPE, text=True, timeout=30, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_installed_program_is_the_same() -> None:
    """`cio-sidecar` and `python -m proxy` run the same main."""
    program = Path(sys.executable).parent / "cio-sidecar"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == f"{proxy.__version__}\n"


def test_nothing_is_loaded_before_a_command_needs_it() -> None:
    """The command line alone loads neither servers nor cryptography, nor even the schema, so that help is there at once."""
    heavy = ("aiohttp", "cryptography", "pydantic", "rich", "structlog", "uvloop", "yaml", "httptools", "prometheus_client")
    program = f"import sys, proxy.cli.main; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[]\n"


def test_a_configuration_is_judged_before_the_servers_are_loaded(tmp_path: Path) -> None:
    """A wrong one is told as fast as can be, and `check` needs no server at all."""
    (tmp_path / "c.yaml").write_text("version: 1\nregion: mars\n")
    program = """
import sys
from pathlib import Path
from proxy.cli.serve import serve
from proxy.errors import ConfigError
try:
    serve(Path(sys.argv[1]), {})
except ConfigError:
    print([name for name in ("aiohttp", "uvloop", "structlog", "httptools", "cryptography", "rich") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "c.yaml"], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "[]\n"
