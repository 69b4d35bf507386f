# local-bigquery without the open network. DuckDB's wheel refuses TimeZone at connect() while ICU is not loaded, and
# local-bigquery has DuckDB download ducklake: both are loaded from the folder where scripts/tools put them.
import duckdb

_connect = duckdb.connect


def connect(*args, **kwargs):
    config = dict(kwargs.pop("config", None) or {})
    zone = config.pop("TimeZone", None)
    connection = _connect(*args, config=config, **kwargs) if config else _connect(*args, **kwargs)
    connection.execute("LOAD icu")
    connection.execute("LOAD ducklake")
    if zone:
        connection.execute(f"SET GLOBAL TimeZone='{zone}'")
    return connection


duckdb.connect = connect
