-- @section view
-- @community
CREATE VIEW gold.v_downtime_dashboard AS
SELECT
    a.bucket_time,
    a.company_iot_id,
    a.machine_iot_id,
    pm.plant_iot_id,
    p.plant_name,
    a.down_id,
    dc.down_code,
    dc.description,
    a.downtime_count,
    a.total_downtime_sec
FROM gold.hourly_downtime_stats AS a
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = a.machine_iot_id
LEFT JOIN master.plants AS p ON p.iot_id = pm.plant_iot_id
LEFT JOIN master.downtime_codes AS dc ON dc.down_id = a.down_id;

-- @community
COMMENT ON VIEW gold.v_downtime_dashboard IS
    'Stops by hour that is over and downtime code, with the plant in which the machine stands now';
-- @community
COMMENT ON COLUMN gold.v_downtime_dashboard.bucket_time IS 'Start of the hour, by the clock of UTC';
-- @community
COMMENT ON COLUMN gold.v_downtime_dashboard.company_iot_id IS 'Key of the company';
-- @community
COMMENT ON COLUMN gold.v_downtime_dashboard.machine_iot_id IS 'Key of the machine';
-- @community
COMMENT ON COLUMN gold.v_downtime_dashboard.plant_iot_id IS
    'The plant in which the machine stands now; null: none';
-- @community
COMMENT ON COLUMN gold.v_downtime_dashboard.plant_name IS
    'Name of the plant; null: it has none, or there is no plant';
-- @community
COMMENT ON COLUMN gold.v_downtime_dashboard.down_id IS
    'Key of the downtime code; null: the stop has no known code';
-- @community
COMMENT ON COLUMN gold.v_downtime_dashboard.down_code IS
    'The code, as gateways send it as text; null: the stop has no known code';
-- @community
COMMENT ON COLUMN gold.v_downtime_dashboard.description IS
    'The code in words, for people; null: there are none';
-- @community
COMMENT ON COLUMN gold.v_downtime_dashboard.downtime_count IS 'Stops that began in the hour';
-- @community
COMMENT ON COLUMN gold.v_downtime_dashboard.total_downtime_sec IS
    'Seconds from start to end of these stops, also beyond the hour; a stop without an end adds '
    'none; null: none has ended';

-- @section grants
-- @community
GRANT SELECT ON gold.v_downtime_dashboard TO setu_reader;
