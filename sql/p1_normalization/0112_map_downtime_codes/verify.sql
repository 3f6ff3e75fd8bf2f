-- what: each number of each v1 company has a meaning, and new codes and companies get theirs
DO $verify$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(format('%s of %s', k.v1_down_id, k.company_id), ', ') INTO v_missing
    FROM _archive.down_code_keys AS k
    INNER JOIN _archive.company_keys AS ck ON ck.company_id = k.company_id
    INNER JOIN master.companies AS c ON c.iot_id = ck.company_iot_id
    INNER JOIN master.downtime_codes AS d ON d.down_id = k.down_id
    WHERE NOT EXISTS (
        SELECT 1 FROM master.downtime_code_mapping AS m
        WHERE m.company_iot_id = c.iot_id AND m.source_down_id = k.v1_down_id
    );
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'master.downtime_code_mapping lacks numbers that v1 knew'
            USING DETAIL = format('Numbers: %s.', v_missing);
    END IF;
    IF (
        SELECT count(*) FROM pg_trigger AS t
        WHERE t.tgfoid = to_regproc('master.fn_map_new_codes') AND t.tgenabled = 'O'
    ) <> 2 THEN
        RAISE EXCEPTION 'a trigger that maps new codes or companies is missing';
    END IF;
END
$verify$;
