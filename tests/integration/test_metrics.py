"""Metrics for Prometheus: right values, names by the conventions, and rules that find them."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import make_url
from typer import Typer
from typer.testing import CliRunner

from setu.cli.main import load_commands
from setu.ops.answers import answering
from setu.ops.metrics import exposition
from setu.ops.schedule import Schedule
from setu.ops.worker import Pulse, Worker
from tests.servers.at_hand import Server
from tests.v1 import ROOT
from tests.v2 import Plant, plant_on

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yaml"
DASHBOARD = DEPLOY / "grafana" / "setu.json"


@pytest.fixture(scope="module")
def plant(server: Server) -> Iterator[Plant]:
    with plant_on(server) as made:
        cycle = {"cycle_start": "2024-03-05 08:00+00", "cycle_end": "2024-03-05 08:01+00"}
        for offset in (7, 8):
            made.send({**cycle, "kafka_partition": 3, "kafka_offset": offset})
        made.send({**cycle, "machine_iot_id": 404})
        made.load()
        made.send({**cycle, "cycle_start": "2024-03-05 09:00+00", "cycle_end": None})
        yield made


def families(text: str) -> dict[str, Any]:
    """Metrics by name, as Prometheus reads them."""
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The samples of one metric, by the values of their labels, in the order of their names."""
    base = name.removesuffix("_total")
    return {
        tuple(s.labels[name] for name in sorted(s.labels)): s.value
        for s in families(text)[base].samples
    }


def url(plant: Plant, username: str | None = None) -> Any:
    return make_url(plant.chain.url).set(drivername="postgresql+psycopg2", username=username)


def test_metrics_say_what_the_database_says(plant: Plant) -> None:
    text = exposition(url(plant))
    cycles = ("machine_cycles",)
    assert values(text, "setu_up") == {(): 1}
    assert values(text, "setu_pipeline_lag_rows")[cycles] == 1
    assert 0 <= values(text, "setu_pipeline_lag_seconds")[cycles] < 3600
    assert values(text, "setu_pipeline_ids_processed_total")[cycles] == 3
    assert values(text, "setu_bronze_ids_drawn_total")[cycles] == 4
    assert values(text, "setu_pipeline_rows_read_last_day")[cycles] == 3
    assert values(text, "setu_pipeline_rows_rejected_last_day")[cycles] == 1
    assert values(text, "setu_rejected_rows") == {("machine_cycles", "unknown_machine"): 1}
    assert values(text, "setu_pipeline_enabled")[cycles] == 1
    assert values(text, "setu_pipeline_last_run_succeeded")[cycles] == 1
    assert abs(values(text, "setu_pipeline_last_run_timestamp_seconds")[cycles]
               - plant.chain.value("SELECT extract(epoch FROM max(started_at))::double precision"
                                   " FROM _etl.job_runs")) < 1  # fmt: skip
    assert values(text, "setu_kafka_stored_offset")["3", "bronze.raw_machine_cycles"] == 8
    assert values(text, "setu_condition_holds")["pipelines_are_enabled",] == 1
    assert values(text, "setu_condition_holds")["pipelines_run",] == 0
    assert values(text, "setu_healthy") == {(): 0}
    assert values(text, "setu_chunks")["false", "silver", "machine_cycles"] == 1
    assert values(text, "setu_table_bytes")["bronze", "raw_machine_cycles"] > 8192
    plant.chain.run("UPDATE _etl.watermarks SET enabled = false WHERE pipeline = 'machine_cycles'")
    try:
        assert values(exposition(url(plant)), "setu_pipeline_enabled")[cycles] == 0
    finally:
        plant.chain.run("UPDATE _etl.watermarks SET enabled = true")


@pytest.mark.requires("community")
def test_jobs_and_the_column_store_have_metrics(plant: Plant) -> None:
    plant.chain.run("SELECT compress_chunk(c) FROM show_chunks('silver.machine_cycles') AS c")
    try:
        text = exposition(url(plant))
    finally:
        plant.chain.run("SELECT decompress_chunk(c) FROM show_chunks('silver.machine_cycles') AS c")
    assert values(text, "setu_chunks")["true", "silver", "machine_cycles"] == 1
    assert values(text, "setu_column_store_bytes_before")["silver", "machine_cycles"] > 0
    jobs = {labels[1]: value for labels, value in values(text, "setu_job_scheduled").items()}
    assert jobs["sp_load_machine_cycles"] == 0
    assert {"sp_retain_bronze", "sp_roll_up", "policy_compression"} <= set(jobs)


@pytest.mark.requires("multi_session")
def test_a_reader_may_scrape(plant: Plant) -> None:
    reader = "setu_test_scraper"
    plant.chain.run(f"DROP ROLE IF EXISTS {reader}", f"CREATE ROLE {reader} LOGIN IN ROLE"
                    " setu_reader")  # fmt: skip
    try:
        text = exposition(url(plant, username=reader))
        assert values(text, "setu_up") == {(): 1}
        assert set(families(text)) == set(families(exposition(url(plant))))
    finally:
        plant.chain.run(f"DROP ROLE {reader}")


def test_a_database_that_cannot_be_read_is_down_and_no_error() -> None:
    why: list[str] = []
    text = exposition("postgresql://nobody@127.0.0.1:1/nothing", Pulse(), why.append)
    assert [reason.splitlines()[0] for reason in why] == [
        "No server answers there: postgresql://nobody@127.0.0.1:1/nothing"
    ]
    assert values(text, "setu_up") == {(): 0}
    assert "setu_pipeline_lag_rows" not in text
    assert "setu_worker_rounds" in families(text)


@pytest.mark.requires("multi_session")
def test_scrapes_of_a_database_that_does_not_answer_end_and_never_pile_up(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("setu.ops.metrics.READ_SECONDS", 2.0)
    worker = Worker(url(plant), Schedule(), lambda _line: None, threading.Event())
    found: list[str] = []
    sessions: list[int] = []

    def scrape(page: str) -> None:
        with urllib.request.urlopen(page, timeout=60) as answer:
            found.append(answer.read().decode())

    with plant.chain.session() as holder, answering("127.0.0.1:0", worker, 60) as address:
        holder.autocommit = False
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE _etl.watermarks IN ACCESS EXCLUSIVE MODE")
        impatient = socket.create_connection(("127.0.0.1", make_url(address).port or 0))
        impatient.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        impatient.close()
        threads = [threading.Thread(target=scrape, args=(f"{address}/metrics",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            sessions.append(
                plant.chain.value(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name LIKE 'setu metrics%'"
                )
            )
            time.sleep(0.05)
        holder.rollback()
        monkeypatch.setattr("setu.ops.metrics.READ_SECONDS", 60.0)
        scrape(f"{address}/metrics")
    assert max(sessions) == 1
    assert [values(text, "setu_up")[()] for text in found] == [0] * 8 + [1]
    assert capfd.readouterr().err == ""


def test_the_command_prints_them(plant: Plant) -> None:
    app = Typer()
    load_commands(app)
    result = CliRunner(env={"DATABASE_URL": plant.chain.url}).invoke(app, ["metrics"])
    assert result.exit_code == 0, result.output
    assert values(result.stdout, "setu_up") == {(): 1}


def test_names_follow_the_conventions(plant: Plant) -> None:
    for name, family in families(
        exposition(url(plant), Pulse(round_ended=time.monotonic()))
    ).items():
        assert re.fullmatch(r"setu(_[a-z]+)+", name), name
        assert family.documentation, name
        assert not family.documentation.endswith("."), name
        assert family.type in ("gauge", "counter"), name
        # Base units, and no kind of number in a name but that of a counter.
        assert not re.search(r"_(ms|minutes|hours|kb|mb|gauge|count|percent)$", name), name


def named_metrics(expression: str) -> set[str]:
    """The metrics that an expression names."""
    return set(re.findall(r"\bsetu_[a-z_]+\b", expression))


def expressions() -> dict[str, str]:
    """Every expression of the rules and of the dashboard, by where it stands."""
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    found = {
        f"rule {rule['alert']}": rule["expr"]
        for group in rules["groups"]
        for rule in group["rules"]
    }
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            found[f"panel {panel['title']} {target['refId']}"] = target["expr"]
    return found


def labels_of(expression: str) -> set[str]:
    """The labels by which an expression groups."""
    groups = re.findall(r"\bby \(([^)]*)\)", expression)
    return {label.strip() for group in groups for label in group.split(",")}


@pytest.mark.requires("community")
def test_rules_and_dashboard_name_metrics_and_labels_that_there_are(plant: Plant) -> None:
    text = exposition(url(plant), Pulse(round_ended=time.monotonic()))
    there = {sample.name for family in families(text).values() for sample in family.samples}
    # Without samples at this moment.
    there |= {family.name for family in families(text).values()}
    labels = {
        label for family in families(text).values() for s in family.samples for label in s.labels
    }
    for where, expression in expressions().items():
        assert named_metrics(expression) <= there, where
        assert labels_of(expression) <= labels, where
    legends = {
        label
        for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
    }
    assert legends <= labels


def tool(name: str) -> str:
    """One of Prometheus' programs (Debian's package prometheus has them)."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"needs {name}, of Debian's package prometheus")
    return found


def test_promtool_takes_rules_their_tests_and_metrics(plant: Plant) -> None:
    promtool = tool("promtool")
    folder = RULES.parent
    for arguments in (
        ["check", "rules", "rules.yaml"],
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "rules_test.yaml"],
    ):
        done = subprocess.run(
            [promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([promtool, "check", "metrics"], input=exposition(url(plant), Pulse()),
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def asked(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.load(answer)["data"]


@contextmanager
def scraping(plant: Plant, folder: Path) -> Iterator[int]:
    """Prometheus, with the rules and the scrape configuration of deploy/; its port."""
    prometheus = tool("prometheus")
    made = Worker(url(plant), Schedule(retention=False), lambda _: None, threading.Event())
    with answering("127.0.0.1:0", made, 900) as worker:
        settings = yaml.safe_load((RULES.parent / "prometheus.yml").read_text(encoding="utf-8"))
        settings["global"] = {"scrape_interval": "10s", "evaluation_interval": "2s"}
        settings["scrape_configs"][0]["scrape_timeout"] = "10s"
        settings["scrape_configs"][0]["static_configs"][0]["targets"] = [worker.split("//")[1]]
        rules = RULES.read_text(encoding="utf-8")
        # Now, and not when it has lasted.
        (folder / "rules.yaml").write_text(re.sub(r"for: \d+m", "for: 0s", rules))
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
        port = free_port()
        process = subprocess.Popen(
            [prometheus, "--config.file=prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield port
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.requires("multi_session")
def test_prometheus_scrapes_a_worker_and_its_rules_fire(plant: Plant, tmp_path: Path) -> None:
    with scraping(plant, tmp_path) as port:
        wait_until(lambda: "SetuConditionBroken" in alerts(port))
        broken = {
            alert["labels"]["condition"]
            for alert in asked(f"http://127.0.0.1:{port}/api/v1/alerts")["alerts"]
            if alert["labels"]["alertname"] == "SetuConditionBroken"
        }
        assert "pipelines_run" in broken
        states = asked(f"http://127.0.0.1:{port}/api/v1/rules")["groups"][0]["rules"]
        assert {rule["health"] for rule in states} <= {"ok", "unknown"}
        for where, expression in expressions().items():
            series(port, expression, where)


def series(port: int, expression: str, where: str = "") -> list[dict[str, Any]]:
    """What Prometheus finds for an expression at this moment."""
    query = urllib.parse.urlencode({"query": expression})
    found = asked(f"http://127.0.0.1:{port}/api/v1/query?{query}")
    assert found["resultType"] == "vector", where
    result: list[dict[str, Any]] = found["result"]
    return result


FAILED_JOB = (
    "INSERT INTO _timescaledb_internal.bgw_job_stat (job_id, last_start, last_finish, next_start,"
    " last_successful_finish, last_run_success, total_runs, total_duration,"
    " total_duration_failures, total_successes, total_failures, total_crashes,"
    " consecutive_failures, consecutive_crashes)"
    " SELECT j.job_id, now(), now(), now(), now(), false, 1, '1 s', '1 s', 0, 1, 0, 1, 0"
    " FROM timescaledb_information.jobs AS j WHERE j.proc_name = 'sp_load_machine_cycles'"
    " ON CONFLICT (job_id) DO UPDATE SET last_run_success = false, last_start = now(),"
    " last_finish = now()"
)


@pytest.mark.requires("community", "multi_session")
def test_each_panel_of_the_dashboard_shows_something_where_there_is_something(
    plant: Plant, tmp_path: Path
) -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asks = {
        f"{panel['title']} {target['refId']}": target
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    plant.chain.run(
        "SELECT compress_chunk(c) FROM show_chunks('silver.machine_cycles') AS c",
        FAILED_JOB,
    )
    try:
        with scraping(plant, tmp_path) as port:

            def empty() -> list[str]:
                return [name for name, t in asks.items() if not series(port, t["expr"])]

            # A rate is between two scrapes.
            wait_until(lambda: ready(port) and not empty(), empty)
            found = {name: series(port, target["expr"]) for name, target in asks.items()}
    finally:
        plant.chain.run("SELECT decompress_chunk(c) FROM show_chunks('silver.machine_cycles') AS c")
    for name, target in asks.items():
        labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        for sample in found[name]:
            # Prometheus has no empty label.
            assert labels - {"table"} <= set(sample["metric"]), name
    assert [s["value"][1] for s in found["Healthy A"]] == ["0"]
    assert {s["metric"]["condition"] for s in found["Conditions that do not hold A"]} >= {
        "pipelines_run"
    }
    assert [s["value"][1] for s in found["Rejected rows that wait A"]] == ["1"]
    [failed] = found["Jobs that failed at their last run A"]
    assert failed["metric"]["procedure"] == "sp_load_machine_cycles"


def ready(port: int) -> bool:
    try:
        return bool(series(port, "setu_up"))
    except OSError:
        return False


def alerts(port: int) -> set[str]:
    try:
        found = asked(f"http://127.0.0.1:{port}/api/v1/alerts")["alerts"]
    except OSError:
        return set()
    return {alert["labels"]["alertname"] for alert in found}


def wait_until(holds: Any, says: Any = lambda: "") -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, says()
        time.sleep(0.5)
