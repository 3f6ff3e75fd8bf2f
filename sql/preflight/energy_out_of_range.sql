-- title: v1 energies do not fit v2's numeric(12,3)
-- hint: Correct the values in silver.machine_energy, or delete the rows
-- from: 0001..0106
SELECT
    format('%s is %s', v.name, v.value) AS problem,
    format('%s of company %s', e.machine_id, e.company_id) AS key,
    format('silver.machine_energy, at %s', e.time) AS detail
FROM silver.machine_energy AS e
INNER JOIN master.machine_info AS m ON m.machine_id = e.machine_id AND m.company_id = e.company_id
CROSS JOIN LATERAL (VALUES
    ('servo_energy', e.servo_energy), ('spindle_energy', e.spindle_energy),
    ('total_energy', e.total_energy)
) AS v (name, value)
-- As the step rounds. numeric(12,3) holds NaN, but neither infinity nor ten digits before the
-- point. Most are seen to be in range as they are, and need not be rounded.
WHERE NOT (
    e.servo_energy BETWEEN -999999999 AND 999999999
    AND e.spindle_energy BETWEEN -999999999 AND 999999999
    AND e.total_energy BETWEEN -999999999 AND 999999999
)
    AND v.value <> 'NaN' AND abs(round(v.value::numeric, 3)) >= 1000000000
ORDER BY e.time, v.name;
