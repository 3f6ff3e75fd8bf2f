"""The Debian 13 tree: found, half-made, and servers in it that are stopped by process id."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers import debian13
from tests.servers.debian13 import Debian13Error, Tree


@pytest.fixture
def tree() -> Tree:
    """The tree of this machine; `python -m tests.servers.debian13 make` makes it."""
    found = debian13.verify(debian13.folder()) if os.geteuid() == 0 else None
    if found is None:
        if os.environ.get("SETU_TEST_SERVER") == "debian13":
            pytest.fail("the Debian 13 tree is not there")
        pytest.skip("no Debian 13 tree on this machine: python -m tests.servers.debian13 make")
    return found


def test_folder_follows_the_environment() -> None:
    assert debian13.folder({"SETU_DEBIAN13_DIR": "/somewhere"}) == Path("/somewhere")
    cached = debian13.folder({"XDG_CACHE_HOME": "/cache"})
    assert cached == Path(f"/cache/setu/debian13-{debian13.recipe_hash()}")


def test_tree_without_its_marker_does_not_count(tmp_path: Path) -> None:
    (tmp_path / debian13.CONTROL).parent.mkdir(parents=True)
    (tmp_path / debian13.CONTROL).touch()
    assert debian13.verify(tmp_path) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes trees")
def test_half_made_tree_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "tree"
    (target / "debootstrap").mkdir(parents=True)
    made: list[bool] = []

    def bootstrap(root: Path, _lock: int, _report: debian13.Report) -> None:
        made.append(not root.exists())
        (root / debian13.CONTROL).parent.mkdir(parents=True)
        (root / debian13.CONTROL).touch()

    monkeypatch.setattr(debian13, "_bootstrap", bootstrap)
    monkeypatch.setattr(shutil, "which", lambda *_a, **_k: "debootstrap")
    with pytest.raises(Debian13Error, match="does not work"):
        debian13.make(target)
    assert made == [True]
    assert debian13.verify(target) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes trees")
def test_debootstrap_that_outlives_its_killed_maker_keeps_others_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "debootstrap"
    program.write_text('#!/bin/sh\nmkdir -p "$4"; touch "$4/begun"; sleep 3\n')
    program.chmod(0o755)
    target = tmp_path / "tree"
    code = (
        "from pathlib import Path; from tests.servers import debian13; "
        f"debian13.make(Path({str(target)!r}))"
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, env=environment) as maker:
        deadline = time.monotonic() + 30
        while not (target / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        maker.kill()
    seen: list[str] = []
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(debian13, "_search_path", lambda: "/nowhere")
    with pytest.raises(Debian13Error, match="debootstrap is not installed"):
        debian13.make(target, report=seen.append)
    assert seen
    assert seen[0].startswith("waiting for another process")


def test_making_needs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Debian13Error, match="needs root"):
        debian13.make(tmp_path / "tree")


def test_server_is_stopped_by_process_id_and_its_data_go(tree: Tree) -> None:
    cluster = debian13.start(tree, settings={})
    pid = cluster.pid
    assert pid is not None
    cluster.stop()
    assert cluster.pid is None
    assert not Path(f"/proc/{pid}/exe").exists()
    assert not cluster.home.exists()


def test_server_whose_maker_was_killed_is_swept_by_the_next_start(tree: Tree) -> None:
    program = """
import os
from tests.servers import debian13
tree = debian13.verify(debian13.folder())
cluster = debian13.start(tree, settings={})
print(cluster.home, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    orphan = Path(done.stdout.strip())
    assert orphan.exists()
    cluster = debian13.start(tree, settings={})
    try:
        assert not orphan.exists()
        assert cluster.pid is not None
    finally:
        cluster.stop()
