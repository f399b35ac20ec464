"""Compiles the modules of the proxied path ahead of time with mypyc, if a build asks for it (docs/decisions/0008).

`HATCH_BUILD_HOOK_ENABLE_CUSTOM=true hatchling build --target wheel` makes a wheel for this platform and interpreter; without
the variable this hook does nothing, and the wheel is pure Python. Nothing is written into the source tree: an editable install
never runs what was compiled. Which modules, says `[tool.hatch.build.targets.wheel.hooks.custom]` in pyproject.toml.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from mypyc.build import mypycify
from setuptools import Distribution


class CompileHook(BuildHookInterface[Any]):
    """Adds an extension module beside each of the modules; the import system prefers it to the source of the same name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        """Compile, and say what goes into the wheel."""
        self._scratch = TemporaryDirectory()
        scratch = Path(self._scratch.name)
        options = ["--config-file", f"{self.root}/pyproject.toml", "--cache-dir", f"{scratch}/cache"]
        sources = [f"proxy/{module}.py" for module in self.config["modules"]]
        extensions = mypycify([*options, *sources], group_name="proxy", target_dir=f"{scratch}/c")
        command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(scratch / "lib"), str(scratch / "temp")
        command.ensure_finalized()
        command.run()
        for library in (scratch / "lib").rglob("*.so"):
            build_data["force_include"][str(library)] = str(library.relative_to(scratch / "lib"))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what is in the wheel now."""
        self._scratch.cleanup()
