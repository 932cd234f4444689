"""Playbooks: how analysts work, as Markdown files that they can edit, served as MCP prompts.

A file starts with TOML between two lines of `+++` (title, description, arguments), followed by the text. The name of
the file without `.md` is the name of the prompt. `{{name}}` in the text is replaced by the value that a person typed
for that argument. A value is data: it is inserted on one line, in quotes or backticks, and placeholders in it are not
replaced.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import anyio.to_thread
from mcp.types import GetPromptResult, Prompt, PromptArgument, PromptMessage, TextContent
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from cf1_mcp.errors import BadArgument, BadFile, choices, did_you_mean
from cf1_mcp.search.conditions import MAX_VALUE_LENGTH
from cf1_mcp.text.defang import defang, refang
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean, escape_invisible

PACKAGE: Final = Path(__file__).parents[1]
MAX_FILE_SIZE: Final = 64 * 1024  # bytes
MAX_NAMES: Final = 40
MAX_REASON_LENGTH: Final = 300
NAME: Final = r"[a-z][a-z0-9_]{0,39}"
_NAME: Final = re.compile(NAME)
_PLACEHOLDER: Final = re.compile(r"\{\{([^{}\n]*)\}\}")
_CODE_OR_PLACEHOLDER: Final = re.compile(rf"(?P<code>`[^`\n]*`)|{_PLACEHOLDER.pattern}")
_log: Final = logging.getLogger(__name__)

# The vocabularies that can complete the value of an argument, the last two of which are the same in every account.
CompletionKind = Literal[
    "attackers", "categories", "countries", "datasets", "industries", "tags", "markings", "frequencies"
]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\n]*$")]


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _list_kinds(value: object) -> object:
    """Accept one vocabulary as well as a list of them."""
    return (value,) if isinstance(value, str) else value


class PlaybookArgument(_StrictModel):
    """A value that a person types. It is either required or has a default.

    An `exact` value (an indicator, an id) keeps every visible character, and an indicator is in its canonical form.
    """

    name: Annotated[str, Field(pattern=f"^{NAME}$")]
    description: Line
    required: bool = False
    default: Annotated[str, Field(max_length=300, pattern=r"^[^\n`]*[^\s`][^\n`]*$")] | None = None
    exact: bool = False
    complete: Annotated[tuple[CompletionKind, ...], BeforeValidator(_list_kinds)] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _required_or_default(self) -> Self:
        if self.required != (self.default is None):
            raise ValueError("it needs either required = true or a default")
        return self

    def value_for(self, typed: str | None) -> str:
        """Return the value to insert for the typed text: one line without backticks.

        Raises:
            BadArgument: nothing was typed and there is no default, or the text is too long.
        """
        text = (typed or "").replace("`", "").strip() or self.default
        if text and self.exact:
            text = _read_exactly(text)
        if text is None:
            raise BadArgument(self.name, "it is missing", f"a value: {self.description}")
        if len(text) > MAX_VALUE_LENGTH:
            problem = f"it has {len(text)} characters"
            raise BadArgument(
                self.name, problem, f"at most {MAX_VALUE_LENGTH}, and put longer texts into the conversation"
            )
        return clean(text, MAX_VALUE_LENGTH, value=self.exact)


class FrontMatter(_StrictModel):
    """The TOML at the start of a playbook."""

    title: Line
    description: Line
    arguments: tuple[PlaybookArgument, ...] = Field(default=(), strict=False)


@dataclass(frozen=True)
class Playbook:
    """One playbook. `body` is the text of its file, placeholders included."""

    name: str
    front_matter: FrontMatter
    body: str

    def as_prompt(self) -> Prompt:
        """Return the playbook as prompts/list shows it."""
        return Prompt(
            name=self.name,
            title=self.front_matter.title,
            description=self.front_matter.description,
            arguments=[
                PromptArgument(name=argument.name, description=argument.description, required=argument.required)
                for argument in self.front_matter.arguments
            ],
        )

    def render(self, typed: Mapping[str, str]) -> GetPromptResult:
        """Return the result of prompts/get: one user message with the values inserted.

        Raises:
            BadArgument: an argument is unknown, missing or too long.
        """
        arguments = self.front_matter.arguments
        names = [argument.name for argument in arguments]
        for name in typed:
            if name not in names:
                problem = f"{self.name} has no such argument{did_you_mean(name, names)}"
                raise BadArgument(clean(name, MAX_NAME_LENGTH), problem, choices(names) or "none")
        values = {
            argument.name: argument.value_for(typed.get(argument.name)) for argument in self.front_matter.arguments
        }
        text = f"Playbook `{self.name}`: {self.front_matter.title}\n\n{_fill(self.body, values)}"
        message = PromptMessage(role="user", content=TextContent(type="text", text=text))
        return GetPromptResult(description=self.front_matter.description, messages=[message])


class Playbooks:
    """The shipped playbooks and the operator's own, which may replace shipped ones.

    Files are read on request: the server starts without reading them, and an edited file takes effect at once.
    """

    def __init__(self, operator_folder: Path | None) -> None:
        self._folders = [shipped_folder(), *([operator_folder] if operator_folder else [])]
        self._logged_problems: dict[Path, str] = {}

    async def read_all(self) -> Mapping[str, Playbook]:
        """Return every playbook by name, sorted. An invalid file is skipped, and each problem of it logged once."""
        return await anyio.to_thread.run_sync(self._read)

    async def list_prompts(self) -> list[Prompt]:
        """Return the result of prompts/list."""
        return [playbook.as_prompt() for playbook in (await self.read_all()).values()]

    async def get(self, name: str, typed: Mapping[str, str]) -> GetPromptResult:
        """Return the result of prompts/get.

        Raises:
            BadArgument: the playbook does not exist, or an argument is unknown, missing or too long.
        """
        known = await self.read_all()
        if name not in known:
            problem = f"there is no playbook {clean(name, MAX_NAME_LENGTH)!r}{did_you_mean(name, [*known])}"
            raise BadArgument("name", problem, choices([*known], most=MAX_NAMES))
        return known[name].render(typed)

    async def vocabulary_of(self, name: str, argument: str) -> Sequence[CompletionKind]:
        """Return the vocabularies that complete an argument of a playbook; none if the playbook declares none."""
        playbook = (await self.read_all()).get(name)
        arguments = playbook.front_matter.arguments if playbook else ()
        return next((one.complete for one in arguments if one.name == argument), ())

    def _read(self) -> dict[str, Playbook]:
        found: dict[str, Playbook] = {}
        problems: dict[Path, str] = {}
        for path in (path for folder in self._folders for path in sorted(folder.glob("*.md"))):
            try:
                found[path.stem] = read_playbook(path)
            except BadFile as error:
                problems[path] = str(error)
                if self._logged_problems.get(path) != problems[path]:
                    _log.warning("playbook %s is skipped: %s", _printable(path.name), error)
        self._logged_problems = problems
        return dict(sorted(found.items()))


def _read_exactly(text: str) -> str:
    """Return an indicator in its canonical form, defanged if it was typed so; any other text as it is."""
    from cf1_mcp.indicators import read_indicator

    is_read = len(text) <= MAX_VALUE_LENGTH and escape_invisible(text) == text
    found = read_indicator(text) if is_read else None
    if found is None or found.kind == "other":
        return text
    return found.value if refang(text) == text else defang(found.value)


def shipped_folder() -> Path:
    """Return the folder of the shipped playbooks: in the installed package, or next to it in a checkout."""
    packaged = PACKAGE / "playbooks"
    return packaged if packaged.is_dir() else PACKAGE.parent / "prompts"


def read_playbook(path: Path) -> Playbook:
    """Read and check the playbook in a file.

    Raises:
        BadFile: the file is not a playbook. The message says why.
    """
    # Imported on the first request: a host waits for the start.
    import tomllib

    if not _NAME.fullmatch(path.stem):
        raise BadFile("its name is not in snake_case, such as triage_indicator.md")
    head, closed, body = _read_text(path).partition("\n+++\n")
    if not (closed and head.startswith("+++\n")):
        raise BadFile("it does not start with its title and description as TOML between two lines of +++")
    try:
        front_matter = FrontMatter.model_validate(tomllib.loads(head.removeprefix("+++\n")))
    except tomllib.TOMLDecodeError as error:
        raise BadFile(_printable(f"between the lines of +++: {error}")) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadFile(_printable(f"{where}: {first['msg'].removeprefix('Value error, ')}")) from error
    body = body.strip()
    _check_placeholders(body, [argument.name for argument in front_matter.arguments])
    return Playbook(path.stem, front_matter, body)


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():
            raise BadFile("it is not a file")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_SIZE + 1)
    except OSError as error:
        raise BadFile(f"it cannot be read ({error.strerror})") from error
    if len(content) > MAX_FILE_SIZE:
        raise BadFile(f"it is larger than {MAX_FILE_SIZE // 1024} kB")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise BadFile(f"it is not UTF-8 at byte {error.start}") from error


def _check_placeholders(body: str, arguments: list[str]) -> None:
    """Check that the text uses every argument, and no placeholder that is not an argument.

    Raises:
        BadFile: it does not.
    """
    used = _PLACEHOLDER.findall(body)
    if not body:
        raise BadFile("it has no text")
    for name in arguments:
        if arguments.count(name) > 1 or name not in used:
            raise BadFile(f"argument {name} is {'declared twice' if arguments.count(name) > 1 else 'never used'}")
    for name in used:
        if name not in arguments:
            raise BadFile(_printable(f"{{{{{name}}}}} is not among its arguments"))
    if "{{" in _PLACEHOLDER.sub("", body):
        raise BadFile("a {{ is not closed on its line")


def _fill(body: str, values: Mapping[str, str]) -> str:
    """Insert the values, in a single pass: as JSON strings inside code, in backticks elsewhere."""

    def as_json(placeholder: re.Match[str]) -> str:
        return json.dumps(values[placeholder[1]], ensure_ascii=False)

    def fill(found: re.Match[str]) -> str:
        return _PLACEHOLDER.sub(as_json, found[0]) if found["code"] else f"`{values[found[2]]}`"

    return _CODE_OR_PLACEHOLDER.sub(fill, body)


def _printable(text: str) -> str:
    return clean(text, MAX_REASON_LENGTH, value=True)
