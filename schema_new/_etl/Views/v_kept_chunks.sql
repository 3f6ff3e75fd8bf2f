-- New: chunks that retention could not drop, with the reason.
CREATE VIEW _etl.v_kept_chunks AS
SELECT k.pipeline, k.chunk, k.range_end, k.reason, k.first_kept_at, k.last_kept_at
FROM _etl.kept_chunks AS k;

COMMENT ON VIEW _etl.v_kept_chunks IS
    'Bronze chunks that were due and could not be dropped at the last attempt, with the reason';
GRANT SELECT ON _etl.v_kept_chunks TO setu_etl, setu_reader;
