"""What the repository promises about itself: one version, commands that work, reasons, and no traces of a machine."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TEXT_FILES = {".cfg", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".typed", ".yaml", ".yml", ""}


def tracked():
    """Every text file that belongs to the repository, committed or about to be."""
    found = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if found.returncode:
        pytest.skip("needs git and a checkout; this is an unpacked copy")
    paths = [ROOT / name for name in found.stdout.decode().split("\0") if name]
    return [path for path in paths if path.suffix in TEXT_FILES and path.is_file()]


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_the_version_stands_in_one_place():
    assert SETTINGS["project"]["dynamic"] == ["version"]
    assert SETTINGS["tool"]["hatch"]["version"]["path"] == "src/maplet/__init__.py"
    statement = re.compile(r"""^\s*(__version__|version)\s*[:=]\s*["']\d""")
    places = [path for path in tracked() if any(statement.match(line) for line in lines_of(path))]
    assert places == [ROOT / "src" / "maplet" / "__init__.py"]


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
@pytest.mark.parametrize("who", ["user", "developer"])
def test_the_commands_of_the_readme_are_those_that_ci_runs(who, readme):
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = re.search(rf"^{who}_command='(.*)'$", script, re.MULTILINE).group(1)
    assert f"${who}_command" in script  # it is run, not only named
    assert command in (ROOT / readme).read_text(encoding="utf-8")


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "src" / "maplet" / "py.typed").exists()
    assert SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["src/maplet"]  # so the wheel has it


def test_every_rule_of_ruff_that_is_off_has_its_reason():
    ignored = {*SETTINGS["tool"]["ruff"]["lint"]["ignore"]}
    ignored |= {code for codes in SETTINGS["tool"]["ruff"]["lint"]["per-file-ignores"].values() for code in codes}
    bare = [
        line for line in lines_of(ROOT / "pyproject.toml") if re.match(r'\s*"[A-Z]+[0-9]*",', line) and "#" not in line
    ]
    assert not bare, "say behind each ignore why"
    assert len(ignored) > 10, "this test no longer finds the ignores"


def test_every_exception_in_the_source_has_its_reason():
    exception = re.compile(r"#\s*(?:noqa|type: ignore|pyright: ignore)[:\s\[]*([\w, -]*)\]?\s*(.*)")
    # These say it by themselves: what comes from outside has no type yet, and what a user passes may have any.
    plain = {"reportUnnecessaryIsInstance"}
    bare = []
    for path in tracked():
        explained = set(plain)  # what a file has explained once stands explained in it
        for number, line in enumerate(lines_of(path) if path.suffix == ".py" and path != Path(__file__) else [], 1):
            for codes, reason in exception.findall(line):
                rules = {code.strip() for code in codes.split(",") if not code.strip().startswith("reportUnknown")}
                explained |= rules if reason else set()
                bare += [f"{path.relative_to(ROOT)}:{number}: {line.strip()}"] if rules - explained else []
    assert not bare, "\n".join(["say behind each why:", *bare])


@pytest.mark.parametrize("page", ["README.md", "README.zh.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_a_page_points_to_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    spelled = re.findall(r"`((?:src|tests|docs|examples|\.ci)/[\w./-]+)`", text)
    missing = [name for name in links if not (ROOT / page).parent.joinpath(name).exists()]
    missing += [name for name in spelled if not (ROOT / name).exists()]
    assert not missing


def test_no_file_speaks_of_the_machine_it_was_written_on():
    # Put together here, so that this file does not find itself.
    folders = re.compile("|".join(f"(?<![\\w./])/{name}/" for name in ("home", "root", "Users", "work", "tmp", "opt")))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked()
        for number, line in enumerate(lines_of(path), 1)
        if folders.search(line)
    ]
    assert not found, "\n".join(["", *found])
