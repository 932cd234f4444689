"""The operator's commands for exported files, so that they reach people who see only a link in a chat."""

import json
import shutil
from pathlib import Path

import typer

from cf1_mcp.context import utc_now
from cf1_mcp.errors import BadArgument, BadFile
from cf1_mcp.settings import Settings
from cf1_mcp.store.export_drafts import StoredExport
from cf1_mcp.store.export_files import ExportFolder
from cf1_mcp.text.dates import iso
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean


def print_exports(settings: Settings, *, as_json: bool = False) -> None:
    """Print the exported files that are kept, the newest first: id, format, size, expiry and path."""
    kept = ExportFolder(settings, utc_now).list_kept()
    for one in kept:
        if as_json:
            typer.echo(json.dumps(_describe(one), ensure_ascii=True))
        else:
            typer.echo(f"{one.id}  {one.format:9}  {one.size:>11,}  until {iso(one.expires)}")
    if not kept and not as_json:
        typer.echo(f"No export is kept in {settings.state_dir}: they are deleted after a day.")


def save_export(settings: Settings, export_id: str, target: Path | None, *, overwrite: bool = False) -> None:
    """Copy an exported file to a path or into a folder, by default the current one, and print where it is.

    Raises:
        BadArgument: there is no such export.
        BadFile: the copy exists already, or cannot be written.
    """
    word = export_id.strip().removeprefix("cf1://exports/")
    found = next((one for one in ExportFolder(settings, utc_now).list_kept() if one.id == word), None)
    if found is None:
        shown = clean(export_id, MAX_NAME_LENGTH)
        raise BadArgument("ID", f"no export {shown!r} is kept", "an id of 'cf1-mcp exports list'")
    name = f"{found.format}-{found.id}{found.path.suffix}"
    path = target or Path(name)
    path = path / name if path.is_dir() else path
    if path.exists() and not overwrite:
        raise BadFile(f"{clean(str(path), MAX_NAME_LENGTH)!r} exists already. Name another file, or add --overwrite.")
    try:
        shutil.copyfile(found.path, path)
    except (OSError, shutil.SameFileError) as error:
        reason = getattr(error, "strerror", None) or "it is the export itself"
        raise BadFile(
            f"{clean(str(path), MAX_NAME_LENGTH)!r} cannot be written: {reason}. Name another file."
        ) from error
    typer.echo(str(path))


def _describe(one: StoredExport) -> dict[str, object]:
    return {
        "id": one.id,
        "format": one.format,
        "size": one.size,
        "created": iso(one.created),
        "expires": iso(one.expires),
        "path": str(one.path),
    }
