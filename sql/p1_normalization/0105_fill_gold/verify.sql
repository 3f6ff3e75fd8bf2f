-- what: every piece of gold is filled
DO $verify$
BEGIN
    IF to_regnamespace('_stage') IS NULL THEN
        RETURN;
    END IF;
    IF to_regprocedure('_stage.fill_gold()') IS NULL THEN
        RAISE EXCEPTION 'gold has not been computed';
    END IF;
    IF EXISTS (SELECT 1 FROM _stage.gold_pieces AS p) THEN
        RAISE EXCEPTION 'pieces of gold are not computed yet'
            USING HINT = 'Run alembic upgrade again';
    END IF;
END
$verify$;
