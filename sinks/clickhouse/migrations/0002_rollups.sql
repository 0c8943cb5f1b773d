-- How many packets and attempts each minute saw, of every line, also of those that entries does not keep. port is the
-- service's port. proto is the protocol's name, its number if it has no name, empty if unknown. Sum over rows: they are
-- added up only as parts are merged.
CREATE TABLE IF NOT EXISTS rollup_1m {on_cluster}
(
    minute    DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    host      LowCardinality(String),
    action    LowCardinality(String),
    direction LowCardinality(String),
    proto     LowCardinality(String),
    port      UInt16,
    packets   UInt64 CODEC(T64, ZSTD(1)),
    attempts  UInt64 CODEC(T64, ZSTD(1)),
    stored_at DateTime('UTC') DEFAULT now()
)
ENGINE = {replicated}SummingMergeTree((packets, attempts))
PARTITION BY if(toYear(minute) BETWEEN 2010 AND 2049, toYYYYMM(minute), 0)
ORDER BY (toStartOfHour(minute), host, port, action, direction, proto, minute)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 31536000,
    ttl_only_drop_parts = 1,
    min_parts_to_merge_at_once = 20;

CREATE TABLE IF NOT EXISTS rollup_1h {on_cluster}
(
    hour      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    host      LowCardinality(String),
    action    LowCardinality(String),
    direction LowCardinality(String),
    proto     LowCardinality(String),
    port      UInt16,
    packets   UInt64 CODEC(T64, ZSTD(1)),
    attempts  UInt64 CODEC(T64, ZSTD(1)),
    stored_at DateTime('UTC') DEFAULT now()
)
ENGINE = {replicated}SummingMergeTree((packets, attempts))
PARTITION BY if(toYear(hour) BETWEEN 2010 AND 2049, toYYYYMM(hour), 0)
ORDER BY (toStartOfDay(hour), host, port, action, direction, proto, hour)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 31536000,
    ttl_only_drop_parts = 1,
    min_parts_to_merge_at_once = 20;

CREATE MATERIALIZED VIEW IF NOT EXISTS rollup_1h_feed {on_cluster} TO rollup_1h AS
SELECT
    toStartOfHour(minute) AS hour, host, action, direction, proto, port,
    sum(packets) AS packets, sum(attempts) AS attempts
FROM rollup_1m
GROUP BY hour, host, action, direction, proto, port;
