"""Grafana's dashboard file, held against what Grafana publishes of dashboards.

Grafana itself is not run. Names of fields, panels, units and transformations are those of the
packages ``@grafana/schema`` and ``@grafana/data``, version 13.2; ``test_metrics.py`` has Prometheus
evaluate the expressions.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/setu.json").read_text("utf-8"))

FIELDS = {
    "dashboard": {"title", "uid", "schemaVersion", "version", "editable", "refresh", "tags", "time",
                  "timezone", "templating", "annotations", "panels", "description"},
    "variable": {"name", "label", "type", "query", "description", "hide"},
    "panel": {"id", "title", "type", "description", "datasource", "gridPos", "targets",
              "fieldConfig", "options", "transformations"},
    "target": {"datasource", "expr", "legendFormat", "refId", "format", "instant", "range"},
    "defaults": {"unit", "thresholds", "mappings", "noValue", "min", "max", "decimals"},
    "reduceOptions": {"calcs", "fields", "values", "limit"},
}  # fmt: skip
PANELS = {"stat", "table", "timeseries"}
UNITS = {"short", "none", "s", "rowsps", "bytes", "percentunit"}
COLOURS = {"red", "green", "orange", "yellow", "blue"}
TRANSFORMATIONS = {"organize"}
REDUCERS = {"lastNotNull", "last", "max", "min", "mean", "sum"}
INTERVAL = re.compile(r"\d+[smhd]")
COLUMNS = 24


def faults(dashboard: dict[str, Any]) -> list[str]:
    """What Grafana would not take, or would not show as it is meant."""
    return list(_faults(dashboard))


def _faults(dashboard: dict[str, Any]) -> Iterator[str]:
    yield from _unknown("dashboard", dashboard, "dashboard")
    if not isinstance(dashboard["schemaVersion"], int) or dashboard["schemaVersion"] < 36:
        yield "schemaVersion is none that knows data sources by type and uid"
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", dashboard["uid"]):
        yield "uid is not one"
    if not INTERVAL.fullmatch(dashboard["refresh"]):
        yield "refresh is no interval"
    variables = dashboard["templating"]["list"]
    sources = set()
    for variable in variables:
        yield from _unknown("variable", variable, str(variable.get("name")))
        if variable["type"] == "datasource" and variable["query"] == "prometheus":
            sources.add("${" + variable["name"] + "}")
        else:
            yield f"variable {variable['name']} asks for what no test evaluates"
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        yield from _of_panel(panel, sources, taken)
    if len({panel["id"] for panel in dashboard["panels"]}) < len(dashboard["panels"]):
        yield "two panels have one id"


def _of_panel(
    panel: dict[str, Any], sources: set[str], taken: set[tuple[int, int]]
) -> Iterator[str]:
    where = f"panel {panel['title']}"
    yield from _unknown("panel", panel, where)
    if panel["type"] not in PANELS:
        yield f"{where}: type {panel['type']}"
    yield from _place(panel["gridPos"], where, taken)
    defaults = panel["fieldConfig"]["defaults"]
    yield from _unknown("defaults", defaults, where)
    if defaults["unit"] not in UNITS:
        yield f"{where}: unit {defaults['unit']}"
    steps = defaults.get("thresholds", {"steps": []})["steps"]
    if steps and (steps[0]["value"] is not None or None in [s["value"] for s in steps[1:]]):
        yield f"{where}: the first threshold has a value, or another has none"
    bounds = [step["value"] for step in steps[1:]]
    if bounds != sorted(bounds) or not {step["color"] for step in steps} <= COLOURS:
        yield f"{where}: thresholds"
    reduced = panel["options"].get("reduceOptions", {})
    yield from _unknown("reduceOptions", reduced, where)
    if panel["type"] == "stat" and not set(reduced.get("calcs", ["none"])) <= REDUCERS:
        yield f"{where}: which of the values it shows is not said"
    if not {step["id"] for step in panel.get("transformations", ())} <= TRANSFORMATIONS:
        yield f"{where}: a transformation that nobody knows"
    names = [target["refId"] for target in panel["targets"]]
    if len(set(names)) < len(names):
        yield f"{where}: two targets have one refId"
    for of in (panel, *panel["targets"]):
        if of["datasource"].get("type") != "prometheus" or of["datasource"]["uid"] not in sources:
            yield f"{where}: its data source is no variable of the dashboard"
    for target in panel["targets"]:
        yield from _of_target(panel, target, where, sources)


def _of_target(
    panel: dict[str, Any], target: dict[str, Any], where: str, sources: set[str]
) -> Iterator[str]:
    yield from _unknown("target", target, where)
    at_once = target.get("instant") is True and target.get("range") is False
    if panel["type"] in ("stat", "table") and not at_once:
        # Over a range a stat shows a value of hours ago, and a table one series with its times.
        yield f"{where}: not asked for this moment"
    if panel["type"] == "timeseries" and target.get("instant"):
        yield f"{where}: a line of one point"
    if (panel["type"] == "table") != (target.get("format") == "table"):
        yield f"{where}: format"
    if re.search(r"\$|\[\[", target["expr"]) or not target["expr"].strip():
        yield f"{where}: an expression that Prometheus cannot evaluate as it stands"


def _place(place: dict[str, int], where: str, taken: set[tuple[int, int]]) -> Iterator[str]:
    if set(place) != {"x", "y", "w", "h"} or not all(type(n) is int for n in place.values()):
        yield f"{where}: no place in the grid"
        return
    cells = {
        (x, y)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    }
    if not cells or min(place["x"], place["y"]) < 0 or place["x"] + place["w"] > COLUMNS:
        yield f"{where}: outside of the grid"
    if cells & taken:
        yield f"{where}: lies over another"
    taken |= cells


def _unknown(kind: str, given: dict[str, Any], where: str) -> Iterator[str]:
    if set(given) - FIELDS[kind]:
        yield f"{where}: fields that Grafana has not: {sorted(set(given) - FIELDS[kind])}"


def test_grafana_knows_all_that_the_dashboard_says() -> None:
    assert faults(DASHBOARD) == []


def test_the_page_on_watching_names_each_alert_and_says_what_was_not_run() -> None:
    page = (ROOT / "docs/watching.md").read_text(encoding="utf-8")
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text(encoding="utf-8"))
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    assert re.findall(r"^\| `(Setu\w+)` \|", page, re.M) == alerts
    assert "Grafana itself was never run" in page
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert len(pictures) == 2
    assert all((ROOT / "docs" / name).is_file() for name in pictures)


def of(title: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The panel of a title."""
    return lambda dashboard: next(p for p in dashboard["panels"] if p["title"] == title)


PLANTED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a data source by its name": lambda d: d["panels"][0].update(datasource="Prometheus"),
    "another's uid": lambda d: d["panels"][3]["datasource"].update(uid="P1809F7CD0C75ACF3"),
    "a target's own source": lambda d: d["panels"][3]["targets"][0]["datasource"].update(uid="$x"),
    "no variable for it": lambda d: d["templating"]["list"].clear(),
    "a variable with a query": lambda d: d["templating"]["list"].append(
        {"name": "p", "type": "query", "query": "label_values(setu_pipeline_lag_rows, pipeline)"}
    ),
    "a unit that is none": lambda d: d["panels"][5]["fieldConfig"]["defaults"].update(
        unit="rows/s"
    ),
    "a type that is none": lambda d: d["panels"][5].update(type="time-series"),
    "panels one over another": lambda d: d["panels"][1]["gridPos"].update(x=2),
    "beyond the grid": lambda d: d["panels"][4]["gridPos"].update(w=5),
    "no height": lambda d: d["panels"][4]["gridPos"].update(h=0),
    "half a column": lambda d: d["panels"][4]["gridPos"].update(w=3.5),
    "one id twice": lambda d: d["panels"][4].update(id=1),
    "a table over time": lambda d: of("Conditions that do not hold")(d)["targets"][0].pop("format"),
    "a value of an hour ago": lambda d: of("Healthy")(d)["targets"][0].update(instant=False),
    "a variable in an expression": lambda d: d["panels"][6]["targets"][0].update(
        expr="rate(setu_bronze_ids_drawn_total[$__rate_interval])"
    ),
    "a misspelled field": lambda d: d["panels"][6].update(gridpos={}),
    "a first threshold with a value": lambda d: of("Healthy")(d)["fieldConfig"]["defaults"][
        "thresholds"
    ]["steps"][0].update(value=0),
    "an old schema": lambda d: d.update(schemaVersion=16),
}


@pytest.mark.parametrize("what", PLANTED)
def test_what_grafana_would_not_take_is_found(what: str) -> None:
    dashboard = copy.deepcopy(DASHBOARD)
    PLANTED[what](dashboard)
    try:
        found = faults(dashboard)
    except (AttributeError, KeyError, TypeError):
        return  # It is not even of the shape.
    assert found
