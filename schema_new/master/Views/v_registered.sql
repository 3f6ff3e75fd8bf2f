-- New: all that is registered, in one list, for `setu register list` and the advice for rejects.
CREATE VIEW master.v_registered AS
SELECT
    'company'::text AS kind,
    c.company_id,
    c.company_id AS key,
    c.iot_id AS number,
    coalesce(c.effective_to_date <= now(), false) AS is_retired,
    jsonb_build_object('name', c.company_name, 'country', c.country) AS facts
FROM master.companies AS c
UNION ALL
SELECT
    'plant'::text AS kind,
    c.company_id,
    c.company_id || '/' || p.plant_id AS key,
    p.iot_id AS number,
    coalesce(p.effective_to_date <= now(), false) AS is_retired,
    jsonb_build_object('name', p.plant_name, 'timezone', p.timezone) AS facts
FROM master.plants AS p
INNER JOIN master.companies AS c ON c.iot_id = p.company_iot_id
UNION ALL
SELECT
    'device'::text AS kind,
    NULL::text AS company_id,
    d.device_id AS key,
    d.device_iot_id AS number,
    starts_with(d.device_id, 'retired:') AS is_retired,
    jsonb_build_object('description', d.description, 'is_assigned', d.is_assigned) AS facts
FROM master.device_info AS d
UNION ALL
SELECT
    'machine'::text AS kind,
    c.company_id,
    c.company_id || '/' || m.machine_id AS key,
    m.iot_id AS number,
    starts_with(coalesce(d.device_id, ''), 'retired:') AS is_retired,
    jsonb_build_object(
        'plant', p.plant_id, 'device', d.device_id, 'source_id', m.source_iot_id,
        'machine', m.machine_id
    ) AS facts
FROM master.machine_info AS m
INNER JOIN master.companies AS c ON c.iot_id = m.company_iot_id
LEFT JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
LEFT JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = m.iot_id
LEFT JOIN master.plants AS p ON p.iot_id = pm.plant_iot_id
UNION ALL
SELECT
    'shift'::text AS kind,
    c.company_id,
    format('%s/%s/%s', c.company_id, p.plant_id, s.shift_id) AS key,
    s.shift_id AS number,
    NOT s.is_running AS is_retired,
    jsonb_build_object(
        'name', s.shift_name, 'start', s.start_time, 'end', s.end_time, 'from_day', s.from_day,
        'to_day', s.to_day
    ) AS facts
FROM master.shift_definitions AS s
INNER JOIN master.plants AS p ON p.iot_id = s.plant_iot_id
INNER JOIN master.companies AS c ON c.iot_id = p.company_iot_id
UNION ALL
SELECT
    'code'::text AS kind,
    c.company_id,
    format('%s/%s', c.company_id, k.source_down_id) AS key,
    k.source_down_id AS number,
    false AS is_retired,
    jsonb_build_object('code', d.down_code, 'description', d.description) AS facts
FROM master.downtime_code_mapping AS k
INNER JOIN master.downtime_codes AS d ON d.down_id = k.down_id
INNER JOIN master.companies AS c ON c.iot_id = k.company_iot_id;

COMMENT ON VIEW master.v_registered IS
    'Companies, plants, gateways, machines, shifts and numbers of downtime codes, with their keys';
COMMENT ON COLUMN master.v_registered.kind IS 'company, plant, device, machine, shift or code';
COMMENT ON COLUMN master.v_registered.company_id IS
    'Business key of the company; null: a device belongs to none';
COMMENT ON COLUMN master.v_registered.key IS
    'What names it among its kind: business keys from the company on, with / between; of a device, '
    'its name';
COMMENT ON COLUMN master.v_registered.number IS
    'Key that the database drew; of a shift, its number within the plant; of a code, the number '
    'that gateways send';
COMMENT ON COLUMN master.v_registered.is_retired IS
    'Whether it counts no more: its end has come (company, plant), its gateway is retired (device, '
    'machine), or it is no shift of new days (shift); never of a code';
COMMENT ON COLUMN master.v_registered.facts IS
    'What else master says of it, by name; the names differ by kind';
GRANT SELECT ON master.v_registered TO setu_admin, setu_etl, setu_reader;
