"""Settings from the environment."""

import pytest
from inline_snapshot import snapshot

from cf1_mcp.errors import SettingsError
from cf1_mcp.models import Tlp
from cf1_mcp.settings import Settings

ACCOUNT = "0123456789abcdef0123456789ABCDEF"
TOKEN = "a-token-nobody-has"
BOTH = {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_ACCOUNT_ID": ACCOUNT}


def refused(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as error:
        Settings.from_environment(environment)
    assert TOKEN not in str(error.value)
    return str(error.value)


def test_without_credentials_the_sandbox_is_used() -> None:
    assert Settings.from_environment({"PATH": "/bin", "CLOUDFLARE_API_TOKEN": " "}) == Settings()


def test_both_credentials_select_the_live_api_and_the_token_stays_hidden() -> None:
    given = {name: f" {value}\n" for name, value in BOTH.items()}
    settings = Settings.from_environment({**given, "CF1_STATE_DIR": "state"})
    assert settings.credentials is not None
    assert (settings.credentials.account_id, settings.credentials.api_token) == (ACCOUNT.lower(), TOKEN)
    assert repr(settings) == snapshot(
        "Settings(credentials=Credentials(account_id='0123456789abcdef0123456789abcdef'), base_url='https://api.cloudflare.com/client/v4', toolsets=('events', 'indicators', 'curation', 'watch', 'changes'), update_method='PATCH', sandbox_db=None, read_datasets=('*',), max_tlp=<Tlp.AMBER: 'amber'>, mode='read', write_datasets=(), delete_datasets=(), max_change=100, approval='code', confirm_ttl=600, state_dir=PosixPath('state'), defang='text', prompts_dir=None)"
    )


def test_every_setting_is_read() -> None:
    environment = {
        **BOTH,
        "CLOUDFLARE_BASE_URL": "http://127.0.0.1:8787/client/v4/",
        "CF1_TOOLSETS": "watch , events",
        "CF1_UPDATE_METHOD": "post",
        "CF1_SANDBOX_DB": "x.db",
        "CF1_READ_DATASETS": "Mine, d0000000-0000-4000-8000-000000000001",
        "CF1_MAX_TLP": "TLP:Amber-Strict",
        "CF1_PROMPTS_DIR": ".",
    }
    settings = Settings.from_environment(environment)
    assert (
        settings.base_url,
        settings.toolsets,
        settings.update_method,
        str(settings.sandbox_db),
        settings.read_datasets,
        settings.max_tlp,
        str(settings.prompts_dir),
    ) == snapshot(
        (
            "http://127.0.0.1:8787/client/v4",
            ("events", "watch"),
            "POST",
            "x.db",
            ("Mine", "d0000000-0000-4000-8000-000000000001"),
            Tlp.AMBER_STRICT,
            ".",
        )
    )


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"CLOUDFLARE_API_TOKEN": TOKEN},
            snapshot(
                "CLOUDFLARE_ACCOUNT_ID is missing while CLOUDFLARE_API_TOKEN is set. Set both to use the live API, or neither to use the embedded sandbox."
            ),
        ),
        (
            {"CLOUDFLARE_ACCOUNT_ID": ACCOUNT},
            snapshot(
                "CLOUDFLARE_API_TOKEN is missing while CLOUDFLARE_ACCOUNT_ID is set. Set both to use the live API, or neither to use the embedded sandbox."
            ),
        ),
        (
            {**BOTH, "CLOUDFLARE_ACCOUNT_ID": "my account"},
            snapshot(
                "CLOUDFLARE_ACCOUNT_ID is not an account id. Use the 32 hexadecimal digits from the address of the Cloudflare dashboard."
            ),
        ),
        (
            {**BOTH, "CLOUDFLARE_API_TOKEN": f"{TOKEN}\n{TOKEN}"},
            snapshot(
                "CLOUDFLARE_API_TOKEN contains characters that no token has. Copy it again from the Cloudflare dashboard."
            ),
        ),
        (
            {**BOTH, "CLOUDFLARE_BASE_URL": "api.cloudflare.com"},
            snapshot(
                "CLOUDFLARE_BASE_URL is not a base URL. Use one such as https://api.cloudflare.com/client/v4 or http://127.0.0.1:8787/client/v4 for a sandbox."
            ),
        ),
        (
            {**BOTH, "CLOUDFLARE_BASE_URL": "https://me:pw@example.com/"},
            snapshot("CLOUDFLARE_BASE_URL must not contain a user name or password. Use the URL alone."),
        ),
        (
            {"CLOUDFLARE_BASE_URL": "http://127.0.0.1:1/"},
            snapshot(
                "CLOUDFLARE_BASE_URL is set but CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID are not. Set both, or unset CLOUDFLARE_BASE_URL to use the embedded sandbox."
            ),
        ),
        (
            {"CF1_TOOLSET": "events"},
            snapshot("CF1_TOOLSET is not a setting of this version, did you mean 'CF1_TOOLSETS'?"),
        ),
        (
            {"cf1_toolsets": "events"},
            snapshot("cf1_toolsets is not a setting of this version, did you mean 'CF1_TOOLSETS'?"),
        ),
        (
            {"CF1_VERBOSITY": "red"},
            snapshot(
                "CF1_VERBOSITY is not a setting of this version. Known settings: CF1_APPROVAL, CF1_CONFIRM_KEY, CF1_CONFIRM_TTL, CF1_DEFANG, CF1_DELETE_DATASETS, CF1_MAX_CHANGE, CF1_MAX_TLP, CF1_MODE, CF1_PROMPTS_DIR, CF1_READ_DATASETS, CF1_SANDBOX_DB, CF1_STATE_DIR or one of 3 more."
            ),
        ),
        (
            {"CF1_MAX_TLP": "pink"},
            snapshot("CF1_MAX_TLP: 'pink' is not a TLP level. Use clear, green, amber, amber+strict or red."),
        ),
        (
            {"CF1_PROMPTS_DIR": "/no/such/folder"},
            snapshot("CF1_PROMPTS_DIR: '/no/such/folder' is not a folder. Use the path of an existing folder."),
        ),
        (
            {"CF1_READ_DATASETS": "*, Mine"},
            snapshot(
                "CF1_READ_DATASETS: '*, Mine' is not a list of datasets. Use names or uuids separated by commas, or *."
            ),
        ),
        (
            {"CF1_TOOLSETS": "event"},
            snapshot(
                "CF1_TOOLSETS: 'event' is not a toolset. Use all, events, indicators, curation, watch or changes."
            ),
        ),
        (
            {"CF1_UPDATE_METHOD": "PUT"},
            snapshot("CF1_UPDATE_METHOD: 'PUT' is not an update method. Use PATCH or POST."),
        ),
        ({"CF1_MODE": "admin"}, snapshot("CF1_MODE: 'admin' is not a mode. Use read, write or full.")),
        (
            {"CF1_APPROVAL": "never"},
            snapshot("CF1_APPROVAL: 'never' is not a way to approve. Use code, ask or operator."),
        ),
        ({"CF1_DEFANG": "some"}, snapshot("CF1_DEFANG: 'some' is not a way to defang. Use text, all or off.")),
        (
            {"CF1_MAX_CHANGE": "0"},
            snapshot("CF1_MAX_CHANGE: '0' is not a valid number. Use a whole number from 1 to 10000."),
        ),
        (
            {"CF1_CONFIRM_KEY": "short"},
            snapshot("CF1_CONFIRM_KEY is too short to protect codes. Use at least 32 random characters."),
        ),
    ],
)
def test_a_wrong_setting_is_refused_with_the_valid_values(environment: dict[str, str], words: str) -> None:
    assert refused(environment) == words
