"""The certificates that the environment names instead of those that httpx carries."""

import os
import ssl
from pathlib import Path

from cf1_mcp.errors import SettingsError
from cf1_mcp.text.folders import is_folder


def check_certificates() -> None:
    """Check what SSL_CERT_FILE and SSL_CERT_DIR name, as httpx reads them: the folder only without a file.

    Raises:
        SettingsError: it cannot be read, or has no certificates. Every request would fail.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file:
        try:
            ssl.create_default_context(cafile=file)
        except (OSError, ValueError):
            raise _unusable("SSL_CERT_FILE", file, "a file of certificates in PEM format") from None
    elif folder and not is_folder(Path(folder)):
        raise _unusable("SSL_CERT_DIR", folder, "a folder of certificates")


def _unusable(name: str, value: str, valid: str) -> SettingsError:
    return SettingsError(f"{name}: {value!r} is not {valid}. Set it to one, or unset it.")
