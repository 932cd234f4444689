"""Paths that an operator configures, and the folder of the platform that is used without one."""

import os
import sys
from pathlib import Path

from cf1_mcp.errors import SettingsError


def expand_home(path: Path) -> Path:
    """Return a path with the home folder in place of `~` at its start.

    Raises:
        SettingsError: that home folder is unknown.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise SettingsError(f"{str(path)!r}: the home folder of this user is unknown. Use a path without ~.") from None


def read_path(name: str, text: str | None) -> Path | None:
    """Return the path in the setting `name`; None if it is not set.

    Raises:
        SettingsError: it starts in a home folder that is unknown.
    """
    try:
        return expand_home(Path(text)) if text else None
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from None


def read_folder(name: str, text: str | None) -> Path | None:
    """Return the folder in the setting `name`; None if it is not set.

    Raises:
        SettingsError: it does not exist.
    """
    folder = read_path(name, text)
    if folder is not None and not is_folder(folder):
        raise SettingsError(f"{name}: {text!r} is not a folder. Use the path of an existing folder.")
    return folder


def read_new_folder(name: str, text: str | None) -> Path | None:
    """Return the folder in the setting `name`, which is made when it is needed; None if it is not set.

    Raises:
        SettingsError: something else has its name, or that of a folder above it.
    """
    folder = read_path(name, text)
    if folder is not None and not all(map(is_folder, filter(_exists, (folder, *folder.parents)))):
        raise SettingsError(f"{name}: {text!r} is not a folder, and cannot become one. Use the path of a folder.")
    return folder


def find_state_folder() -> Path:
    """Return the platform's folder for state: the journal, approvals and exports.

    Raises:
        SettingsError: this user has no home folder.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or _find_home() / "AppData" / "Local") / "cf1-mcp"
    if sys.platform == "darwin":
        return _find_home() / "Library" / "Application Support" / "cf1-mcp"
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    # As its specification demands, a relative path is ignored: `$HOME/state`, which nobody replaced, is one.
    return (given if given.is_absolute() else _find_home() / ".local" / "state") / "cf1-mcp"


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder that this user may look into."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # something that this user may not see, or that cannot be a path


def _find_home() -> Path:
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    # An empty HOME would be the root of the file system, and a relative one a folder below any other.
    if not home.is_absolute() or os.environ.get("HOME") == "":
        raise SettingsError(
            "The home folder of this user is unknown, so there is no place for the journal. Set CF1_STATE_DIR to the "
            "path of a folder, or HOME."
        )
    return home
