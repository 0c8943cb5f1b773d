-- One row per stored log line; the columns are the words of the design's entry.
--
-- Absent is: an empty text, '::' for an address (also the unspecified address), 0 for a port, length, ttl or mark, NULL
-- where 0 means something (icmp_type, icmp_code, uid, pid). time_quality is empty if the line has no time. A TCP packet
-- without any flag has tcp_flags 'none'.
--
-- Parts are kept compact: with this many columns an insert into a wide part costs three times the processor time.
-- Logs come in the order of time, so that order costs no sorting; one by host would move every column of every insert.
-- Expiry counts from stored_at, so that old logs read today are kept as long as new ones. Times outside 2010 to 2049
-- share one partition, so that a log with random years cannot make a partition per row.
CREATE TABLE IF NOT EXISTS entries {on_cluster}
(
    time           DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    time_quality   LowCardinality(String),
    received       DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    host           LowCardinality(String),
    agent          LowCardinality(String),
    format         LowCardinality(String),
    action         LowCardinality(String),
    verdict_source LowCardinality(String),
    direction      LowCardinality(String),
    proto          LowCardinality(String),
    proto_num      UInt8,
    src_ip         IPv6,
    src_port       UInt16,
    dst_ip         IPv6,
    dst_port       UInt16,
    tcp_flags      LowCardinality(String),
    icmp_type      Nullable(UInt8),
    icmp_code      Nullable(UInt8),
    length         UInt32,
    ttl            UInt8,
    mark           UInt32,
    uid            Nullable(UInt32),
    pid            Nullable(UInt32),
    process        LowCardinality(String),
    iface_in       LowCardinality(String),
    iface_out      LowCardinality(String),
    rule           LowCardinality(String),
    ruleset        LowCardinality(String),
    reason         LowCardinality(String),
    count          UInt32,
    source         LowCardinality(String),
    pos            Int64 CODEC(DoubleDelta, ZSTD(1)),
    raw            String CODEC(LZ4),
    error          LowCardinality(String),
    stored_at      DateTime('UTC') DEFAULT now()
)
ENGINE = {replicated}MergeTree
PARTITION BY if(toYear(time) BETWEEN 2010 AND 2049, toYYYYMM(time), 0)
ORDER BY time
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 31536000,
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 1073741824,
    min_parts_to_merge_at_once = 16;
