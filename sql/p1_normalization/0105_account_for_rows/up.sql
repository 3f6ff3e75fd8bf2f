-- what: counts what became of every v1 row, chunk by chunk, and stops when one is unaccounted for
-- why: that nothing was lost is shown with numbers, at full size, and kept: setu report shows it
-- transaction: no (each chunk commits; run again, it counts the chunks that are left)
-- lock: none
-- down: the rows that arrived under v2 are carried into v1's sleeping tables, chunk by chunk
CREATE OR REPLACE PROCEDURE _archive.account_for_machine_cycles()
LANGUAGE plpgsql
AS $procedure$
DECLARE
    v_chunk record;
    v_account record;
BEGIN
    FOR v_chunk IN
        SELECT c.range_start, c.range_end
        FROM timescaledb_information.chunks AS c
        WHERE c.hypertable_schema = '_archive' AND c.hypertable_name = 'machine_cycles'
            AND NOT EXISTS (
                SELECT 1 FROM _archive.row_accounts AS a
                WHERE a.table_name = 'silver.machine_cycles' AND a.range_start = c.range_start
            )
        ORDER BY c.range_start
    LOOP
        SELECT
            coalesce(sum(k.v1_rows), 0) AS v1_rows,
            coalesce(sum(k.v1_rows) FILTER (WHERE k.machine_iot_id IS NULL), 0) AS left_out,
            count(*) FILTER (WHERE k.machine_iot_id IS NOT NULL) AS carried,
            count(*) FILTER (WHERE k.machine_iot_id IS NOT NULL AND v2.machine_iot_id IS NULL) AS missing
        INTO v_account
        FROM (
            SELECT mk.machine_iot_id, v1.cycle_start, count(*) AS v1_rows
            FROM _archive.machine_cycles AS v1
            LEFT JOIN _archive.machine_keys AS mk
                ON mk.company_id = v1.company_id AND mk.machine_id = v1.machine_id
            WHERE v1.cycle_start >= v_chunk.range_start AND v1.cycle_start < v_chunk.range_end
            GROUP BY mk.machine_iot_id, v1.cycle_start
        ) AS k
        LEFT JOIN silver.machine_cycles AS v2
            ON v2.machine_iot_id = k.machine_iot_id AND v2.cycle_start = k.cycle_start
            AND v2.cycle_start >= v_chunk.range_start AND v2.cycle_start < v_chunk.range_end;

        IF v_account.missing > 0 THEN
            RAISE EXCEPTION '% cycles of v1 from % on have no row in v2',
                v_account.missing, v_chunk.range_start
                USING ERRCODE = 'data_corrupted',
                    HINT = 'Nothing is lost: v1''s rows are in _archive.machine_cycles. Downgrade to 0102 and upgrade again.';
        END IF;

        INSERT INTO _archive.row_accounts (
            table_name, range_start, range_end, v1_rows, carried, merged, left_out
        )
        VALUES (
            'silver.machine_cycles', v_chunk.range_start, v_chunk.range_end, v_account.v1_rows,
            v_account.carried, v_account.v1_rows - v_account.left_out - v_account.carried,
            v_account.left_out
        );
        COMMIT;
        RAISE NOTICE 'silver.machine_cycles from %: % rows of v1, % carried, % merged, % left out',
            v_chunk.range_start::date, v_account.v1_rows, v_account.carried,
            v_account.v1_rows - v_account.left_out - v_account.carried, v_account.left_out;
    END LOOP;
END
$procedure$;

CALL _archive.account_for_machine_cycles();
