-- what: drops the loads of the nine other facts
-- why: mirrors the step up; the watermark rows stay, since bronze rows were loaded up to them
-- transaction: yes
-- lock: ACCESS EXCLUSIVE on _etl.watermarks, which a running batch holds to its end
-- down: undone by upgrading again, which goes on at the same watermarks
LOCK TABLE _etl.watermarks IN ACCESS EXCLUSIVE MODE;

DROP VIEW _etl.v_transform_machine_am_status;
DROP VIEW _etl.v_transform_machine_pm_status;
DROP VIEW _etl.v_transform_machine_tool_usage;
DROP VIEW _etl.v_transform_machine_focas_program_production;
DROP VIEW _etl.v_transform_machine_focas;
DROP VIEW _etl.v_transform_machine_energy;
DROP VIEW _etl.v_transform_machine_alarms;
DROP VIEW _etl.v_transform_machine_status;
DROP VIEW _etl.v_transform_machine_downtime;
DROP FUNCTION _etl.fn_to_decimal(double precision);
DROP FUNCTION _etl.fn_fits_decimal(double precision);
DROP FUNCTION _etl.fn_to_integer(double precision);
DROP FUNCTION _etl.fn_to_integer(bigint);
DROP FUNCTION _etl.fn_fits_integer(double precision);
DROP FUNCTION _etl.fn_fits_integer(bigint);
