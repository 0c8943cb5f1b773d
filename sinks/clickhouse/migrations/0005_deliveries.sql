-- The mail servers' side: one row per delivery that a mail log tells of. Recipients are stored by domain only.
CREATE TABLE IF NOT EXISTS deliveries {on_cluster}
(
    time         DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    host         LowCardinality(String),
    mta          LowCardinality(String),
    queue_id     String,
    status       LowCardinality(String),
    remote_host  String,
    remote_ip    IPv6 CODEC(ZSTD(1)),
    remote_port  UInt16,
    rcpt_domain  String,
    dsn          LowCardinality(String),
    smtp_code    UInt16,
    delay        Float64,
    reason       String,
    reason_class LowCardinality(String),
    source       LowCardinality(String),
    pos          Int64 CODEC(DoubleDelta, ZSTD(1)),
    stored_at    DateTime('UTC') DEFAULT now()
)
ENGINE = {replicated}MergeTree
PARTITION BY if(toYear(time) BETWEEN 2010 AND 2049, toYYYYMM(time), 0)
ORDER BY (toStartOfHour(time), host, time)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 31536000,
    ttl_only_drop_parts = 1;
