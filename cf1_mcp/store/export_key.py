"""The key that binds the files of exports to their ids and rules, so that an id gives access to nothing else.

Servers with CF1_CONFIRM_KEY share that key. Others keep a random one next to the files, as exports outlive a restart.
"""

import hmac
import os
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final

KEY_NAME: Final = "key"
KEY_LENGTH: Final = 32
_VERSION: Final = "cf1-mcp export 1"


def load_export_key(folder: Path, confirm_key: bytes | None) -> bytes:
    """Return the key of a folder of exports, which is created on first use.

    Raises:
        OSError: the key cannot be read or written, or its file is damaged.
    """
    return hmac.digest(confirm_key or _load_random_key(folder / KEY_NAME), _VERSION.encode(), "sha256")


def _load_random_key(path: Path) -> bytes:
    if not path.exists():
        _create_key(path)
    key = path.read_bytes()
    if len(key) != KEY_LENGTH:
        raise OSError(f"{path} is damaged")
    return key


def _create_key(path: Path) -> None:
    """Create the file of a key, unless another process has created it in the meantime."""
    draft = path.with_name(f"{path.name}.{token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(token_bytes(KEY_LENGTH))
        # Unlike a rename, a link never replaces a key that is in use already, and the file is complete from the start.
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        except OSError:
            # A file system without links.
            draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
