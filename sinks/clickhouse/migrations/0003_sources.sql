-- The ledger: which extents of which sources are stored. An extent is written once before its entries are sent, with
-- stored = 0, and once after, with stored = 1, which wins. It never expires: a file replayed next year is known by it.
CREATE TABLE IF NOT EXISTS sources {on_cluster}
(
    parent    String,
    token     String,
    source    String,
    part      String,
    pos_from  Int64,
    pos_to    Int64,
    stored    UInt8,
    noted_at  DateTime('UTC') DEFAULT now()
)
ENGINE = {replicated}ReplacingMergeTree(stored)
ORDER BY (parent, token)
SETTINGS min_parts_to_merge_at_once = 20;
