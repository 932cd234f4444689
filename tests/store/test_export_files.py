"""The key of a folder of exports."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from cf1_mcp.store.export_files import KEY_LENGTH, KEY_NAME, load_export_key


def load(folder: Path) -> bytes:
    return load_export_key(folder, None)


def test_the_key_is_created_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    assert load(tmp_path) == load(tmp_path)
    [file] = tmp_path.iterdir()
    assert (file.name, file.stat().st_size, file.stat().st_mode & 0o777) == (KEY_NAME, KEY_LENGTH, 0o600)


def test_two_folders_have_two_keys(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    assert load(folders[0]) != load(folders[1])


def test_the_operators_key_replaces_the_file(tmp_path: Path) -> None:
    assert load_export_key(tmp_path, b"k" * 32) == load_export_key(tmp_path / "elsewhere", b"k" * 32)
    assert load_export_key(tmp_path, b"k" * 32) != load_export_key(tmp_path, b"l" * 32)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("content", [b"", b"x" * (KEY_LENGTH - 1), b"x" * (KEY_LENGTH + 1)])
def test_a_damaged_key_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_NAME).write_bytes(content)
    with pytest.raises(OSError, match="damaged"):
        load(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="the pool needs fork")
def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        for number in range(10):
            folder = tmp_path / str(number)
            folder.mkdir()
            keys = {*pool.map(load, [folder] * 8)}
            assert len(keys) == 1
            assert [file.name for file in folder.iterdir()] == [KEY_NAME]
