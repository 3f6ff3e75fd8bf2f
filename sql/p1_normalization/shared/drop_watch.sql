DROP PROCEDURE _stage.watch_v1(boolean);
DROP FUNCTION _stage.unwatch(regclass);
DROP FUNCTION _stage.watch(regclass);
DROP FUNCTION _stage.watched_tables();
DROP FUNCTION _stage.is_watched(regclass);
