package envelope

import (
	"bytes"

	"mailstop/parse"
)

var documentsDoc = parse.Doc{
	Title: "JSON documents",
	Accepts: []string{
		"arrays of records, objects written over several lines, and objects with nothing between them",
		`what is wrapped around many records: CloudWatch's {"logEvents":[…]}, Loki's {"streams":[{"stream":{},"values":[[ns,line]]}]} and query ` +
			`results, {"Records":[…]}, Event Hub's {"records":[…]}, {"value":[…]}, {"events":[…]}, Elasticsearch's {"hits":{"hits":[…]}}`,
		`OpenTelemetry's {"resourceLogs":[{"scopeLogs":[{"logRecords":[…]}]}]}, with the values as other JSON has them; CloudWatch's query results; Datadog's {"data":[…]}`,
		"log group, log stream, owner and labels that stand before the records go with each of them",
		"lines of text between documents",
	},
	Sources: []string{
		"https://www.rfc-editor.org/rfc/rfc8259",
		"https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html",
		"https://grafana.com/docs/loki/latest/reference/loki-http-api/",
		"https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding",
		"https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html",
		"https://docs.datadoghq.com/api/latest/logs/#search-logs-get",
		"https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-search",
	},
}

// recordKeys are the names of arrays that hold records.
var recordKeys = map[string]bool{
	`"logEvents"`: true, `"streams"`: true, `"Records"`: true, `"records"`: true, `"value"`: true, `"events"`: true,
	`"resourceLogs"`: true, `"scopeLogs"`: true, `"logRecords"`: true, `"instrumentationLibraryLogs"`: true,
	`"resource_logs"`: true, `"scope_logs"`: true, `"log_records"`: true,
	`"hits"`: true, `"result"`: true, `"results"`: true, `"logs"`: true, `"entries"`: true, `"messages"`: true,
}

// otlpKeys are those of OpenTelemetry: the outer one is enough, since what is inside is of the same kind.
var otlpKeys = map[string]bool{`"resourceLogs"`: true, `"resource_logs"`: true}

// lineKeys are the names of members that a record has and a wrapper has not.
var lineKeys = map[string]bool{
	`"message"`: true, `"MESSAGE"`: true, `"msg"`: true, `"log"`: true, `"line"`: true, `"@timestamp"`: true, `"event"`: true,
}

// contextKeys are the names of members that say something of all records in a wrapper.
var contextKeys = map[string]bool{
	`"owner"`: true, `"logGroup"`: true, `"logStream"`: true, `"logGroupName"`: true, `"logStreamName"`: true, `"stream"`: true,
	`"labels"`: true, `"host"`: true, `"hostname"`: true,
}

// wraps reports whether the value of a member, whose first byte is c, holds records, and how.
func (d *documents) wraps(key []byte, c byte) (level, bool) {
	switch {
	case c == '[' && string(key) == `"values"`:
		head := bytes.TrimLeft(d.ahead(64)[1:], " \t\r\n")
		return level{array: true, loki: true}, len(head) > 0 && head[0] == '['
	case c == '[' && recordKeys[string(key)]:
		head := bytes.TrimLeft(d.ahead(256)[1:], " \t\r\n")
		if isRows(key, head) {
			return level{array: true, rows: true}, true
		}
		otlp := otlpKeys[string(key)] || len(d.open) > 0 && d.open[len(d.open)-1].otlp
		return level{array: true, otlp: otlp}, len(head) > 0 && head[0] == '{'
	case c == '[' && string(key) == `"data"`:
		return level{array: true}, isDatadog(bytes.TrimLeft(d.ahead(256)[1:], " \t\r\n"))
	case c == '{' && string(key) == `"hits"`, c == '{' && string(key) == `"data"` && bytes.Contains(d.ahead(64), []byte(`"result`)):
		return level{wrapper: true}, true
	}
	return level{}, false
}

// isRows reports whether an array of CloudWatch Logs Insights has lists of a field and its value: head is what it starts
// with.
func isRows(key, head []byte) bool {
	if string(key) != `"results"` || len(head) == 0 || head[0] != '[' {
		return false
	}
	head = bytes.TrimLeft(head[1:], " \t\r\n")
	return len(head) > 0 && head[0] == '{' && bytes.HasPrefix(bytes.TrimLeft(head[1:], " \t\r\n"), []byte(`"field"`))
}

// isDatadog reports whether an array has what Datadog's search returns: head is what it starts with.
func isDatadog(head []byte) bool {
	return len(head) > 0 && head[0] == '{' && bytes.Contains(head[:min(len(head), 200)], []byte(`"attributes"`))
}
