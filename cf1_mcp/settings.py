"""The operator's settings, read from the environment. An unknown name or an invalid value prevents the start."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeVar, get_args

from cf1_mcp.errors import SettingsError, choices
from cf1_mcp.models import Tlp
from cf1_mcp.text.folders import find_state_folder, read_folder, read_new_folder, read_path
from cf1_mcp.text.variables import (
    CLOUDFLARE_NAMES,
    is_blank,
    is_quoted,
    refuse_other_names,
    refuse_unclear_value,
    refuse_unknown_names,
)
from cf1_mcp.text.web_addresses import is_loopback, split_base

API_PATH: Final = "/client/v4"
CLOUDFLARE: Final = f"https://api.cloudflare.com{API_PATH}"
NAMES = (
    "CF1_APPROVAL",
    "CF1_CONFIRM_KEY",
    "CF1_CONFIRM_TTL",
    "CF1_DEFANG",
    "CF1_DELETE_DATASETS",
    "CF1_LOG_READS",
    "CF1_MAX_CHANGE",
    "CF1_MAX_TLP",
    "CF1_MODE",
    "CF1_PROMPTS_DIR",
    "CF1_READ_DATASETS",
    "CF1_SANDBOX_DB",
    "CF1_STATE_DIR",
    "CF1_TELL_WITHHELD",
    "CF1_TOOLSETS",
    "CF1_UPDATE_METHOD",
    "CF1_WRITE_DATASETS",
)
# Paths and addresses, in which nothing is replaced but a `~` at the start.
LOCATIONS = ("CF1_PROMPTS_DIR", "CF1_SANDBOX_DB", "CF1_STATE_DIR", "CLOUDFLARE_BASE_URL")
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
APPROVALS: tuple[Approval, ...] = get_args(Approval)
Defang = Literal["text", "all", "off"]
DEFANGS: tuple[Defang, ...] = get_args(Defang)
CountChoice = Literal["no", "counts"]
LOG_READS: tuple[CountChoice, ...] = get_args(CountChoice)
TELL_WITHHELD: tuple[CountChoice, ...] = get_args(CountChoice)
UPDATE_METHODS: tuple[UpdateMethod, ...] = get_args(UpdateMethod)

LISTED: Final = "names or uuids separated by commas"
# A blank value of one of these is an operator's mistake, and the default may allow more than was meant: each has its
# default and what to use instead.
RESTRICTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "CF1_APPROVAL": ("code", choices(APPROVALS)),
    "CF1_CONFIRM_KEY": ("a random key", "at least 32 random characters"),
    "CF1_CONFIRM_TTL": ("600", "a number of seconds"),
    "CF1_DEFANG": ("text", choices(DEFANGS)),
    "CF1_DELETE_DATASETS": ("none", f"{LISTED}, or *"),
    "CF1_LOG_READS": ("no", choices(LOG_READS)),
    "CF1_MAX_CHANGE": ("100", "a number of events"),
    "CF1_MAX_TLP": ("amber", choices([level.value for level in Tlp])),
    "CF1_MODE": ("read", choices(MODES)),
    "CF1_READ_DATASETS": ("*", f"{LISTED}, or *"),
    "CF1_TOOLSETS": ("all", f"some of {choices(TOOLSETS)}"),
    "CF1_WRITE_DATASETS": ("none", f"{LISTED}, or *"),
}
Word = TypeVar("Word", bound=str)


@dataclass(frozen=True)
class Credentials:
    """An account and its API token. The token is left out of every repr."""

    account_id: str
    api_token: str = field(repr=False)


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
    state_dir: Path = field(default_factory=find_state_folder)
    defang: Defang = "text"
    prompts_dir: Path | None = None
    tell_withheld: bool = False
    log_reads: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read and validate every setting.

        Raises:
            SettingsError: a name is unknown or a value is invalid. The message lists the valid ones.
        """
        refuse_unknown_names(environment, NAMES)
        given = {name: value.strip() for name, value in environment.items() if not is_blank(value)}
        refuse_other_names(given)
        for name in sorted(environment.keys() & {*NAMES, *CLOUDFLARE_NAMES}):
            refuse_unclear_value(name, environment[name], RESTRICTIONS.get(name), is_location=name in LOCATIONS)
        return cls(
            credentials=_credentials(given),
            base_url=_base_url(given.get("CLOUDFLARE_BASE_URL", CLOUDFLARE)),
            toolsets=_toolsets(given.get("CF1_TOOLSETS", "all")),
            update_method=_choice("CF1_UPDATE_METHOD", given, "PATCH", UPDATE_METHODS, "an update method"),
            sandbox_db=read_path("CF1_SANDBOX_DB", given.get("CF1_SANDBOX_DB")),
            read_datasets=_datasets("CF1_READ_DATASETS", given, "*"),
            max_tlp=_max_tlp(given.get("CF1_MAX_TLP", "amber")),
            mode=_choice("CF1_MODE", given, "read", MODES, "a mode"),
            write_datasets=_datasets("CF1_WRITE_DATASETS", given, "none"),
            delete_datasets=_datasets("CF1_DELETE_DATASETS", given, "none"),
            max_change=_number("CF1_MAX_CHANGE", given.get("CF1_MAX_CHANGE", "100"), 1, 10_000),
            approval=_choice("CF1_APPROVAL", given, "code", APPROVALS, "a way to approve"),
            confirm_key=_confirm_key(given.get("CF1_CONFIRM_KEY")),
            confirm_ttl=_number("CF1_CONFIRM_TTL", given.get("CF1_CONFIRM_TTL", "600"), 10, 86_400),
            state_dir=read_new_folder("CF1_STATE_DIR", given.get("CF1_STATE_DIR")) or find_state_folder(),
            defang=_choice("CF1_DEFANG", given, "text", DEFANGS, "a way to defang"),
            prompts_dir=read_folder("CF1_PROMPTS_DIR", given.get("CF1_PROMPTS_DIR")),
            tell_withheld=_choice("CF1_TELL_WITHHELD", given, "no", TELL_WITHHELD, "a choice") == "counts",
            log_reads=_choice("CF1_LOG_READS", given, "no", LOG_READS, "a choice") == "counts",
        )

    def allows(self, mode: Mode) -> bool:
        """Whether the operator's mode allows what needs `mode`."""
        return MODES.index(mode) <= MODES.index(self.mode)


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
    if "@" in text:
        raise SettingsError("CLOUDFLARE_BASE_URL must not contain a user name or password. Use the URL alone.")
    parts = split_base(text)
    if parts is None:
        raise SettingsError(
            f"CLOUDFLARE_BASE_URL is not a base URL. Use one such as {CLOUDFLARE} "
            "or http://127.0.0.1:8787/client/v4 for a sandbox."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise SettingsError(
            "CLOUDFLARE_BASE_URL: http:// would send the token unencrypted. Use https://, or http:// with 127.0.0.1, "
            "[::1] or localhost for a sandbox on this machine."
        )
    path = parts.path.rstrip("/")
    is_cloudflare = f".{parts.hostname}".endswith(".cloudflare.com")
    if not path or "/accounts" in path or (is_cloudflare and path != API_PATH):
        raise SettingsError(
            f"CLOUDFLARE_BASE_URL has the path {path or '/'!r}. Use the address that ends before /accounts, "
            f"as in {parts.scheme}://{parts.netloc}{API_PATH}."
        )
    return text.rstrip("/")


def _toolsets(text: str) -> tuple[ToolsetName, ...]:
    if text.lower() == "all":
        return TOOLSETS
    requested = [word.strip().lower() for word in text.split(",") if word.strip()]
    for word in requested:
        if word not in TOOLSETS:
            raise SettingsError(f"CF1_TOOLSETS: {word!r} is not a toolset. Use all, {choices(TOOLSETS)}.")
    return tuple(name for name in TOOLSETS if name in requested)


def _datasets(name: str, given: Mapping[str, str], default: str) -> tuple[str, ...]:
    """Names or uuids of datasets. Whether the account has them is checked later, by the first call."""
    text = given.get(name, default)
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if default == text.lower() == "none":
        return ()
    alone = [word for word in words if word.lower() in ("*", "none")]
    unclear = [word for word in words if word != "*" and (is_quoted(word) or not any(map(str.isalnum, word)))]
    if not words or unclear or (alone and "," in text):
        raise SettingsError(f"{name}: {text!r} is not a list of datasets. Use {LISTED}, or *.")
    return words


def _max_tlp(text: str) -> Tlp:
    level = Tlp.parse(text)
    if level is None:
        raise SettingsError(f"CF1_MAX_TLP: {text!r} is not a TLP level. Use {choices([level.value for level in Tlp])}.")
    return level


def _choice(name: str, given: Mapping[str, str], default: str, valid: Sequence[Word], noun: str) -> Word:
    """The one of the valid words that a setting names, in any case."""
    text = given.get(name, default)
    for word in valid:
        if word.lower() == text.lower():
            return word
    raise SettingsError(f"{name}: {text!r} is not {noun}. Use {choices(valid)}.")


def _confirm_key(text: str | None) -> bytes | None:
    if text is not None and len(text) < 32:
        raise SettingsError("CF1_CONFIRM_KEY is too short to protect codes. Use at least 32 random characters.")
    return text.encode() if text is not None else None


def _number(name: str, text: str, minimum: int, maximum: int) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or not minimum <= int(text) <= maximum:
        raise SettingsError(
            f"{name}: {text[:20]!r} is not a valid number. Use a whole number from {minimum} to {maximum}."
        )
    return int(text)
