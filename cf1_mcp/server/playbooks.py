"""Playbooks: how analysts work, in Markdown that they edit themselves, served as prompts.

A file is TOML between two lines of `+++` (title, description, arguments) and the text after it; the stem of its name is
the prompt's name. `{{name}}` in the text stands for what a person typed for that argument. What is typed is data: it is
filled in on one line, between quotes or backticks, and never read for placeholders again.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import anyio.to_thread
from mcp.types import GetPromptResult, Prompt, PromptArgument, PromptMessage, TextContent
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cf1_mcp.errors import BadArgument, BadFile, choices, nearest
from cf1_mcp.search.conditions import MAX_VALUE_LENGTH
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean

PACKAGE: Final = Path(__file__).parents[1]
MAX_FILE_SIZE: Final = 64 * 1024  # bytes
MAX_NAMES: Final = 40
MAX_REASON_LENGTH: Final = 300
NAME: Final = r"[a-z][a-z0-9_]{0,39}"
_NAME: Final = re.compile(NAME)
_PLACEHOLDER: Final = re.compile(r"\{\{([^{}\n]*)\}\}")
_PIECE: Final = re.compile(rf"(?P<code>`[^`\n]*`)|{_PLACEHOLDER.pattern}")
_log: Final = logging.getLogger(__name__)

# The vocabularies that may complete what is typed for an argument.
Completed = Literal["attackers", "categories", "countries", "datasets", "industries", "tags"]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\n]*$")]


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Argument(_FrontMatter):
    """What a person may type. It is required, or `default` stands in for it. Of an `exact` one (an indicator, an id)
    every character that can be seen is kept."""

    name: Annotated[str, Field(pattern=f"^{NAME}$")]
    description: Line
    required: bool = False
    default: Annotated[str, Field(max_length=300, pattern=r"^[^\n`]*[^\s`][^\n`]*$")] | None = None
    exact: bool = False
    complete: Completed | None = None

    @model_validator(mode="after")
    def _required_or_default(self) -> Self:
        if self.required != (self.default is None):
            raise ValueError("it needs either required = true or a default")
        return self

    def value(self, typed: str | None) -> str:
        """What is filled in for what was typed: one line without backticks.

        Raises:
            BadArgument: nothing was typed and there is no default, or it is too long.
        """
        text = (typed or "").replace("`", "").strip() or self.default
        if text is None:
            raise BadArgument(self.name, "it is missing", f"a value: {self.description}")
        if len(text) > MAX_VALUE_LENGTH:
            problem = f"it has {len(text)} characters"
            raise BadArgument(
                self.name, problem, f"at most {MAX_VALUE_LENGTH}, and give longer texts in the conversation"
            )
        return clean(text, MAX_VALUE_LENGTH, value=self.exact)


class Heading(_FrontMatter):
    """The front matter of a playbook."""

    title: Line
    description: Line
    arguments: tuple[Argument, ...] = Field(default=(), strict=False)


@dataclass(frozen=True)
class Playbook:
    """One playbook, with its text as it stands in the file."""

    name: str
    heading: Heading
    body: str

    def listed(self) -> Prompt:
        """What prompts/list says of it."""
        return Prompt(
            name=self.name,
            title=self.heading.title,
            description=self.heading.description,
            arguments=[
                PromptArgument(name=one.name, description=one.description, required=one.required)
                for one in self.heading.arguments
            ],
        )

    def filled(self, given: Mapping[str, str]) -> GetPromptResult:
        """What prompts/get answers: one message of the person's.

        Raises:
            BadArgument: an argument is unknown, missing or too long.
        """
        names = [one.name for one in self.heading.arguments]
        for name in given:
            if name not in names:
                meant = nearest(name, names)
                problem = f"{self.name} has no such argument" + (f", did you mean {meant}?" if meant else "")
                raise BadArgument(clean(name, MAX_NAME_LENGTH), problem, choices(names) or "none")
        values = {one.name: one.value(given.get(one.name)) for one in self.heading.arguments}
        text = f"Playbook `{self.name}`: {self.heading.title}\n\n{_fill(self.body, values)}"
        message = PromptMessage(role="user", content=TextContent(type="text", text=text))
        return GetPromptResult(description=self.heading.description, messages=[message])


class Playbooks:
    """The shipped playbooks, and the operator's own beside or in place of them.

    Files are read when they are asked for, so that a server starts without them and an edited file counts at once.
    """

    def __init__(self, own: Path | None) -> None:
        self._folders = [shipped_folder(), *([own] if own else [])]
        self._faults: dict[Path, str] = {}

    async def all(self) -> Mapping[str, Playbook]:
        """Every playbook by name, in order. A broken file is left out, and logged once until its fault is another."""
        return await anyio.to_thread.run_sync(self._read)

    async def listed(self) -> list[Prompt]:
        """What prompts/list answers."""
        return [playbook.listed() for playbook in (await self.all()).values()]

    async def get(self, name: str, given: Mapping[str, str]) -> GetPromptResult:
        """What prompts/get answers.

        Raises:
            BadArgument: there is no such playbook, or an argument does not fit it.
        """
        known = await self.all()
        if name not in known:
            meant = nearest(name, [*known])
            problem = f"there is no playbook {clean(name, MAX_NAME_LENGTH)!r}"
            raise BadArgument(
                "name", problem + (f", did you mean {meant}?" if meant else ""), choices([*known], most=40)
            )
        return known[name].filled(given)

    async def completed(self, name: str, argument: str) -> Completed | None:
        """The vocabulary that a playbook names to complete one of its arguments, if it names one."""
        playbook = (await self.all()).get(name)
        arguments = playbook.heading.arguments if playbook else ()
        return next((one.complete for one in arguments if one.name == argument), None)

    def _read(self) -> dict[str, Playbook]:
        found: dict[str, Playbook] = {}
        faults: dict[Path, str] = {}
        for path in (path for folder in self._folders for path in sorted(folder.glob("*.md"))):
            try:
                found[path.stem] = read_playbook(path)
            except BadFile as error:
                faults[path] = str(error)
                if self._faults.get(path) != faults[path]:
                    _log.warning("playbook %s is skipped: %s", _reason(path.name), error)
        self._faults = faults
        return dict(sorted(found.items()))


def shipped_folder() -> Path:
    """Where the shipped playbooks are: in the package when it is installed, beside it in a checkout."""
    packaged = PACKAGE / "playbooks"
    return packaged if packaged.is_dir() else PACKAGE.parent / "prompts"


def read_playbook(path: Path) -> Playbook:
    """The playbook of a file.

    Raises:
        BadFile: it is none; the message says why.
    """
    # Imported by the first request: a host waits for the start.
    import tomllib

    if not _NAME.fullmatch(path.stem):
        raise BadFile("its name is not in snake_case, as in triage_indicator.md")
    head, closed, body = _text(path).partition("\n+++\n")
    if not (closed and head.startswith("+++\n")):
        raise BadFile("it does not begin with its title and description in TOML between two lines of +++")
    try:
        heading = Heading.model_validate(tomllib.loads(head.removeprefix("+++\n")))
    except tomllib.TOMLDecodeError as error:
        raise BadFile(_reason(f"between the lines of +++: {error}")) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadFile(_reason(f"{where}: {first['msg'].removeprefix('Value error, ')}")) from error
    return Playbook(path.stem, heading, _checked(body.strip(), [one.name for one in heading.arguments]))


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise BadFile("it is no file")
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


def _checked(body: str, arguments: list[str]) -> str:
    """The text, if its placeholders and the arguments are the same."""
    used = _PLACEHOLDER.findall(body)
    if not body:
        raise BadFile("it has no text")
    for name in arguments:
        if arguments.count(name) > 1 or name not in used:
            raise BadFile(f"argument {name} is " + ("declared twice" if arguments.count(name) > 1 else "never used"))
    for name in used:
        if name not in arguments:
            raise BadFile(_reason(f"{{{{{name}}}}} is not among its arguments"))
    if "{{" in _PLACEHOLDER.sub("", body):
        raise BadFile("a {{ is not closed on its line")
    return body


def _fill(body: str, values: Mapping[str, str]) -> str:
    """The text with its values: in code as JSON texts, elsewhere as code of their own. Each place is filled once."""

    def quoted(found: re.Match[str]) -> str:
        return json.dumps(values[found[1]], ensure_ascii=False)

    def piece(found: re.Match[str]) -> str:
        return _PLACEHOLDER.sub(quoted, found[0]) if found["code"] else f"`{values[found[2]]}`"

    return _PIECE.sub(piece, body)


def _reason(text: str) -> str:
    return clean(text, MAX_REASON_LENGTH, value=True)
