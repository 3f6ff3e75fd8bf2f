-- lint: allow-file plain-create: a step outside a transaction may meet it again
CREATE TABLE IF NOT EXISTS _stage.gold_pieces (
    view_name text NOT NULL,
    range_start timestamptz NOT NULL,
    range_end timestamptz NOT NULL
);
