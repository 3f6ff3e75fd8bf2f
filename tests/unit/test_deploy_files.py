"""Files for containers: they can be read, and name commands and files that there are."""

from __future__ import annotations

import re
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
    assert pod.get("restartPolicy", "Always") == (
        "Always" if manifest["kind"] == "Deployment" else "Never"
    )
    assert container["securityContext"]["readOnlyRootFilesystem"]


def test_compose_starts_setu_beside_a_server_that_is_bound_to_loopback() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {"timescaledb", "setu", "worker", "prometheus"}
    for service in ("timescaledb", "prometheus"):
        assert all(port.startswith("127.0.0.1:") for port in services[service]["ports"])
    assert services["worker"]["command"][0] in _commands()
    assert services["worker"]["image"] == services["setu"]["image"]


def test_the_image_copies_what_there_is_and_leaves_node_out() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    missing = [word for word in copied if word[0] not in "-/" and not (ROOT / word).exists()]
    assert missing == []
    assert "**/node_modules" in (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert "embedded" not in "".join(line for line in lines if "pip install" in line)


def test_probes_and_scrapes_ask_the_port_and_the_paths_that_the_worker_answers() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    worker = compose["services"]["worker"]
    port = worker["command"][2].rpartition(":")[2]
    assert f"127.0.0.1:{port}/live" in worker["healthcheck"]["test"][-1]
    [folder] = [volume.split(":")[0] for volume in compose["services"]["prometheus"]["volumes"]]
    scrape = yaml.safe_load((ROOT / folder / "prometheus.yml").read_text(encoding="utf-8"))
    [settings] = scrape["scrape_configs"][0]["static_configs"]
    assert settings["targets"] == [f"worker:{port}"]
    manifest = ROOT / "deploy" / "kubernetes" / "worker-deployment.yaml"
    [container] = _pod(yaml.safe_load(manifest.read_text(encoding="utf-8")))["containers"]
    listens = container["args"][2].rpartition(":")[2]
    answers = (ROOT / "setu" / "ops" / "answers.py").read_text(encoding="utf-8")
    for probe in ("livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert str(asked["port"]) == listens
        assert f'"{asked["path"]}"' in answers


def instructions_of(dockerfile: str) -> list[str]:
    """The instruction that opens each logical line."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile, flags=re.M).replace("\\\n", " ")
    return [line.split()[0] for line in text.splitlines() if line.strip()]


def _malformed(dockerfile: str) -> list[str]:
    known = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "ENTRYPOINT", "CMD", "LABEL",
             "EXPOSE", "HEALTHCHECK", "VOLUME", "ADD", "SHELL", "STOPSIGNAL"}  # fmt: skip
    found = instructions_of(dockerfile)
    wrong = [name for name in found if name not in known]
    if not found or found[0] not in ("FROM", "ARG"):
        wrong.append("does not begin with FROM")
    return wrong


def test_the_dockerfile_has_dockers_instructions_and_begins_with_from() -> None:
    assert _malformed((ROOT / "Dockerfile").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("planted", ["RUNN pip", "FROM a\nRUN b\n  && c", "COPY a b\nFROM a"])
def test_a_dockerfile_that_docker_would_not_read_is_found(planted: str) -> None:
    assert _malformed(planted)
