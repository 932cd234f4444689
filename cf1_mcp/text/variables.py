"""Environment variables that an operator misspelt, left empty, or called what another tool calls them."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from cf1_mcp.errors import SettingsError, choices, did_you_mean, suggest
from cf1_mcp.text.sanitize import is_visible

# What other tools of Cloudflare call the variables, after CF_, CF1_ or CLOUDFLARE_ and without separators.
CLOUDFLARE_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "CLOUDFLARE_API_TOKEN": ["TOKEN", "APITOKEN", "AUTHTOKEN", "ACCESSTOKEN", "KEY", "APIKEY", "EMAIL", "APIEMAIL"],
    "CLOUDFLARE_ACCOUNT_ID": ["ACCOUNTID", "ACCOUNT", "ACCOUNTTAG"],
    "CLOUDFLARE_BASE_URL": ["BASEURL", "APIURL", "APIBASE", "APIBASEURL"],
}

_QUOTES: Final = "\"'`\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
# What a shell, a compose file or a template should have replaced.
_PLACEHOLDER: Final = re.compile(r"\$\{.*\}|\$\(.*\)|\$\w+|\{\{.*\}\}|%\w+%")
# The same as a part of a value; the end may be missing.
_PLACEHOLDER_INSIDE: Final = re.compile(r"\$[\w{(]|\{\{|%\w+%")


def refuse_unknown_names(environment: Mapping[str, str], names: Sequence[str]) -> None:
    """Refuse a name that looks like a setting and is none, even without a value: it was meant to restrict something.

    Raises:
        SettingsError: there is such a name. The message has the right one.
    """
    known = {_letters(name): name for name in names}
    for name in environment:
        if name in names or not (_letters(name) in known or re.match(r"(?i)\W*CF1(?![a-z0-9])", name)):
            continue
        meant = known.get(_letters(name)) or _right_name(name)
        hint = suggest(meant) or did_you_mean(name, names) or f". Known settings: {choices(names)}."
        raise SettingsError(f"{ascii(name)[1:-1]} is not a setting of this version{hint}")


def refuse_other_names(given: Mapping[str, str]) -> None:
    """Refuse what other tools call a setting if the right name is missing: it was probably meant for this server.

    Raises:
        SettingsError: there is such a name. The message has the right one.
    """
    for name in given:
        right = _right_name(name)
        if right is not None and right not in given:
            raise SettingsError(f"{ascii(name)[1:-1]} is not read. Set {right} instead, or unset {ascii(name)[1:-1]}.")


def _right_name(name: str) -> str | None:
    """The setting that other tools, or people in a hurry, call by this name."""
    found = re.fullmatch("(?:CF1?|CLOUDFLARE)(.*)", _letters(name))
    return next((right for right, ends in CLOUDFLARE_NAMES.items() if found and found[1] in ends), None)


def _letters(name: str) -> str:
    """A name of a variable without what people get wrong: case, separators."""
    return re.sub(r"[\W_]", "", name).upper()


def refuse_unclear_value(
    name: str, value: str, restriction: tuple[str, str] | None, *, is_location: bool = False
) -> None:
    """Refuse a value that is not what the operator meant to write. It may be a secret, so it is not repeated.

    `restriction` is the default and the valid values of a variable that restricts something. In a path or an address
    (`is_location`) a reference is refused as a part as well: a folder called `$HOME` would be made.

    Raises:
        SettingsError: the value is empty although it should restrict something, or is not the value that was meant.
    """
    text = value.strip()
    if restriction and _is_empty_list(text):
        default, valid = restriction
        raise SettingsError(f"{name} is set to nothing. Unset it for the default ({default}), or use {valid}.")
    if is_quoted(text):
        raise SettingsError(f"{name} has quotes around its value, which would be part of it. Write it without quotes.")
    parts = [text] if restriction is None else [text, *map(str.strip, text.split(","))]
    if any(map(_PLACEHOLDER.fullmatch, parts)) or (is_location and _PLACEHOLDER_INSIDE.search(text)):
        raise SettingsError(f"{name} holds a reference that was not replaced by its value. Set the value itself.")
    if restriction and not all(map(is_visible, text)):
        raise SettingsError(f"{name} contains an invisible character or a special blank. Type the value again.")


def is_blank(text: str) -> bool:
    """Return whether a text shows nothing: it has no characters, or only blanks and invisible ones."""
    return not any(is_visible(char) and not char.isspace() for char in text)


def _is_empty_list(text: str) -> bool:
    """Return whether a text lists nothing: it shows nothing but quotes and commas."""
    return is_blank("".join(char for char in text if char != "," and char not in _QUOTES))


def is_quoted(text: str) -> bool:
    """Return whether quotes around a text have become part of it."""
    return bool(text) and text[0] in _QUOTES and text[-1] in _QUOTES
