-- what: no piece of gold is left to work out
DO $verify$
BEGIN
    IF to_regnamespace('_stage') IS NULL THEN
        RETURN;
    END IF;
    IF to_regprocedure('_stage.fill_gold()') IS NULL THEN
        RAISE EXCEPTION 'gold has not been worked out';
    END IF;
    IF EXISTS (SELECT 1 FROM _stage.gold_pieces AS p) THEN
        RAISE EXCEPTION 'pieces of gold are not worked out yet'
            USING HINT = 'Run alembic upgrade again';
    END IF;
END
$verify$;
