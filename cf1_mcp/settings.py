"""The operator's settings, read from the environment. An unknown name or an invalid value prevents the start."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from cf1_mcp.errors import SettingsError, choices, did_you_mean
from cf1_mcp.models import Tlp

CLOUDFLARE = "https://api.cloudflare.com/client/v4"
NAMES = (
    "CF1_APPROVAL",
    "CF1_CONFIRM_KEY",
    "CF1_CONFIRM_TTL",
    "CF1_DEFANG",
    "CF1_DELETE_DATASETS",
    "CF1_MAX_CHANGE",
    "CF1_MAX_TLP",
    "CF1_MODE",
    "CF1_PROMPTS_DIR",
    "CF1_READ_DATASETS",
    "CF1_SANDBOX_DB",
    "CF1_STATE_DIR",
    "CF1_TOOLSETS",
    "CF1_UPDATE_METHOD",
    "CF1_WRITE_DATASETS",
)
EVERY_DATASET = ("*",)

# The embedded sandbox accepts any account; no real account has this id.
SANDBOX_ACCOUNT = "0" * 32

UpdateMethod = Literal["PATCH", "POST"]
ToolsetName = Literal["events", "indicators", "curation", "watch", "changes"]
TOOLSETS: tuple[ToolsetName, ...] = get_args(ToolsetName)
# Each mode allows what the modes before it allow.
Mode = Literal["read", "write", "full"]
MODES: tuple[Mode, ...] = get_args(Mode)
Approval = Literal["code", "ask", "operator"]
Defang = Literal["text", "all", "off"]


@dataclass(frozen=True)
class Credentials:
    """An account and its API token. The token is left out of every repr."""

    account_id: str
    api_token: str = field(repr=False)


def _state_dir() -> Path:
    """Return the platform's state folder, for the journal, approvals and exports."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "cf1-mcp"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "cf1-mcp"
    return Path(os.environ.get("XDG_STATE_HOME", home / ".local" / "state")) / "cf1-mcp"


@dataclass(frozen=True)
class Settings:
    """All settings, validated. Without credentials the embedded sandbox is used."""

    credentials: Credentials | None = None
    base_url: str = CLOUDFLARE
    toolsets: tuple[ToolsetName, ...] = TOOLSETS
    update_method: UpdateMethod = "PATCH"
    sandbox_db: Path | None = None
    read_datasets: tuple[str, ...] = EVERY_DATASET
    max_tlp: Tlp = Tlp.AMBER
    mode: Mode = "read"
    write_datasets: tuple[str, ...] = ()
    delete_datasets: tuple[str, ...] = ()
    max_change: int = 100
    approval: Approval = "code"
    confirm_key: bytes | None = field(default=None, repr=False)
    confirm_ttl: int = 600
    state_dir: Path = field(default_factory=_state_dir)
    defang: Defang = "text"
    prompts_dir: Path | None = None
    tell_withheld: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read and validate every setting.

        Raises:
            SettingsError: a name is unknown or a value is invalid. The message lists the valid ones.
        """
        given = {name: value.strip() for name, value in environment.items() if value.strip()}
        _refuse_unknown_names(given)
        return cls(
            credentials=_credentials(given),
            base_url=_base_url(given.get("CLOUDFLARE_BASE_URL", CLOUDFLARE)),
            toolsets=_toolsets(given.get("CF1_TOOLSETS", "all")),
            update_method=_update_method(given.get("CF1_UPDATE_METHOD", "PATCH")),
            sandbox_db=Path(given["CF1_SANDBOX_DB"]) if "CF1_SANDBOX_DB" in given else None,
            read_datasets=_datasets("CF1_READ_DATASETS", given.get("CF1_READ_DATASETS", "*")),
            max_tlp=_max_tlp(given.get("CF1_MAX_TLP", "amber")),
            mode=_mode(given.get("CF1_MODE", "read")),
            write_datasets=_datasets_or_none("CF1_WRITE_DATASETS", given),
            delete_datasets=_datasets_or_none("CF1_DELETE_DATASETS", given),
            max_change=_number("CF1_MAX_CHANGE", given.get("CF1_MAX_CHANGE", "100"), 1, 10_000),
            approval=_approval(given.get("CF1_APPROVAL", "code")),
            confirm_key=_confirm_key(given.get("CF1_CONFIRM_KEY")),
            confirm_ttl=_number("CF1_CONFIRM_TTL", given.get("CF1_CONFIRM_TTL", "600"), 10, 86_400),
            state_dir=Path(given["CF1_STATE_DIR"]) if "CF1_STATE_DIR" in given else _state_dir(),
            defang=_defang(given.get("CF1_DEFANG", "text")),
            prompts_dir=_folder("CF1_PROMPTS_DIR", given["CF1_PROMPTS_DIR"]) if "CF1_PROMPTS_DIR" in given else None,
        )

    def allows(self, mode: Mode) -> bool:
        """Whether the operator's mode allows what needs `mode`."""
        return MODES.index(mode) <= MODES.index(self.mode)


def _refuse_unknown_names(given: Mapping[str, str]) -> None:
    for name in given:
        if name.upper().startswith("CF1_") and name not in NAMES:
            hint = did_you_mean(name, NAMES) or f". Known settings: {choices(NAMES)}."
            raise SettingsError(f"{name} is not a setting of this version{hint}")


def _credentials(given: Mapping[str, str]) -> Credentials | None:
    token, account = given.get("CLOUDFLARE_API_TOKEN"), given.get("CLOUDFLARE_ACCOUNT_ID")
    if token is None and account is None:
        if "CLOUDFLARE_BASE_URL" in given:
            raise SettingsError(
                "CLOUDFLARE_BASE_URL is set but CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID are not. "
                "Set both, or unset CLOUDFLARE_BASE_URL to use the embedded sandbox."
            )
        return None
    if token is None or account is None:
        present, missing = ("ACCOUNT_ID", "API_TOKEN") if token is None else ("API_TOKEN", "ACCOUNT_ID")
        raise SettingsError(
            f"CLOUDFLARE_{missing} is missing while CLOUDFLARE_{present} is set. "
            "Set both to use the live API, or neither to use the embedded sandbox."
        )
    if not re.fullmatch(r"[0-9a-fA-F]{32}", account):
        raise SettingsError(
            "CLOUDFLARE_ACCOUNT_ID is not an account id. Use the 32 hexadecimal digits "
            "from the address of the Cloudflare dashboard."
        )
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise SettingsError(
            "CLOUDFLARE_API_TOKEN contains characters that no token has. Copy it again from the Cloudflare dashboard."
        )
    return Credentials(account_id=account.lower(), api_token=token)


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(
            f"CLOUDFLARE_BASE_URL is not a base URL. Use one such as {CLOUDFLARE} "
            "or http://127.0.0.1:8787/client/v4 for a sandbox."
        )
    if parts.username or parts.password:
        raise SettingsError("CLOUDFLARE_BASE_URL must not contain a user name or password. Use the URL alone.")
    return text.rstrip("/")


def _toolsets(text: str) -> tuple[ToolsetName, ...]:
    if text == "all":
        return TOOLSETS
    requested = [word.strip() for word in text.split(",") if word.strip()]
    for word in requested:
        if word not in TOOLSETS:
            raise SettingsError(f"CF1_TOOLSETS: {word!r} is not a toolset. Use all, {choices(TOOLSETS)}.")
    return tuple(name for name in TOOLSETS if name in requested)


def _datasets(name: str, text: str) -> tuple[str, ...]:
    """Names or uuids of datasets. Whether the account has them is checked later, by the first call."""
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words or ("*" in words and len(words) > 1):
        raise SettingsError(
            f"{name}: {text!r} is not a list of datasets. Use names or uuids separated by commas, or *."
        )
    return words


def _max_tlp(text: str) -> Tlp:
    level = Tlp.parse(text)
    if level is None:
        raise SettingsError(f"CF1_MAX_TLP: {text!r} is not a TLP level. Use {choices([level.value for level in Tlp])}.")
    return level


def _datasets_or_none(name: str, given: Mapping[str, str]) -> tuple[str, ...]:
    """A list of datasets that is empty by default."""
    return _datasets(name, given[name]) if given.get(name, "none").lower() != "none" else ()


def _mode(text: str) -> Mode:
    match text.lower():
        case "read" | "write" | "full" as mode:
            return mode
        case _:
            raise SettingsError(f"CF1_MODE: {text!r} is not a mode. Use read, write or full.")


def _approval(text: str) -> Approval:
    match text.lower():
        case "code" | "ask" | "operator" as approval:
            return approval
        case _:
            raise SettingsError(f"CF1_APPROVAL: {text!r} is not a way to approve. Use code, ask or operator.")


def _defang(text: str) -> Defang:
    match text.lower():
        case "text" | "all" | "off" as defang:
            return defang
        case _:
            raise SettingsError(f"CF1_DEFANG: {text!r} is not a way to defang. Use text, all or off.")


def _confirm_key(text: str | None) -> bytes | None:
    if text is not None and len(text) < 32:
        raise SettingsError("CF1_CONFIRM_KEY is too short to protect codes. Use at least 32 random characters.")
    return text.encode() if text is not None else None


def _number(name: str, text: str, minimum: int, maximum: int) -> int:
    if not text.isdecimal() or not minimum <= int(text) <= maximum:
        raise SettingsError(f"{name}: {text!r} is not a valid number. Use a whole number from {minimum} to {maximum}.")
    return int(text)


def _folder(name: str, text: str) -> Path:
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise SettingsError(f"{name}: {text!r} is not a folder. Use the path of an existing folder.")
    return folder


def _update_method(text: str) -> UpdateMethod:
    match text.upper():
        case "PATCH":
            return "PATCH"
        case "POST":
            return "POST"
        case _:
            raise SettingsError(f"CF1_UPDATE_METHOD: {text!r} is not an update method. Use PATCH or POST.")
