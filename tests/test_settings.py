"""Settings from the environment."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from cf1_mcp.errors import SettingsError
from cf1_mcp.models import Tlp
from cf1_mcp.settings import LOCATIONS, NAMES, RESTRICTIONS, Settings

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
        "Settings(credentials=Credentials(account_id='0123456789abcdef0123456789abcdef'), base_url='https://api.cloudflare.com/client/v4', toolsets=('events', 'indicators', 'curation', 'watch', 'changes'), update_method='PATCH', sandbox_db=None, read_datasets=('*',), max_tlp=<Tlp.AMBER: 'amber'>, mode='read', write_datasets=(), delete_datasets=(), max_change=100, approval='code', confirm_ttl=600, state_dir=PosixPath('state'), defang='text', prompts_dir=None, tell_withheld=False, log_reads=False)"
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
                "CF1_VERBOSITY is not a setting of this version. Known settings: CF1_APPROVAL, CF1_CONFIRM_KEY, CF1_CONFIRM_TTL, CF1_DEFANG, CF1_DELETE_DATASETS, CF1_LOG_READS, CF1_MAX_CHANGE, CF1_MAX_TLP, CF1_MODE, CF1_PROMPTS_DIR, CF1_READ_DATASETS, CF1_SANDBOX_DB or one of 5 more."
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


NOTHING = [
    "",
    " ",
    "\t\n",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\ufeff\u2060",
    "\u2800",
    ",",
    " , ,",
    '""',
    "''",
    '" "',
    "\u201c\u201d",
    '"",""',
]


@pytest.mark.parametrize("value", NOTHING, ids=ascii)
@pytest.mark.parametrize("name", RESTRICTIONS)
def test_a_restriction_that_is_set_to_nothing_stops_the_start(name: str, value: str) -> None:
    default, valid = RESTRICTIONS[name]
    expected = f"{name} is set to nothing. Unset it for the default ({default}), or use {valid}."
    assert refused({name: value}) == expected
    assert refused({**BOTH, name: value}) == expected


def test_what_restricts_nothing_may_be_left_empty() -> None:
    others = {name: " " for name in NAMES if name not in RESTRICTIONS}
    assert sorted(others) == snapshot(
        ["CF1_PROMPTS_DIR", "CF1_SANDBOX_DB", "CF1_STATE_DIR", "CF1_TELL_WITHHELD", "CF1_UPDATE_METHOD"]
    )
    assert Settings.from_environment(others) == Settings()


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"CF1_MAX_TLP": '"amber"'},
            snapshot("CF1_MAX_TLP has quotes around its value, which would be part of it. Write it without quotes."),
        ),
        (
            {"CF1_READ_DATASETS": "'Mine','Yours'"},
            snapshot(
                "CF1_READ_DATASETS has quotes around its value, which would be part of it. Write it without quotes."
            ),
        ),
        (
            {"CF1_READ_DATASETS": 'Mine, "Yours"'},
            snapshot(
                "CF1_READ_DATASETS: 'Mine, \"Yours\"' is not a list of datasets. Use names or uuids separated by commas, or *."
            ),
        ),
        (
            {"CF1_WRITE_DATASETS": "\u201cMine\u201d"},
            snapshot(
                "CF1_WRITE_DATASETS has quotes around its value, which would be part of it. Write it without quotes."
            ),
        ),
        (
            {"CF1_DELETE_DATASETS": "none, Mine"},
            snapshot(
                "CF1_DELETE_DATASETS: 'none, Mine' is not a list of datasets. Use names or uuids separated by commas, or *."
            ),
        ),
        (
            {"CF1_MODE": "re\u200bad"},
            snapshot("CF1_MODE contains an invisible character or a special blank. Type the value again."),
        ),
        (
            {"CF1_READ_DATASETS": "Vendor\u00a0reports"},
            snapshot("CF1_READ_DATASETS contains an invisible character or a special blank. Type the value again."),
        ),
        (
            {"CF1_TOOLSETS": "all,events"},
            snapshot("CF1_TOOLSETS: 'all' is not a toolset. Use all, events, indicators, curation, watch or changes."),
        ),
        (
            {"CF1_CONFIRM_KEY": "${CONFIRM_KEY_OF_ALL_THE_REPLICAS}"},
            snapshot("CF1_CONFIRM_KEY holds a reference that was not replaced by its value. Set the value itself."),
        ),
        (
            {**BOTH, "CLOUDFLARE_API_TOKEN": "$CF_TOKEN"},
            snapshot(
                "CLOUDFLARE_API_TOKEN holds a reference that was not replaced by its value. Set the value itself."
            ),
        ),
        (
            {**BOTH, "CLOUDFLARE_API_TOKEN": f"'{TOKEN}'"},
            snapshot(
                "CLOUDFLARE_API_TOKEN has quotes around its value, which would be part of it. Write it without quotes."
            ),
        ),
        (
            {"CF1_MAX_CHANGE": "9" * 5_000},
            snapshot(
                "CF1_MAX_CHANGE: '99999999999999999999' is not a valid number. Use a whole number from 1 to 10000."
            ),
        ),
        (
            {"CF1_CONFIRM_TTL": "\u0661\u0662\u0663"},
            snapshot("CF1_CONFIRM_TTL: '١٢٣' is not a valid number. Use a whole number from 10 to 86400."),
        ),
        (
            {"CF1_READ_DATASETS": "*,"},
            snapshot(
                "CF1_READ_DATASETS: '*,' is not a list of datasets. Use names or uuids separated by commas, or *."
            ),
        ),
        (
            {"CF1_READ_DATASETS": "[]"},
            snapshot(
                "CF1_READ_DATASETS: '[]' is not a list of datasets. Use names or uuids separated by commas, or *."
            ),
        ),
        (
            {"CF1_DELETE_DATASETS": "Mine; *, ;"},
            snapshot(
                "CF1_DELETE_DATASETS: 'Mine; *, ;' is not a list of datasets. Use names or uuids separated by commas, or *."
            ),
        ),
        ({"CF1_TELL_WITHHELD": "yes"}, snapshot("CF1_TELL_WITHHELD: 'yes' is not a choice. Use no or counts.")),
    ],
)
def test_a_value_that_is_not_what_was_meant_is_refused(environment: dict[str, str], words: str) -> None:
    assert refused(environment)[:200] == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cf1_mode", snapshot("cf1_mode is not a setting of this version, did you mean 'CF1_MODE'?")),
        ("Cf1_Mode", snapshot("Cf1_Mode is not a setting of this version, did you mean 'CF1_MODE'?")),
        ("CF1_MODUS", snapshot("CF1_MODUS is not a setting of this version, did you mean 'CF1_MODE'?")),
        ("CF1MODE", snapshot("CF1MODE is not a setting of this version, did you mean 'CF1_MODE'?")),
        ("CF1-MODE", snapshot("CF1-MODE is not a setting of this version, did you mean 'CF1_MODE'?")),
        ("CF_1_MODE", snapshot("CF_1_MODE is not a setting of this version, did you mean 'CF1_MODE'?")),
        (" CF1_MODE", snapshot(" CF1_MODE is not a setting of this version, did you mean 'CF1_MODE'?")),
        ("CF1_MODE\u200b", snapshot("CF1_MODE\\u200b is not a setting of this version, did you mean 'CF1_MODE'?")),
        (
            "CF1_API_TOKEN",
            snapshot("CF1_API_TOKEN is not a setting of this version, did you mean 'CLOUDFLARE_API_TOKEN'?"),
        ),
        (
            "CF1_ACCOUNT_ID",
            snapshot("CF1_ACCOUNT_ID is not a setting of this version, did you mean 'CLOUDFLARE_ACCOUNT_ID'?"),
        ),
    ],
)
@pytest.mark.parametrize("value", ["full", ""])
def test_a_misspelt_name_is_refused_whatever_its_value(name: str, words: str, value: str) -> None:
    assert refused({name: value}) == words


@pytest.mark.parametrize(
    ("names", "right"),
    [
        ("CF_API_TOKEN CLOUDFLARE_TOKEN CF_TOKEN CLOUDFLARE_API_KEY CF_API_KEY CLOUDFLARE_EMAIL", "API_TOKEN"),
        ("cloudflare_api_token CLOUDFLARE_APITOKEN CF_Token", "API_TOKEN"),
        ("CF_ACCOUNT_ID CLOUDFLARE_ACCOUNT CLOUDFLARE_ACCOUNTID CF_Account_ID", "ACCOUNT_ID"),
        ("CF_BASE_URL CLOUDFLARE_API_BASE_URL CLOUDFLARE_API_URL", "BASE_URL"),
    ],
)
def test_a_name_of_other_tools_is_refused_where_the_right_one_is_missing(names: str, right: str) -> None:
    full = {**BOTH, "CLOUDFLARE_BASE_URL": "https://api.example/v4"}
    for name in names.split():
        without = {key: value for key, value in full.items() if key != f"CLOUDFLARE_{right}"}
        words = f"{name} is not read. Set CLOUDFLARE_{right} instead, or unset {name}."
        assert refused({name: "x"}) == refused({**without, name: TOKEN}) == words
        assert Settings.from_environment({**full, name: "x"}) == Settings.from_environment(full)


LOOPBACK = ["127.0.0.1", "127.0.0.1:8787", "127.8.9.10", "[::1]:80", "localhost", "LocalHost:1"]
ELSEWHERE = [
    "api.cloudflare.com",
    "10.0.0.1",
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "127.1",
    "0127.0.0.1",
    "0x7f.0.0.1",
    "2130706433",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:0:0:1%251]",
    "localhost.evil.example",
    "localhost.",
    "127.0.0.1.",
    "127.0.0.1.evil.example",
    "127.0.0.1%2eevil.example",
    "evil.example\\@127.0.0.1",
    "127.0.0.1@evil.example",
    "@127.0.0.1",
    "evil.example#.localhost",
    "evil.example?.localhost",
    "local\thost",
    "\u2113ocalhost",
    "127\u30020.0.1",
    "127.0.0.1:99999",
    "127.0.0.1:0",
    "[::1",
    "",
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_http_is_accepted_on_this_machine(host: str) -> None:
    base = f"http://{host}/client/v4"
    assert Settings.from_environment({**BOTH, "CLOUDFLARE_BASE_URL": base}).base_url == base


@pytest.mark.parametrize("host", ELSEWHERE, ids=ascii)
def test_http_to_anywhere_else_is_refused(host: str) -> None:
    for scheme in ("http", "HTTP"):
        words = refused({**BOTH, "CLOUDFLARE_BASE_URL": f"{scheme}://{host}/client/v4"})
        assert words.startswith("CLOUDFLARE_BASE_URL")


def test_http_elsewhere_is_refused_with_the_reason() -> None:
    assert refused({**BOTH, "CLOUDFLARE_BASE_URL": "http://127.0.0.1.nip.io:8787/"}) == snapshot(
        "CLOUDFLARE_BASE_URL: http:// would send the token unencrypted. Use https://, or http:// with 127.0.0.1, [::1] or localhost for a sandbox on this machine."
    )


@pytest.mark.parametrize(
    "base", ["ftp://x.example", "https://", "https://x y.example", "https:/x.example", "//x.example"]
)
def test_https_needs_an_address(base: str) -> None:
    assert refused({**BOTH, "CLOUDFLARE_BASE_URL": base}).startswith("CLOUDFLARE_BASE_URL is not a base URL.")


def test_paths_may_start_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = {"CF1_STATE_DIR": "~/state", "CF1_SANDBOX_DB": "~/x.db", "CF1_PROMPTS_DIR": "~"}
    settings = Settings.from_environment(paths)
    assert (settings.state_dir, settings.sandbox_db) == (tmp_path / "state", tmp_path / "x.db")
    assert settings.prompts_dir == tmp_path


def test_numbers_of_withheld_things_are_told_only_on_request() -> None:
    assert [
        Settings.from_environment({"CF1_TELL_WITHHELD": value}).tell_withheld
        for value in ("", "no", "counts", "Counts")
    ] == [False, False, True, True]


@pytest.mark.parametrize("name", LOCATIONS)
@pytest.mark.parametrize(
    "reference", ["$HOME", "${HOME}", "${HOME:-/tmp}", "${HOME", "$(pwd)", "{{ home }}", "%APPDATA%"]
)
@pytest.mark.parametrize("place", ["{}/state", "/srv/{}/state", "~/{}", "{}"])
def test_a_reference_in_a_path_or_an_address_is_refused(name: str, reference: str, place: str) -> None:
    value = place.format(reference)
    words = refused({**BOTH, name: value})
    assert words == f"{name} holds a reference that was not replaced by its value. Set the value itself."


@pytest.mark.parametrize(
    "value", ["/srv/cf1$", "/srv/100%", "~/état", "/srv/a%20b", "C:\\Users\\x$\\state", "/srv/{a}"]
)
def test_other_characters_in_a_path_are_kept(value: str) -> None:
    assert Settings.from_environment({"CF1_SANDBOX_DB": value}).sandbox_db == Path(value).expanduser()


@pytest.mark.parametrize("name", ["CF1_READ_DATASETS", "CF1_WRITE_DATASETS", "CF1_DELETE_DATASETS", "CF1_TOOLSETS"])
def test_a_reference_among_the_words_of_a_list_is_refused(name: str) -> None:
    words = refused({name: "events, ${OTHER}"})
    assert words == f"{name} holds a reference that was not replaced by its value. Set the value itself."


@pytest.mark.parametrize("given", ["$HOME/.state", "state", ""])
def test_a_state_folder_of_the_platform_that_is_not_absolute_is_ignored(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", given)
    assert Settings.from_environment({}).state_dir == tmp_path / ".local" / "state" / "cf1-mcp"
