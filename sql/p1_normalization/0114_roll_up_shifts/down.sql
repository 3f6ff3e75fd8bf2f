-- what: drops the triggers on silver and the functions
-- why: mirrors the step up
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on three tables of silver, milliseconds, to drop triggers
-- down: undone by upgrading again
DROP FUNCTION gold.fn_roll_up_stale(integer);
DROP FUNCTION gold.fn_roll_up_anew(integer, date, date);
DROP FUNCTION gold.fn_roll_up_dates(integer, date, date);
DROP FUNCTION gold.fn_next_dates_to_roll_up(integer);
DROP FUNCTION gold.fn_resolve_open_stops();
DROP FUNCTION gold.fn_note_chunks();
DROP TRIGGER machine_focas_truncated ON silver.machine_focas;
DROP TRIGGER machine_focas_deleted ON silver.machine_focas;
DROP TRIGGER machine_focas_updated ON silver.machine_focas;
DROP TRIGGER machine_focas_inserted ON silver.machine_focas;
DROP TRIGGER machine_downtime_truncated ON silver.machine_downtime;
DROP TRIGGER machine_downtime_deleted ON silver.machine_downtime;
DROP TRIGGER machine_downtime_updated ON silver.machine_downtime;
DROP TRIGGER machine_downtime_inserted ON silver.machine_downtime;
DROP TRIGGER machine_cycles_truncated ON silver.machine_cycles;
DROP TRIGGER machine_cycles_deleted ON silver.machine_cycles;
DROP TRIGGER machine_cycles_updated ON silver.machine_cycles;
DROP TRIGGER machine_cycles_inserted ON silver.machine_cycles;
DROP FUNCTION gold.fn_note_truncated();
DROP FUNCTION gold.fn_note_readings();
DROP FUNCTION gold.fn_note_stops();
DROP FUNCTION gold.fn_note_cycles();
DROP FUNCTION gold.fn_note_signs(integer[], timestamptz[], timestamptz[]);
DROP FUNCTION gold.fn_stop_until(integer, timestamptz, timestamptz);
DROP FUNCTION gold.fn_note_stale(integer[], timestamptz[], timestamptz[]);
