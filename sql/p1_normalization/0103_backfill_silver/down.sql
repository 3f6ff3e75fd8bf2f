-- what: forgets which ranges were migrated, so that the next upgrade looks at each again
-- why: v1 may change before then; looking at a range twice does no harm, missing a row would
-- transaction: yes
-- lock: none that anybody else wants
-- down: undone by upgrading again
-- @include sql/p1_normalization/shared/drop_backfill.sql
DELETE FROM _stage.backfill_progress;
-- v1's rows that are not noted were written before this.
DELETE FROM _archive.migrated_until;
INSERT INTO _archive.migrated_until (oldest_running)
SELECT pg_snapshot_xmin(pg_current_snapshot());
