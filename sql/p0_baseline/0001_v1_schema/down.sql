-- what: drop the v1 schema
-- why: the way back to an empty database, for tests and new sites
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on each v1 table, all empty, to the end of the transaction
-- down: nothing: refuses while any v1 table holds rows
-- loses: nothing: it refuses while a table of v1 holds a row

-- A full count of 500 million rows would hold up a refusal for minutes: counting stops at 100,000.
DO $refuse$
DECLARE
    v_table text;
    v_rows bigint;
    v_found text[] := '{}';
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'alerting.history',
        'alerting.active_alerts',
        'config.alert_subscriptions',
        'config.alert_rules',
        'bronze.migration_metadata',
        'bronze.dead_letter_queue',
        'bronze.raw_telemetry',
        'silver.machine_tool_usage',
        'silver.machine_status',
        'silver.machine_pm_status',
        'silver.machine_focas',
        'silver.machine_energy',
        'silver.machine_downtime',
        'silver.machine_cycles',
        'silver.machine_alarms',
        'silver.customer_feedback',
        'master.users',
        'master.production_targets',
        'master.machine_health_settings',
        'master.machine_assets',
        'master.downtime_codes',
        'master.shifts',
        'master.machine_info',
        'master.plants',
        'master.companies'
    ]
    LOOP
        EXECUTE format(
            'SELECT count(*) FROM (SELECT FROM %s LIMIT 100001) AS sample',
            v_table::regclass
        )
        INTO v_rows;

        IF v_rows > 100000 THEN
            v_found := v_found || format('%s: more than 100000', v_table);
        ELSIF v_rows > 0 THEN
            v_found := v_found || format('%s: %s', v_table, v_rows);
        END IF;
    END LOOP;

    IF cardinality(v_found) > 0 THEN
        RAISE EXCEPTION 'cannot drop the v1 schema because % of its tables hold rows',
            cardinality(v_found)
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = 'rows: ' || array_to_string(v_found, ', '),
                  HINT = 'Stay at revision 0001, or dump and empty these tables first';
    END IF;
END;
$refuse$;

-- @community
DROP VIEW gold.v_oee_dashboard;
DROP VIEW gold.v_live_machine_status;
-- @community
DROP VIEW gold.v_downtime_dashboard;
-- @community
DROP VIEW gold.v_production_dashboard;
DROP FUNCTION gold.get_home_screen_stats(text);
-- @community
DROP FUNCTION gold.get_energy_summary(text, text, timestamptz, timestamptz);
-- @community
DROP FUNCTION gold.get_downtime_summary(text, text, timestamptz, timestamptz);
-- @community
DROP FUNCTION gold.get_cycle_summary(text, text, timestamptz, timestamptz);

-- @include sql/p1_normalization/shared/stop_refreshes.sql
-- @community
DROP MATERIALIZED VIEW gold.daily_downtime_stats;
-- @community
DROP MATERIALIZED VIEW gold.daily_production_stats;
-- @community
DROP MATERIALIZED VIEW gold.machine_energy_hourly;
-- @community
DROP MATERIALIZED VIEW gold.machine_downtime_hourly;
-- @community
DROP MATERIALIZED VIEW gold.machine_cycle_stats_hourly;
-- @community
DROP MATERIALIZED VIEW gold.hourly_energy_stats;
-- @community
DROP MATERIALIZED VIEW gold.hourly_downtime_stats;
-- @community
DROP MATERIALIZED VIEW gold.hourly_production_stats;

DROP PROCEDURE alerting.proc_run_engine();
DROP PROCEDURE alerting.proc_check_machine_downtime();
DROP PROCEDURE alerting.proc_check_device_heartbeat(integer);
DROP PROCEDURE bronze.proc_process_bronze_batch(integer);
DROP PROCEDURE bronze.proc_ingest_payload(jsonb, boolean);
DROP FUNCTION master.get_shift_id(text, timestamptz);

DROP TABLE alerting.history;
DROP TABLE alerting.active_alerts;
DROP TABLE config.alert_subscriptions;
DROP TABLE config.alert_rules;
DROP TABLE bronze.migration_metadata;
DROP TABLE bronze.dead_letter_queue;
DROP TABLE bronze.raw_telemetry;
DROP TABLE silver.machine_tool_usage;
DROP TABLE silver.machine_status;
DROP TABLE silver.machine_pm_status;
DROP TABLE silver.machine_focas;
DROP TABLE silver.machine_energy;
DROP TABLE silver.machine_downtime;
DROP TABLE silver.machine_cycles;
DROP TABLE silver.machine_alarms;
DROP TABLE silver.customer_feedback;
DROP TABLE master.users;
DROP TABLE master.production_targets;
DROP TABLE master.machine_health_settings;
DROP TABLE master.machine_assets;
DROP TABLE master.downtime_codes;
DROP TABLE master.shifts;
DROP TABLE master.machine_info;
DROP TABLE master.plants;
DROP TABLE master.companies;

DROP SCHEMA gold;
DROP SCHEMA alerting;
DROP SCHEMA config;
DROP SCHEMA bronze;
DROP SCHEMA silver;
DROP SCHEMA master;
