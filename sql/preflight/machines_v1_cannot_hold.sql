-- title: v1 has no machines without a plant or a device
-- hint: Give each a row in master.plant_machine_mapping and a device_iot_id
-- undoes: 0107
SELECT
    CASE WHEN m.device_iot_id IS NULL THEN 'no device' ELSE 'no plant' END AS problem,
    m.machine_id AS key,
    format('iot_id %s', m.iot_id) AS detail
FROM master.machine_info AS m
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
WHERE (pm.plant_iot_id IS NULL OR m.device_iot_id IS NULL)
    -- One that v1 itself has deleted since the expansion stays deleted there.
    AND NOT EXISTS (
        SELECT 1 FROM _archive.machine_keys AS k
        LEFT JOIN _archive.machine_info AS v1
            ON v1.company_id = k.company_id AND v1.machine_id = k.machine_id
        WHERE k.machine_iot_id = m.iot_id AND v1.machine_id IS NULL
    )
ORDER BY m.iot_id;
