"""The license that the package names is in the repository, whole."""

import hashlib
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Of the text at apache.org/licenses/LICENSE-2.0.txt, without space at the ends of lines.
APACHE = "283ea6cc2997a1a70da0049e09adf9317bb60ca1b51279b65196b83a69e1996b"


def test_the_license_is_the_one_that_the_package_names() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]
    lines = [line.rstrip() for line in (ROOT / "LICENSE").read_text().strip().splitlines()]
    assert named == "Apache-2.0"
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == APACHE
