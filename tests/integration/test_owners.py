"""Who owns v1, and who deploys: every pairing goes up, down and up, and owners stay owners."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from setu.catalog import differences, render_differences
from setu.cli.main import app, load_commands
from setu.errors import PreflightError, RightsError
from tests.chain import HEAD, Chain, chain_on
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session", "community")
APP, DEPLOYER, STRANGER, OTHER = (
    f"{name}_{os.getpid()}" for name in ("app", "deployer", "stranger", "other")
)

OWNED = "'master', 'silver', 'bronze', 'config', 'alerting', 'gold'"
OWNERS = f"""
SELECT 'relation ' || c.oid::regclass, pg_get_userbyid(c.relowner) FROM pg_class AS c
WHERE c.relnamespace::regnamespace::text IN ({OWNED})
    AND c.relkind IN ('r', 'v', 'S', 'm')
UNION ALL
SELECT 'routine ' || p.oid::regprocedure, pg_get_userbyid(p.proowner) FROM pg_proc AS p
WHERE p.pronamespace::regnamespace::text IN ({OWNED})
UNION ALL
SELECT 'schema ' || n.nspname, pg_get_userbyid(n.nspowner) FROM pg_namespace AS n
WHERE n.nspname IN ({OWNED})
UNION ALL
SELECT 'job ' || j.proc_name || ' ' || coalesce(j.hypertable_name, ''), j.owner::text
FROM timescaledb_information.jobs AS j WHERE j.job_id >= 1000
ORDER BY 1
"""


if not app.registered_commands:
    load_commands(app)


@dataclass
class Site:
    """A database that the application owns, and its roles: no one of them is a superuser."""

    superuser: Chain
    server: Server

    def by(self, role: str | None) -> Chain:
        """The database as one role sees it; None: a superuser."""
        if role is None:
            return self.superuser
        url = make_url(self.superuser.url).set(username=role)
        return Chain(url.render_as_string(hide_password=False), self.server.capabilities)

    def owners(self) -> dict[str, str]:
        return {row[0]: row[1] for row in self.superuser.query(OWNERS)}


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with chain_on(server) as chain:
        name = make_url(chain.url).database
        chain.run(
            f"CREATE ROLE {APP} LOGIN",
            f"CREATE ROLE {DEPLOYER} LOGIN CREATEROLE IN ROLE {APP}",
            f"CREATE ROLE {STRANGER} LOGIN CREATEROLE",
            f"CREATE ROLE {OTHER} LOGIN",
            f'GRANT CREATE ON DATABASE "{name}" TO {APP}, {STRANGER}',
        )
        site = Site(chain, server)
        try:
            site.by(APP).upgrade("0001")
            yield site
        finally:
            for role in (APP, DEPLOYER, STRANGER, OTHER):
                chain.run(
                    f"REASSIGN OWNED BY {role} TO CURRENT_USER",
                    f"DROP OWNED BY {role} CASCADE",
                )
            chain.run(f"DROP ROLE {APP}, {DEPLOYER}, {STRANGER}, {OTHER}")


@pytest.mark.parametrize(
    ("up", "down", "again"),
    [
        (None, None, None),
        (DEPLOYER, DEPLOYER, None),
        (DEPLOYER, None, DEPLOYER),
        (None, DEPLOYER, DEPLOYER),
    ],
    ids=["superuser", "member, then superuser", "member and superuser", "superuser, then member"],
)
def test_any_deploying_role_goes_up_and_down_and_up(
    site: Site, up: str | None, down: str | None, again: str | None
) -> None:
    v1, owners = site.superuser.catalog(), site.owners()
    assert set(owners.values()) == {APP}
    site.by(up).upgrade()
    v2, owners_of_v2 = site.superuser.catalog(), site.owners()
    assert set(owners_of_v2.values()) == {APP, "setu_etl"}
    site.by(down).downgrade("0001")
    assert site.owners() == owners
    assert render_differences(differences(v1, site.superuser.catalog())) == ""
    site.by(again).upgrade()
    assert site.superuser.revision() == HEAD
    assert site.owners() == owners_of_v2
    assert render_differences(differences(v2, site.superuser.catalog())) == ""
    assert site.superuser.broken() == []


def test_a_deployer_who_may_grant_connect_lets_the_roles_in_where_public_may_not(
    site: Site,
) -> None:
    name = make_url(site.superuser.url).database
    site.superuser.run(
        f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC',
        f'GRANT CONNECT ON DATABASE "{name}" TO {DEPLOYER}',
    )
    with pytest.raises(PreflightError, match="may not let SETU's roles in"):
        site.by(DEPLOYER).upgrade()
    site.superuser.run(f'GRANT CONNECT ON DATABASE "{name}" TO {DEPLOYER} WITH GRANT OPTION')
    before = site.superuser.catalog()
    site.by(DEPLOYER).upgrade()
    may = "SELECT has_database_privilege(%s, current_database(), 'CONNECT')"
    assert all(site.superuser.value(may, f"setu_{r}") for r in ("ingest", "etl", "reader", "admin"))
    site.by(DEPLOYER).downgrade("0001")
    assert render_differences(differences(before, site.superuser.catalog())) == ""


def test_jobs_work_where_public_may_not_use_the_schema_of_the_extension(site: Site) -> None:
    site.superuser.run(
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {APP}, {DEPLOYER}",
    )
    with pytest.raises(PreflightError, match="may not let setu_etl use it"):
        site.by(DEPLOYER).upgrade()
    site.superuser.run(f"GRANT USAGE ON SCHEMA public TO {DEPLOYER} WITH GRANT OPTION")
    before = site.superuser.catalog()
    site.by(DEPLOYER).upgrade()
    jobs = site.superuser.query(
        "SELECT j.job_id FROM timescaledb_information.jobs AS j WHERE j.owner = 'setu_etl'::regrole"
    )
    assert len(jobs) > 10
    for (job,) in jobs:
        site.by("setu_etl").run(f"CALL public.run_job({job})")
    assert site.superuser.value("SELECT count(*) FROM _etl.job_runs WHERE status = 'failed'") == 0
    site.by(DEPLOYER).downgrade("0001")
    assert render_differences(differences(before, site.superuser.catalog())) == ""


def test_v1_goes_on_writing_as_its_owner_while_a_superuser_expands(site: Site) -> None:
    site.superuser.upgrade("0102")
    site.by(APP).run(
        "INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'c')",
        "INSERT INTO silver.machine_status (time, company_id, machine_id) VALUES (now(), 'C', 'M')",
    )
    site.superuser.upgrade()
    assert site.superuser.value("SELECT count(*) FROM master.companies") == 1


def test_an_owner_who_may_make_no_roles_is_told_so_first(site: Site) -> None:
    with pytest.raises(PreflightError, match=f"ALTER ROLE {APP} CREATEROLE"):
        site.by(APP).upgrade()
    assert site.superuser.revision() == "0001"


def test_a_stranger_is_told_which_role_to_be_granted(site: Site) -> None:
    with pytest.raises(RightsError, match=f"GRANT {APP} TO {STRANGER}") as caught:
        site.by(STRANGER).upgrade("0105")
    assert f"may not act as {APP}, who owns what SETU has made here" in str(caught.value)
    site.superuser.run("DROP SCHEMA _setu CASCADE")
    result = CliRunner().invoke(app, ["adopt"], env={"DATABASE_URL": site.by(STRANGER).url})
    assert f"GRANT that role TO {STRANGER}" in str(result.exception)
    assert f"owner {APP}" in str(result.exception)


def test_a_stranger_is_told_so_before_anything_that_he_may_not_read_is_looked_up(
    site: Site,
) -> None:
    site.superuser.run(
        "CREATE SCHEMA reports",
        "CREATE VIEW reports.cycles AS SELECT c.machine_id FROM silver.machine_cycles AS c",
        "CREATE VIEW reports.daily AS SELECT h.machine_id FROM gold.hourly_downtime_stats AS h",
        "DROP SCHEMA _setu CASCADE",
        "VACUUM ANALYZE",
    )
    result = CliRunner().invoke(app, ["adopt"], env={"DATABASE_URL": site.by(STRANGER).url})
    assert f"GRANT that role TO {STRANGER}" in str(result.exception)
    assert f"owner {APP}" in str(result.exception)
    assert "permission denied" not in str(result.exception)


def test_objects_of_another_owner_are_named_with_the_grant(site: Site) -> None:
    site.superuser.run(f"ALTER TABLE silver.machine_cycles OWNER TO {OTHER}")
    with pytest.raises(PreflightError) as caught:
        site.superuser.upgrade()
    assert re.search(rf"silver\.machine_cycles \(owner {OTHER}\)", str(caught.value))
    assert f"TO {APP}" in str(caught.value)
    site.superuser.run(f"GRANT {OTHER} TO {APP}")
    owners = site.owners()
    site.superuser.upgrade()
    site.by(DEPLOYER).downgrade("0001")
    assert site.owners() == owners
