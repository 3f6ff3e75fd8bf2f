-- what: drops the functions of setu_admin and the list
-- why: mirrors the step up
-- transaction: yes
-- lock: none that anybody else wants
-- down: undone by upgrading again
DROP VIEW master.v_registered;
DROP FUNCTION master.fn_retire(text, text[]);
DROP FUNCTION master.fn_move_code(text, integer, text);
DROP FUNCTION master.fn_move_machine(text, text, text, text, text);
DROP FUNCTION master.fn_register_code(text, text, text, integer, text, integer);
DROP FUNCTION master.fn_register_shift(text, text, smallint, time, time, text, smallint, smallint);
DROP FUNCTION master.fn_register_machine(text, text, text, text, text, integer, inet, integer);
DROP FUNCTION master.fn_register_device(text, text);
DROP FUNCTION master.fn_register_plant(
    text, text, text, text, text, text, boolean, numeric, numeric
);
DROP FUNCTION master.fn_register_company(text, text, text, text, text, text, text, text);
DROP FUNCTION master.fn_drop_stand_ins();
DROP FUNCTION master.fn_free_device(text, text, text);
DROP FUNCTION master.fn_known_machine(text, text);
DROP FUNCTION master.fn_known_plant(text, text);
DROP FUNCTION master.fn_known_company(text);
DROP FUNCTION master.fn_as_word(text);
DROP FUNCTION master.fn_refuse_blank(text, text);
