-- what: v2's master and silver take their names; v1's tables go to sleep in _archive
-- why: one short transaction, so that readers see v1 or v2 and never half of each
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on v1's tables, for renames only: milliseconds, whatever their size
-- down: v1's tables and code come back as they were, with the rows that arrived under v2
DO $ready$
DECLARE
    v_left text;
    v_failure record;
BEGIN
    SELECT string_agg(format('%s from %s', p.table_name, p.range_start), ', ' ORDER BY p.range_start)
    INTO v_left
    FROM _stage.backfill_progress AS p
    WHERE p.finished_at IS NULL;
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot swap because chunks of v1 are not carried over yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = v_left,
                HINT = 'Downgrade to 0102 and upgrade again: 0103 carries what is left.';
    END IF;

    FOR v_failure IN DELETE FROM _stage.carry_failures AS f RETURNING f.table_name, f.event_time LOOP
        EXECUTE format('SELECT _stage.%I($1, $2)', 'carry_' || v_failure.table_name)
        USING v_failure.event_time, v_failure.event_time + INTERVAL '1 microsecond';
    END LOOP;

    SELECT string_agg(format('%s/%s/%s', s.company_id, s.plant_id, s.shift_id), ', ')
    INTO v_left
    FROM master.shifts AS s
    INNER JOIN _archive.plant_keys AS pk
        ON pk.company_id = s.company_id AND pk.plant_id = s.plant_id
    INNER JOIN _archive.shift_keys AS sk
        ON sk.plant_iot_id = pk.plant_iot_id AND sk.v1_shift_id = s.shift_id
    LEFT JOIN _stage.shift_definitions AS d
        ON d.plant_iot_id = sk.plant_iot_id AND d.shift_id = sk.shift_id
    WHERE d.id IS NULL;
    IF v_left IS NOT NULL THEN
        RAISE EXCEPTION 'cannot swap because v2 cannot hold some shifts of v1'
            USING ERRCODE = 'check_violation', DETAIL = format('Shifts (company/plant/shift): %s.', v_left),
                HINT = 'Give each a start_time and a duration_hrs above 0 and up to 24, then upgrade again.';
    END IF;
END
$ready$;

SELECT _archive.lock_tables(
    'master.companies', 'master.plants', 'master.machine_info', 'master.shifts', 'silver.machine_cycles'
);

SELECT _stage.sync_master();

DROP PROCEDURE _stage.backfill();
-- @include sql/p1_normalization/shared/drop_carriers.sql

DROP PROCEDURE bronze.proc_process_bronze_batch(integer);
DROP PROCEDURE bronze.proc_ingest_payload(jsonb, boolean);
DROP FUNCTION master.get_shift_id(text, timestamptz);

SELECT _archive.sleep('silver.machine_cycles', 'machine_cycles');
SELECT _archive.sleep('master.shifts', 'shifts');
SELECT _archive.sleep('master.machine_info', 'machine_info');
SELECT _archive.sleep('master.plants', 'plants');
SELECT _archive.sleep('master.companies', 'companies');

ALTER TABLE _stage.companies SET SCHEMA master;
ALTER TABLE _stage.plants SET SCHEMA master;
ALTER TABLE _stage.device_info SET SCHEMA master;
ALTER TABLE _stage.machine_info SET SCHEMA master;
ALTER TABLE _stage.plant_machine_mapping SET SCHEMA master;
ALTER TABLE _stage.shift_definitions SET SCHEMA master;
ALTER TABLE _stage.machine_cycles SET SCHEMA silver;

DROP SCHEMA _stage;

-- @include schema_new/master/Functions/fn_refuse_shift_overlap.sql

-- The rule holds for the shifts that v1 had, too: this changes nothing, or names the overlap.
UPDATE master.shift_definitions SET is_running = is_running WHERE is_running;

-- @include sql/p1_normalization/shared/carry_back.sql
