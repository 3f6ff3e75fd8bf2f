-- New: downtime codes of senders that master does not know, for the people who maintain the
-- catalogue.
CREATE VIEW _etl.v_unknown_codes AS
SELECT
    c.company_id,
    u.source_down_id,
    u.down_code,
    u.fault,
    d.down_code AS loaded_as,
    u.stops,
    u.first_seen_at,
    u.last_seen_at,
    (coalesce(u.down_code, '') = '' OR t.down_id IS NOT NULL)
    AND (u.source_down_id IS NULL OR n.down_id IS NOT NULL)
    AND coalesce(t.down_id = n.down_id, true) AS is_known_now
FROM _etl.unknown_codes AS u
LEFT JOIN master.companies AS c ON c.iot_id = u.company_iot_id
LEFT JOIN master.downtime_codes AS d ON d.down_id = u.loaded_down_id
LEFT JOIN master.downtime_codes AS t ON t.down_code = u.down_code
LEFT JOIN master.downtime_code_mapping AS n
    ON n.company_iot_id = u.company_iot_id AND n.source_down_id = u.source_down_id;

COMMENT ON VIEW _etl.v_unknown_codes IS
    'Downtime codes of the last 30 days that could not be read as sent, and how they loaded';
COMMENT ON COLUMN _etl.v_unknown_codes.company_id IS
    'Business key of the company; null: the company is gone';
COMMENT ON COLUMN _etl.v_unknown_codes.source_down_id IS 'Number that the gateway sent; null: none';
COMMENT ON COLUMN _etl.v_unknown_codes.down_code IS 'Text that the gateway sent; null: none';
COMMENT ON COLUMN _etl.v_unknown_codes.fault IS 'Why it could not be read as sent';
COMMENT ON COLUMN _etl.v_unknown_codes.loaded_as IS
    'Code with which the stops were loaded; null: none';
COMMENT ON COLUMN _etl.v_unknown_codes.stops IS
    'How many rows came with it; a stop counts again when its end comes or it is sent again';
COMMENT ON COLUMN _etl.v_unknown_codes.first_seen_at IS 'When it came first';
COMMENT ON COLUMN _etl.v_unknown_codes.last_seen_at IS 'When it came last';
COMMENT ON COLUMN _etl.v_unknown_codes.is_known_now IS
    'Whether it would be read as sent today, since the catalogue or the mapping was corrected';
GRANT SELECT ON _etl.v_unknown_codes TO setu_admin, setu_etl, setu_reader;
