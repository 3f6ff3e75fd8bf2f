GRANT EXECUTE ON FUNCTION gold.get_home_screen_stats(integer) TO setu_reader;
