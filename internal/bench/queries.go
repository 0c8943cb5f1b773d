package bench

import (
	"fmt"
	"path/filepath"
	"strings"
)

// What a ClickHouse user would type instead. KV reads four fields and the time into a summary; Full reads all fields
// into a table. {FILE} is the log. The addresses that could not be read are counted last.
var queries = map[string][]string{
	"kv": {`SELECT count(), countIf(dpt IN (25,465,587) AND proto='TCP'), uniqExact(src), uniqExact(toStartOfMinute(ts)), countIf(src='::') FROM (
SELECT parseDateTimeOrZero(concat('2026 ', substring(line,1,15)), '%Y %b %e %H:%i:%s','UTC') ts,
 toIPv6OrDefault(extract(line,'SRC=(\\S+)')) src, extract(line,'PROTO=(\\S+)') proto, toUInt16OrZero(extract(line,'DPT=(\\d+)')) dpt
FROM file('{FILE}', LineAsString) WHERE position(line,'IN=')>0)`},
	"full": {
		`DROP TABLE IF EXISTS fw`,
		`CREATE TABLE fw (ts DateTime('UTC'), host LowCardinality(String), prefix LowCardinality(String), iface_in LowCardinality(String),
iface_out LowCardinality(String), mac String, src IPv6, dst IPv6, proto LowCardinality(String), spt UInt16, dpt UInt16, len UInt16,
ttl UInt8, id UInt16, window UInt16, flags LowCardinality(String)) ENGINE=MergeTree ORDER BY (ts, dst, dpt)`,
		`INSERT INTO fw SELECT parseDateTimeOrZero(concat('2026 ', substring(line,1,15)), '%Y %b %e %H:%i:%s','UTC'), h[1], h[2],
kv['IN'], kv['OUT'], kv['MAC'], toIPv6OrDefault(kv['SRC']), toIPv6OrDefault(kv['DST']), kv['PROTO'], toUInt16OrZero(kv['SPT']),
toUInt16OrZero(kv['DPT']), toUInt16OrZero(kv['LEN']), toUInt8OrZero(kv['TTL']), toUInt16OrZero(kv['ID']), toUInt16OrZero(kv['WINDOW']),
extract(line,'RES=0x\\d\\d ([A-Z ]*)URGP') FROM (SELECT line, extractKeyValuePairs(substring(line, greatest(1,position(line,'IN='))), '=', ' ') kv,
extractGroups(line, '^.{16}(\\S+) kernel: (?:\\[ *[0-9.]+\\] )?(.*?)IN=') h FROM file('{FILE}', LineAsString) WHERE position(line,'IN=')>0)`,
		`SELECT count(), countIf(dpt IN (25,465,587) AND proto='TCP'), uniqExact(src), min(ts), max(ts), countIf(src='::') FROM fw`,
	},
}

// Queries returns the statements of a query set over a log; the last one gives a row.
func Queries(name, file string) ([]string, error) {
	set, ok := queries[name]
	if !ok {
		return nil, fmt.Errorf("no query %q", name)
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(file)
	out := make([]string, len(set))
	for i, s := range set {
		out[i] = strings.ReplaceAll(s, "{FILE}", quoted)
	}
	return out, nil
}
