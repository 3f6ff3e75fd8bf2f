"""The second release, drafted: edits of ``schema_new/`` become revisions, up and down."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from argparse import Namespace
from pathlib import Path

import pytest
from alembic.config import Config
from typer.testing import CliRunner

from alembic import command
from setu.catalog import Catalog, differences, render_differences
from setu.catalog.parsing.pieces import SourceFile
from setu.chain.environment import COMMAND
from setu.chain.releases import write_release
from setu.chain.repository import alembic_config, steps_to
from setu.chain.scaffold import OPEN
from setu.chain.step import Step
from setu.cli.commands.lint import all_problems
from setu.cli.main import app, load_commands
from setu.review.draft import draft_steps
from setu.review.drafted_sql import draft
from setu.review.expected import freeze_catalog
from setu.review.lint import lint
from setu.review.sides import files_catalog, folder_catalog
from setu.review.sql_style import check_style
from tests.chain import HEAD, Chain, chain_on
from tests.second_release import CHANGES, Copy, at_the_release_with_data, fill, same_rows
from tests.servers.at_hand import Server
from tests.v1 import ROOT

#: Points that a person settles, by change: why it is made, that an aggregate is empty then, what
#: that loses, and that no client reads a column that goes.
SETTLED = {
    "add the operator of a stop": 6,
    "give a batch memory": 1,
    "compare the cache every night": 1,
    "load what machines vibrate": 1,
    "find cycles by program": 1,
    "drop when a target was set": 2,
    "drop a view that nobody reads": 1,
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this repository, released as 2.0; the current directory."""
    for folder in ("alembic", "schema", "schema_new", "sql"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("alembic.ini", ".squawk.toml"):
        shutil.copy(ROOT / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    write_release(tmp_path, "2.0")
    freeze_catalog(tmp_path)
    if not app.registered_commands:
        load_commands(app)
    return tmp_path


def edit(repository: Path, file: str, before: str, after: str) -> None:
    """Replace text in a file of ``schema_new/``; it must be there."""
    path = repository / "schema_new" / file
    text = path.read_text(encoding="utf-8")
    assert before in text, f"{file} lacks {before!r}"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def append(repository: Path, file: str, text: str) -> None:
    path = repository / "schema_new" / file
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def drafted(message: str = "add spindle hours", *options: str) -> str:
    """Run ``setu revision``; what it says."""
    result = CliRunner().invoke(app, ["revision", message, *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def decide(repository: Path) -> list[str]:
    """Settle every open point as a person would who agrees with all; what there was to settle."""
    settled = []
    for path in sorted((repository / "sql").glob("r*/*/*.sql")):
        lines = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if OPEN in line:
                settled.append(line)
                line = re.sub(rf"\b{OPEN}\b:? ?", "", line)
            lines.append(line)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return settled


class Rehearsal:
    """A database that follows the copied repository."""

    def __init__(self, chain: Chain, root: Path) -> None:
        self.chain, self.root = chain, root

    def _config(self) -> Config:
        options = Namespace(x=self.chain.x, raiseerr=True)
        return Config(str(self.root / "alembic.ini"), cmd_opts=options)

    def upgrade(self, revision: str = "head") -> None:
        with self.chain._address():
            command.upgrade(self._config(), revision)

    def downgrade(self, revision: str) -> None:
        with self.chain._address():
            command.downgrade(self._config(), revision)

    def unlike(self, wanted: Catalog) -> str:
        return render_differences(differences(wanted, self.chain.catalog()))


def edits_of_a_second_release(repository: Path) -> None:
    """Each everyday change, once."""
    silver = "silver/Tables/machine_cycles.sql"
    edit(repository, silver, "    CONSTRAINT machine_cycles_machine_iot_id_cycle_start_key",
         "    spindle_hours numeric(8, 2),\n"
         "    CONSTRAINT machine_cycles_machine_iot_id_cycle_start_key")  # fmt: skip
    edit(repository, silver, "'Seconds from start to end'", "'Whole seconds from start to end'")
    edit(repository, "silver/Tables/machine_status.sql", "-- @section indexes\n",
         "-- @section indexes\nCREATE INDEX machine_status_status_idx"
         " ON silver.machine_status (status, event_time DESC);\n")  # fmt: skip
    users = "master/Tables/users.sql"
    targets = "master/Tables/production_targets.sql"
    edit(repository, targets, "    created_at timestamptz DEFAULT now(),\n", "")
    edit(repository, targets,
         "COMMENT ON COLUMN master.production_targets.created_at IS 'When the row was added';\n",
         "")  # fmt: skip
    edit(repository, users, "    full_name text,\n", "    full_name text DEFAULT 'nobody',\n")
    edit(repository, "master/Tables/device_info.sql", "    description text,\n",
         "    description text NOT NULL,\n")  # fmt: skip
    (repository / "schema_new/master/Tables/spindles.sql").write_text(
        """-- New: spindles wear out by hours, so each has its own row.
-- @section table
CREATE TABLE master.spindles (
    spindle_id integer GENERATED ALWAYS AS IDENTITY,
    machine_iot_id integer NOT NULL,
    label text NOT NULL,
    CONSTRAINT spindles_pkey PRIMARY KEY (spindle_id),
    CONSTRAINT spindles_machine_iot_id_fkey
        FOREIGN KEY (machine_iot_id) REFERENCES master.machine_info (iot_id)
);

COMMENT ON TABLE master.spindles IS 'One row per spindle of a machine';

-- @section indexes
CREATE INDEX spindles_machine_iot_id_idx ON master.spindles (machine_iot_id);

-- @section grants
GRANT SELECT ON master.spindles TO setu_reader;
""",
        encoding="utf-8",
    )
    edit(
        repository,
        "master/Functions/fn_refuse_shift_overlap.sql",
        "BEGIN\n",
        "BEGIN\n    -- Anew.\n",
    )
    (repository / "schema_new/_etl/Views/v_error_rate.sql").unlink()
    append(repository, "gold/Views/v_live_machine_status.sql",
           "\nGRANT SELECT ON gold.v_live_machine_status TO setu_etl;\n")  # fmt: skip
    edit(repository, "gold/Views/v_production_dashboard.sql", "    a.company_iot_id,\n",
         "    a.company_iot_id AS company_key,\n    a.company_iot_id,\n")  # fmt: skip
    aggregate = "gold/Continuous Aggregates/hourly_energy_stats.sql"
    edit(repository, aggregate, "    e.category,\n",
         "    e.category,\n    max(e.servo_energy) AS max_servo_load,\n")  # fmt: skip
    edit(repository, "gold/Continuous Aggregates/daily_downtime_stats.sql",
         "schedule_interval => INTERVAL '1 hour'", "schedule_interval => INTERVAL '2 hours'"
         )  # fmt: skip
    edit(repository, "_etl/jobs.sql", "retry_period => INTERVAL '10 minutes'",
         "retry_period => INTERVAL '20 minutes'")  # fmt: skip


@pytest.mark.requires("community")
def test_a_drafted_second_release_leads_to_the_edited_schema_and_back(
    server: Server, repository: Path
) -> None:
    before = folder_catalog(repository / "schema_new")
    with chain_on(server) as chain:
        rehearsal = Rehearsal(chain, repository)
        rehearsal.upgrade()
        edits_of_a_second_release(repository)
        said = drafted()
        after = folder_catalog(repository / "schema_new")
        assert lint(repository) != []
        settled = decide(repository)
        assert all_problems(repository) == [], said
        rehearsal.upgrade()
        assert rehearsal.unlike(after) == ""
        rehearsal.downgrade(HEAD)
        assert rehearsal.unlike(before) == ""
        rehearsal.upgrade()
        assert rehearsal.unlike(after) == ""
        # Two steps; why each is made, what is lost, that an aggregate is empty, and what squawk
        # says of a column that goes and of one that may not be null, and that an operator may have
        # changed a job, up or down, is for people.
        assert len(steps_to(repository)) == len(steps_to(ROOT)) + 2
        assert len(settled) == 13, settled


def test_nothing_is_drafted_where_nothing_differs(repository: Path) -> None:
    assert "Since release 2.0: 0 changes." in drafted()
    [up] = (repository / "sql").glob("r*/*/up.sql")
    assert OPEN in up.read_text(encoding="utf-8")


def git(repository: Path, *words: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    done = subprocess.run(
        ["git", *identity, *words], cwd=repository, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_an_edit_that_is_committed_already_is_drafted_from_the_commit_that_is_named(
    repository: Path,
) -> None:
    git(repository, "init", "-q")
    drafted("unreleased")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "first")
    edit(repository, "master/Tables/users.sql", "    full_name text,\n",
         "    full_name text DEFAULT 'nobody',\n")  # fmt: skip
    git(repository, "commit", "-qam", "second")
    last = git(repository, "log", "-1", "--format=%h")
    said = drafted("name users' $HOME")
    assert "Since the last commit: 0 changes." in said
    assert "sql/r2_1/0602_name_users_home: nothing was drafted; its files are the template." in said
    assert "delete the folder and alembic/versions/r2_1/0602_name_users_home.py" in said
    again = said.rpartition(": `")[2].partition("`")[0]
    assert shlex.split(again) == ["setu", "revision", "name users' $HOME", "--since", f"{last}~1"]
    shutil.rmtree(repository / "sql/r2_1/0602_name_users_home")
    (repository / "alembic/versions/r2_1/0602_name_users_home.py").unlink()
    said = drafted("name users", "--since", f"{last}~1")
    assert f"Since {last}~1: 1 change:\n" in said
    assert "0602_name_users: 2 to decide" in said


def test_an_operator_may_have_changed_a_job_that_is_added_anew(repository: Path) -> None:
    edit(repository, "_etl/jobs.sql", "retry_period => INTERVAL '10 minutes'",
         "retry_period => INTERVAL '20 minutes'")  # fmt: skip
    drafted("retry later")
    for path in (repository / "sql").glob("r*/*/*.sql"):
        text = path.read_text(encoding="utf-8")
        asked = f"-- {OPEN}: _etl.sp_retain_bronze\n-- is dropped and added anew"
        assert (asked in text) is (path.stem != "verify")
        assert ("A pause or a schedule that an operator\n" in text) is (path.stem != "verify")


def test_a_draft_without_squawk_has_no_exceptions_and_says_so(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("setu.cli.commands.revision", "setu.review.drafted_exceptions"):
        monkeypatch.setattr(f"{module}.squawk_program", lambda: None)
    edit(repository, "master/Tables/device_info.sql", "    description text,\n",
         "    description text NOT NULL,\n")  # fmt: skip
    assert "the draft has no exceptions to its rules" in drafted("describe devices")
    [up] = (repository / "sql").glob("r*/*/up.sql")
    assert "squawk-ignore" not in up.read_text(encoding="utf-8")


def test_a_value_that_only_a_person_knows_is_an_open_point(repository: Path) -> None:
    edit(repository, "master/Tables/users.sql", "    full_name text,\n",
         "    full_name text,\n    badge integer NOT NULL,\n")  # fmt: skip
    drafted("add badges")
    [up] = (repository / "sql").glob("r*/*/up.sql")
    assert f"{OPEN}: rows that are there have no badge" in up.read_text(encoding="utf-8")
    assert any(OPEN in problem or "up.sql" in problem for problem in lint(repository))


def test_what_may_be_a_rename_is_asked_about(repository: Path) -> None:
    users = "master/Tables/users.sql"
    edit(repository, users, "    full_name text,\n", "    whole_name text,\n")
    edit(repository, users, "master.users.full_name IS", "master.users.whole_name IS")
    drafted("rename names")
    [up] = (repository / "sql").glob("r*/*/up.sql")
    text = up.read_text(encoding="utf-8")
    assert f"{OPEN}: whole_name came and full_name went" in text
    assert "RENAME COLUMN" in text


def test_an_index_of_a_hypertable_is_built_chunk_by_chunk_in_a_step_of_its_own(
    repository: Path,
) -> None:
    edit(repository, "silver/Tables/machine_status.sql", "-- @section indexes\n",
         "-- @section indexes\nCREATE INDEX machine_status_status_idx"
         " ON silver.machine_status (status, event_time DESC);\n")  # fmt: skip
    drafted("index status")
    [up] = (repository / "sql").glob("r*/*/up.sql")
    text = up.read_text(encoding="utf-8")
    assert "-- transaction: no" in text
    assert "WITH (timescaledb.transaction_per_chunk)" in text
    assert "DROP INDEX IF EXISTS silver.machine_status_status_idx;" in text


class DraftedCopy(Copy):
    """A copy of the repository whose revisions are drafted, not written by hand."""

    settled: dict[str, list[str]]
    base: Catalog

    def revision(self, message: str, *_by_hand: str, **_header: str) -> Step:
        """Draft the revision, and settle what it leaves to a person; noted in ``settled``."""
        drafts, _ = draft_steps(self.root, self.base, message)
        for number, made in enumerate(drafts):
            config = alembic_config(self.root)
            config.attributes[COMMAND] = command.revision
            command.revision(config, f"{message} alone" if number else message)
            made.write(steps_to(self.root)[-1])
        self.settled[message] = decide(self.root)
        return steps_to(self.root)[-1]


class Rehearsed:
    """What the drafts of all changes did to one database."""

    def __init__(self) -> None:
        self.settled: dict[str, list[str]] = {}
        self.unlike: dict[str, str] = {}


def rehearse(copy: DraftedCopy, chain: Chain, *, with_rows: bool) -> Rehearsed:
    """Each change drafted, taken up, down and up again; what differs from what it should be."""
    copy.settled = {}
    found = Rehearsed()
    for change in CHANGES:
        name = change.__name__
        previous = steps_to(copy.root)[-1].revision
        copy.base = folder_catalog(copy.root / "schema_new")
        rows_before = chain.rows() if with_rows else {}
        change(copy)
        after = folder_catalog(copy.root / "schema_new")
        chain.upgrade()
        found.unlike[f"up: {name}"] = unlike(after, chain.catalog())
        if with_rows:
            fill(name, chain)
        rows = chain.rows() if with_rows else {}
        chain.downgrade(previous)
        found.unlike[f"down: {name}"] = unlike(copy.base, chain.catalog())
        if with_rows:
            same_rows(rows_before, chain.rows())
        chain.upgrade()
        found.unlike[f"up again: {name}"] = unlike(after, chain.catalog())
        if with_rows:
            same_rows(rows, chain.rows())
    found.settled = copy.settled
    return found


def unlike(wanted: Catalog, actual: Catalog) -> str:
    return render_differences(differences(wanted, actual))


@pytest.mark.requires("community")
def test_drafts_keep_every_row_of_a_database_in_use(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = DraftedCopy.of_this(tmp_path)
    assert isinstance(copy, DraftedCopy)
    write_release(tmp_path, "2.0")
    monkeypatch.chdir(tmp_path)
    with chain_on(server, tmp_path) as chain:
        if "scheduler" in server.capabilities:
            chain.run("SELECT _timescaledb_functions.stop_background_workers()")
        at_the_release_with_data(chain)
        found = rehearse(copy, chain, with_rows=True)
    assert {name: text for name, text in found.unlike.items() if text} == {}
    assert {name: len(lines) for name, lines in found.settled.items()} == SETTLED, found.settled


def test_a_dropped_table_is_archived_and_comes_back_in_its_place(repository: Path) -> None:
    (repository / "schema_new/silver/Tables/customer_feedback.sql").unlink()
    drafted("drop feedback")
    [folder] = [path.parent for path in (repository / "sql").glob("r*/*/up.sql")]
    up, down, verify = (
        (folder / f"{part}.sql").read_text(encoding="utf-8") for part in ("up", "down", "verify")
    )
    archived = "SELECT _archive.archive_table('silver.customer_feedback', 'v2_customer_feedback');"
    assert archived in up
    assert "-- loses: nothing: _archive keeps table silver.customer_feedback" in up
    assert "SELECT _archive.restore_in_place('silver', 'customer_feedback');" in down
    assert "to_regclass('silver.customer_feedback') IS NULL" in verify
    assert [line for text in (up, down, verify) for line in text.splitlines() if OPEN in line] == [
        f"-- why: {OPEN}: what asks for it, or what is wrong without it"
    ]


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("", False),
        (", CONSTRAINT t_pkey PRIMARY KEY (a)", True),
        (", CONSTRAINT t_key UNIQUE (a, d)", True),
        # A row with null in its key is not found again.
        (", CONSTRAINT t_key UNIQUE (a, c)", False),
        (", CONSTRAINT t_key UNIQUE (a, c), CONSTRAINT t_other UNIQUE (a, d)", True),
        # The column is part of the key itself.
        (", CONSTRAINT t_key UNIQUE (a, b)", False),
    ],
)
def test_values_are_kept_by_a_key_or_their_loss_is_an_open_point(key: str, kept: bool) -> None:
    functions = SourceFile(
        "schema_new/_etl/f.sql",
        "".join(
            f"CREATE FUNCTION _etl.{name}(t regclass, c name, VARIADIC k name[]) RETURNS bigint"
            " LANGUAGE sql AS 'SELECT 1';"
            for name in ("fn_keep_column", "fn_restore_column")
        ),
    )
    table = "CREATE TABLE odd.t (a integer NOT NULL, c integer, d integer NOT NULL{}{});"
    sides = [
        files_catalog([functions, SourceFile("schema_new/odd/t.sql", text)])
        for text in (
            table.format(", b text", key),
            table.format("", "" if ", b)" in key else key),
        )
    ]
    up, down = draft(*sides), draft(*reversed(sides))
    assert up.loses == ([] if kept else ["column odd.t.b"])
    assert ("SELECT _etl.fn_keep_column('odd.t', 'b', 'a'" in up.text) is kept
    assert ("SELECT _etl.fn_restore_column('odd.t', 'b', 'a'" in down.text) is kept


BEFORE = """
CREATE ROLE setu_odd;
CREATE TABLE odd.plant (id integer, CONSTRAINT plant_pkey PRIMARY KEY (id));
CREATE TABLE odd.machine (id integer, name text, CONSTRAINT machine_pkey PRIMARY KEY (id));
"""


@pytest.mark.parametrize(
    ("more", "up", "down"),
    [
        (
            "ALTER TABLE odd.machine ADD COLUMN plant_id integer;"
            " ALTER TABLE odd.machine ADD CONSTRAINT machine_plant_fkey"
            " FOREIGN KEY (plant_id) REFERENCES odd.plant (id);"
            " CREATE INDEX machine_plant_idx ON odd.machine (plant_id);",
            ["ADD COLUMN plant_id integer", "ADD CONSTRAINT machine_plant_fkey FOREIGN KEY",
             "CREATE INDEX machine_plant_idx"],
            ["DROP CONSTRAINT machine_plant_fkey", "DROP INDEX odd.machine_plant_idx",
             "DROP COLUMN plant_id"],
        ),
        (
            "ALTER TABLE odd.machine ADD COLUMN twice integer GENERATED ALWAYS AS (id * 2) STORED;",
            ["ADD COLUMN twice integer GENERATED ALWAYS AS (id * 2) STORED"],
            ["DROP COLUMN twice"],
        ),
        (
            'ALTER TABLE odd.machine ADD COLUMN code text COLLATE "C";',
            ['ADD COLUMN code text COLLATE "C"'],
            ["DROP COLUMN code"],
        ),
        (
            "ALTER TABLE odd.machine ALTER COLUMN name SET STATISTICS 300;",
            ["ALTER COLUMN name SET STATISTICS 300"],
            ["ALTER COLUMN name SET STATISTICS -1"],
        ),
        (
            "CREATE TYPE odd.mood AS ENUM ('calm', 'busy');"
            " ALTER TABLE odd.machine ADD COLUMN mood odd.mood;",
            ["CREATE TYPE odd.mood AS ENUM", "ADD COLUMN mood odd.mood"],
            ["DROP COLUMN mood", "DROP TYPE odd.mood"],
        ),
        (
            "CREATE DOMAIN odd.port AS integer CHECK (VALUE > 0);",
            ["CREATE DOMAIN odd.port"],
            ["DROP DOMAIN odd.port"],
        ),
        (
            "ALTER TABLE odd.machine ENABLE ROW LEVEL SECURITY;"
            " ALTER TABLE odd.machine FORCE ROW LEVEL SECURITY;"
            " ALTER TABLE odd.machine REPLICA IDENTITY FULL;"
            " ALTER TABLE odd.machine SET (fillfactor = 70);",
            ["SET (fillfactor=70)", "REPLICA IDENTITY FULL", "ENABLE ROW LEVEL", "FORCE ROW"],
            ["RESET (fillfactor)", "REPLICA IDENTITY DEFAULT", "DISABLE ROW", "NO FORCE ROW"],
        ),
        (
            "CREATE SCHEMA apart;\nGRANT USAGE ON SCHEMA apart TO setu_odd;\n"
            "CREATE TABLE apart.piece (id integer);",
            ["CREATE SCHEMA apart", "GRANT USAGE", "CREATE TABLE apart.piece"],
            ["archive_table('apart.piece'", "DROP SCHEMA apart"],
        ),
        (
            "GRANT pg_monitor TO setu_odd;",
            ["GRANT pg_monitor TO setu_odd"],
            ["REVOKE pg_monitor FROM setu_odd"],
        ),
    ],
    ids=["key", "generated", "collation", "statistics", "enum", "domain", "state", "schema",
         "membership"],
)  # fmt: skip
def test_what_hangs_together_is_made_and_dropped_in_the_order_that_it_needs(
    more: str, up: list[str], down: list[str]
) -> None:
    before = files_catalog([SourceFile("schema_new/odd/t.sql", BEFORE)])
    after = files_catalog(
        [SourceFile("schema_new/odd/t.sql", BEFORE), SourceFile("schema_new/odd/u.sql", more)]
    )
    for drafted, wanted in ((draft(before, after).text, up), (draft(after, before).text, down)):
        places = [drafted.find(text) for text in wanted]
        assert -1 not in places, drafted
        assert places == sorted(places), drafted
        assert OPEN not in drafted


def test_statements_that_share_a_line_are_all_drafted_in_their_order() -> None:
    one_line = (
        "CREATE TABLE odd.piece (id integer); ALTER TABLE odd.piece ADD COLUMN a integer;"
        " CREATE INDEX piece_idx ON odd.piece USING btree (a);"
        " COMMENT ON TABLE odd.piece IS 'A piece';"
    )
    before = files_catalog([SourceFile("schema_new/odd/t.sql", BEFORE)])
    after = files_catalog(
        [SourceFile("schema_new/odd/t.sql", BEFORE), SourceFile("schema_new/odd/u.sql", one_line)]
    )
    statements = one_line.removesuffix(";").split("; ")
    assert [s for s in draft(before, after).statements if s in statements] == statements


def test_a_foreign_key_locks_the_table_that_it_refers_to() -> None:
    key = "CONSTRAINT {}_plant_fkey FOREIGN KEY (plant_id) REFERENCES odd.plant (id)"
    for more, up, down in (
        (
            f"CREATE TABLE odd.piece (plant_id integer, {key.format('piece')});",
            {"SHARE ROW EXCLUSIVE on odd.plant"},
            # It is archived with its key.
            {"ACCESS EXCLUSIVE on odd.piece"},
        ),
        (
            f"ALTER TABLE odd.machine ADD {key.format('machine').replace('plant_id', 'id')};",
            {
                "ACCESS EXCLUSIVE on odd.machine, while its rows are checked",
                "SHARE ROW EXCLUSIVE on odd.plant",
            },
            {"ACCESS EXCLUSIVE on odd.machine", "ACCESS EXCLUSIVE on odd.plant"},
        ),
    ):
        sides = [
            files_catalog([SourceFile("schema_new/odd/t.sql", text)])
            for text in (BEFORE, BEFORE + more)
        ]
        assert set(draft(*sides).locks) == up
        assert set(draft(*reversed(sides)).locks) == down


@pytest.mark.parametrize("kind", ["timestamptz", "timestamptz(3)", "timestamp", "timetz", "text"])
def test_a_column_has_its_type_by_the_name_that_files_give_it(kind: str) -> None:
    texts = (BEFORE, f"{BEFORE} ALTER TABLE odd.plant ADD COLUMN c {kind};")
    sides = [files_catalog([SourceFile("schema_new/odd/t.sql", text)]) for text in texts]
    assert f"ADD COLUMN c {kind};" in draft(*sides).text


def test_a_call_that_keeps_a_column_fits_the_line(repository: Path) -> None:
    edit(repository, "silver/Tables/machine_energy.sql", "    servo_energy numeric(12, 3),\n", "")
    edit(
        repository,
        "silver/Tables/machine_energy.sql",
        "COMMENT ON COLUMN silver.machine_energy.servo_energy IS 'Energy of the servos in kWh';\n",
        "",
    )
    drafted("drop servo energy")
    texts = [path.read_text(encoding="utf-8") for path in (repository / "sql").glob("r*/*/*.sql")]
    assert "fn_keep_column(\n    'silver.machine_energy', 'servo_energy'," in "".join(texts)
    assert [line for text in texts for line in text.splitlines() if len(line) > 100] == []


def test_a_role_that_goes_is_left_to_a_person_and_its_rights_go(tmp_path: Path) -> None:
    more = "CREATE ROLE setu_more; GRANT SELECT ON odd.plant TO setu_more;"
    sides = [
        files_catalog([SourceFile("schema_new/odd/t.sql", text)])
        for text in (BEFORE + more, BEFORE)
    ]
    drafted = draft(*sides).text
    assert f"{OPEN}: setu_more belongs to the whole server" in drafted
    assert "REVOKE SELECT ON odd.plant FROM setu_more" in drafted
    assert "DROP ROLE" not in drafted


@pytest.mark.parametrize(
    ("made", "on"),
    [
        ("CREATE TYPE odd.mood AS ENUM ('calm');", "TYPE odd.mood"),
        ("CREATE DOMAIN odd.port AS integer;", "DOMAIN odd.port"),
        (
            "CREATE MATERIALIZED VIEW odd.hourly WITH (timescaledb.continuous) AS"
            " SELECT time_bucket(INTERVAL '1 hour', t.at) AS hour FROM odd.t AS t GROUP BY 1;",
            "VIEW odd.hourly",
        ),
    ],
)
def test_a_comment_changes_under_the_name_that_comment_knows(made: str, on: str) -> None:
    table = (
        "CREATE TABLE odd.t (at timestamptz); SELECT create_hypertable('odd.t', by_range('at'));"
    )
    sides = [
        files_catalog([SourceFile("schema_new/odd/t.sql", f"{table} {made} {comment}")])
        for comment in ("", f"COMMENT ON {on} IS 'One';", f"COMMENT ON {on} IS 'Two';")
    ]
    none, one, two = sides
    assert draft(one, two).text.endswith(f"COMMENT ON {on} IS 'Two';")
    assert draft(one, none).text.endswith(f"COMMENT ON {on} IS NULL;")


def test_a_draft_fits_its_lines_and_says_what_its_locks_wait_for(repository: Path) -> None:
    name = "production_targets_machine_iot_id_company_iot_id_idx\n    ON master.production_targets"
    edit(repository, "master/Tables/production_targets.sql",
         f"{name} (machine_iot_id, company_iot_id)", f"{name} (company_iot_id, machine_iot_id)"
         )  # fmt: skip
    edit(repository, "silver/Tables/machine_energy.sql", "(event_time DESC);",
         "(event_time DESC, category);")  # fmt: skip
    edit(repository, "master/Tables/users.sql", "    full_name text,\n", "    whole_name text,\n")
    edit(repository, "master/Tables/users.sql", "master.users.full_name IS",
         "master.users.whole_name IS")  # fmt: skip
    edit(
        repository, "master/Tables/plants.sql", "    plant_name text", "    plant_name varchar(99)"
    )
    drafted("much at once")
    decide(repository)
    assert [str(found) for found in check_style(repository)] == []
    first, second = sorted((repository / "sql").glob("r*/*/up.sql"))
    assert "while rows are read or written" in first.read_text(encoding="utf-8").splitlines()[3]
    dropped = "DROP INDEX IF EXISTS silver.machine_energy_event_time_idx;"
    assert second.read_text(encoding="utf-8").count(dropped) == 1
