"""The wheel, as a stranger installs it into a new project."""

import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("pyproject.toml", "setup.cfg", "README.md", "LICENSE", "workflow_engine")

OPEN_THE_ADMIN = """
    import os
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    import django
    django.setup()
    import workflow_engine
    from django.contrib.auth.models import User
    from django.test import Client
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("root", password="x"))
    page = client.get("/admin/")
    print(page.status_code, workflow_engine.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel built from a copy, so that the tree stays as it is."""
    place = tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, place / part, ignore=ignored)
        else:
            shutil.copy(source, place)
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", cwd=place)
    (built,) = (place / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of a new environment in which the wheel is installed.

    What the wheel needs is taken from the environment of the tests, in which each
    requirement is there; the metadata is checked by a test of its own.
    """
    place = tmp_path_factory.mktemp("environment")
    _run(sys.executable, "-m", "venv", "--without-pip", place, cwd=place)
    executable = place / "bin" / "python"
    answer = _run(
        executable,
        "-c",
        "import sysconfig; print(sysconfig.get_path('purelib'))",
        cwd=place,
    )
    site_packages = Path(answer.strip())
    command = (sys.executable, "-m", "pip", "install", "--no-deps", "--quiet")
    _run(*command, "--target", site_packages, wheel, cwd=place)
    ours = Path(pytest.__file__).parents[1]
    (site_packages / "requirements.pth").write_text(f"{ours}\n")
    return executable


@pytest.fixture
def project(python: Path, tmp_path: Path) -> Path:
    """Return the folder of a new project that lists the app."""
    _run(python, "-m", "django", "startproject", "shop", ".", cwd=tmp_path)
    settings = tmp_path / "shop" / "settings.py"
    settings.write_text(
        f'{settings.read_text()}\nINSTALLED_APPS += ["workflow_engine"]\n'
    )
    return tmp_path


def _run(*command: str | Path, cwd: Path) -> str:
    """Return what the command printed; anything but success fails with all of it."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "PYTHON", "WORKFLOW_"))
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**clean, "PYTHONWARNINGS": "error::DeprecationWarning:workflow_engine"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _requirements(lines: str) -> set[str]:
    return {line.strip() for line in lines.splitlines() if line.strip()}


def test_wheel__holds_all_of_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "workflow_engine").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert held == wanted


def test_wheel__metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/METADATA"))
        metadata = archive.read(name).decode()

    assert "Name: django-detector-workflows\n" in metadata
    assert "License-Expression: BSD-3-Clause\n" in metadata
    assert "Requires-Python: >=3.11\n" in metadata
    assert "<" not in "".join(
        line for line in metadata.splitlines() if line.startswith("Requires-Dist")
    )


def test_requirements__hold_what_the_package_needs() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    development = _requirements((ROOT / "requirements.txt").read_text())

    needed = _requirements(setup["options"]["install_requires"])
    for extra in setup["options.extras_require"].values():
        needed |= _requirements(extra)

    assert needed <= development


def test_new_project__migrates_and_opens_the_admin(python: Path, project: Path) -> None:
    with (project / "shop" / "settings.py").open("a") as settings:
        settings.write(
            '\nDATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}\n'
        )
    checked = _run(python, "manage.py", "check", "--database", "default", cwd=project)
    _run(python, "manage.py", "migrate", "--verbosity", "0", cwd=project)
    script = textwrap.dedent(OPEN_THE_ADMIN)
    status, origin = _run(python, "-c", script, cwd=project).split()

    assert "no issues" in checked
    assert status == "200"
    assert str(ROOT) not in origin


@pytest.mark.parametrize("field", ["AutoField", "BigAutoField"])
def test_new_project__needs_no_migration(
    python: Path, project: Path, field: str
) -> None:
    with (project / "shop" / "settings.py").open("a") as settings:
        settings.write(f'\nDEFAULT_AUTO_FIELD = "django.db.models.{field}"\n')

    printed = _run(
        python, "manage.py", "makemigrations", "--check", "--dry-run", cwd=project
    )

    assert "No changes detected" in printed
