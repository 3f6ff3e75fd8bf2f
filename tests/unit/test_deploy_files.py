"""Files for containers: they can be read, and name commands and files that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from setu.cli.main import load_commands

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))


def _commands() -> set[str]:
    app = typer.Typer()
    load_commands(app)
    named = {str(command.name) for command in app.registered_commands}
    return named | {str(group.name) for group in app.registered_groups}


def _pod(manifest: dict[str, Any]) -> dict[str, Any]:
    spec = manifest["spec"]
    pod: dict[str, Any] = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_runs_a_command_of_setu_and_holds_no_credentials(path: Path) -> None:
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    pod = _pod(manifest)
    (container,) = pod["containers"]
    assert container["args"][0] in _commands()
    (address,) = container["env"]
    assert address["name"] == "DATABASE_URL"
    assert "valueFrom" in address
    assert pod["restartPolicy"] == "Never"
    assert container["securityContext"]["readOnlyRootFilesystem"]


def test_compose_starts_setu_beside_a_server_that_is_bound_to_loopback() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {"timescaledb", "setu", "worker"}
    assert all(port.startswith("127.0.0.1:") for port in services["timescaledb"]["ports"])
    assert services["worker"]["command"][0] in _commands()
    assert services["worker"]["image"] == services["setu"]["image"]


def test_the_image_copies_what_there_is_and_leaves_node_out() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    missing = [word for word in copied if word[0] not in "-/" and not (ROOT / word).exists()]
    assert missing == []
    assert "**/node_modules" in (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert "embedded" not in "".join(line for line in lines if "pip install" in line)
