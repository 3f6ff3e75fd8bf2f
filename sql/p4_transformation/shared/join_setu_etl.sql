-- Jobs belong to setu_etl. Another role than the deploying one may have made it.
DO $join$
BEGIN
    PERFORM set_config(
        'role', coalesce(nullif(current_setting('setu.deployer', true), ''), 'none'), true
    );
    IF NOT pg_has_role('setu_etl', 'USAGE') OR NOT pg_has_role(
        'setu_etl',
        CASE WHEN current_setting('server_version_num')::integer < 160000
            THEN 'MEMBER' ELSE 'SET' END
    ) THEN
        GRANT setu_etl TO CURRENT_USER;
    END IF;
END
$join$;
