package envelope

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

func documentText(t testing.TB, in string) (string, error) {
	t.Helper()
	out, err := io.ReadAll(documentLines(strings.NewReader(in)))
	slow, err2 := io.ReadAll(documentLines(iotest.OneByteReader(strings.NewReader(in))))
	if string(out) != string(slow) || !errors.Is(err, err2) && err != err2 { //nolint:errorlint // both nil, too
		t.Errorf("%q: read byte by byte it is %q (%v), not %q (%v)", in, slow, err2, out, err)
	}
	return string(out), err
}

func TestDocuments(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"array", `[{"a":1},{"b":"x"}]`, "{\"a\":1}\n{\"b\":\"x\"}\n"},
		{"pretty", "[\n  {\n    \"a\": 1,\n    \"b\": [ 1, { \"c\" : null } ]\n  },\n  {}\n]\n", "{\"a\":1,\"b\":[1,{\"c\":null}]}\n{}\n"},
		{"pretty objects", "{\n \"a\": {\n \"b\": true }\n}\n{\n \"c\": 2\n}", "{\"a\":{\"b\":true}}\n{\"c\":2}\n"},
		{"concatenated", `{"a":1}{"a":2} {"a":3}`, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"},
		{"white space in strings", `[{"a":" x \" y\\ \t"}]`, "{\"a\":\" x \\\" y\\\\ \\t\"}\n"},
		{"arrays in arrays", `[[{"a":1}],[{"a":2},{"a":3}]]`, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"},
		{"strings", `["one line","and, another"]`, "\"one line\"\n\"and, another\"\n"},
		{
			"fluentd", "[[\"tag\", 1767604272, {\"log\":\"x\"}],\n [\"tag\",1767604273,{\"log\":\"y\"}]]",
			"[\"tag\",1767604272,{\"log\":\"x\"}]\n[\"tag\",1767604273,{\"log\":\"y\"}]\n",
		},
		{
			"cloudwatch", `{"messageType":"DATA_MESSAGE","owner":"123","logGroup":"g","logStream":"mx1","subscriptionFilters":["f"],"logEvents":[{"id":"1","message":"a"},{"id":"2","message":"b"}]}`,
			`{"id":"1","message":"a","owner":"123","logGroup":"g","logStream":"mx1"}` + "\n" + `{"id":"2","message":"b","owner":"123","logGroup":"g","logStream":"mx1"}` + "\n",
		},
		{
			"loki push", `{"streams":[{"stream":{"host":"a"},"values":[["1","x"],["2","y \"z\"",{"m":"n"}]]},{"stream":{"host":"b"},"values":[["3","w"]]}]}`,
			`{"stream":{"host":"a"},"timestamp":"1","line":"x"}` + "\n" + `{"stream":{"host":"a"},"timestamp":"2","line":"y \"z\""}` + "\n" +
				`{"stream":{"host":"b"},"timestamp":"3","line":"w"}` + "\n",
		},
		{
			"loki query", `{"status":"success","data":{"resultType":"streams","result":[{"stream":{"host":"a"},"values":[["1","x"]]}],"stats":{"summary":{}}}}`,
			`{"stream":{"host":"a"},"timestamp":"1","line":"x"}` + "\n",
		},
		{"loki, labels behind", `{"values":[["1","x"]],"stream":{"host":"a"}}`, `{"timestamp":"1","line":"x"}` + "\n"},
		{"loki, damaged pair", `{"streams":[{"stream":{"host":"a"},"values":[[1,"x"],["2"]]}]}`, `{"stream":{"host":"a"},"values":[[1,"x"]]}` + "\n" + `{"stream":{"host":"a"},"values":[["2"]]}` + "\n"},
		{"records", `{"Records":[{"a":1},{"a":2}],"next":null}`, "{\"a\":1}\n{\"a\":2}\n"},
		{"event hub", "{\"records\":[ {\"time\":\"t\"} ]}\n{\"records\":[{\"time\":\"u\"}]}", "{\"time\":\"t\"}\n{\"time\":\"u\"}\n"},
		{"value", `{"@odata.context":"x","value":[{"a":1}]}`, "{\"a\":1}\n"},
		{"elasticsearch", `{"took":1,"hits":{"total":{"value":1},"hits":[{"_index":"i","_source":{"message":"x"}}]},"_shards":{}}`, `{"_index":"i","_source":{"message":"x"}}` + "\n"},
		{"events", "{\n \"events\": [\n {\"message\":\"x\"}\n ]\n}", "{\"message\":\"x\"}\n"},
		{"a record with a list of its own", `[{"message":"x","events":[{"a":1}]}]`, `{"message":"x","events":[{"a":1}]}` + "\n"},
		{
			"opentelemetry", `{"resourceLogs":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"collector"}}]},"scopeLogs":[{"scope":{},"logRecords":[` +
				`{"observedTimeUnixNano":"1","body":{"stringValue":"a \"b\""},"attributes":[{"key":"n","value":{"intValue":"5"}},{"key":"none"}]},` +
				`{"timeUnixNano":"2","body":{"kvlistValue":{"values":[{"key":"MESSAGE","value":{"stringValue":"c"}},{"key":"l","value":{"arrayValue":{"values":[{"boolValue":true}]}}}]}}}]}]}]}`,
			`{"observedTimeUnixNano":"1","body":"a \"b\"","attributes":{"n":"5","none":null},"resource":{"attributes":{"host.name":"collector"}}}` + "\n" +
				`{"timeUnixNano":"2","body":{"MESSAGE":"c","l":[true]},"resource":{"attributes":{"host.name":"collector"}}}` + "\n",
		},
		{
			"opentelemetry, other spellings", `{"resource_logs":[{"scope_logs":[{"log_records":[{"body":{"string_value":"a"}}]}]}]}` + "\n" + `{"resourceLogs":[{"instrumentationLibraryLogs":[{"logRecords":[{"body":{"stringValue":"b"}}]}]}]}`,
			`{"body":"a"}` + "\n" + `{"body":"b"}` + "\n",
		},
		{
			"opentelemetry, damaged values", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a","x":1},"attributes":[{"key":"k","value":1},{"x":2}]},{}]}]}]}`,
			`{"body":{"stringValue":"a","x":1},"attributes":[{"key":"k","value":1},{"x":2}]}` + "\n{}\n",
		},
		{
			"cloudwatch insights", `{"results":[[{"field":"@timestamp","value":"2026-01-05 09:11:12.345"},{"field":"@message","value":"x"}],[{"field":"@message","value":"y"}]],"status":"Complete"}`,
			`{"@timestamp":"2026-01-05 09:11:12.345","@message":"x"}` + "\n" + `{"@message":"y"}` + "\n",
		},
		{"datadog", `{"data":[{"id":"A","type":"log","attributes":{"message":"x"}}],"meta":{}}`, `{"id":"A","type":"log","attributes":{"message":"x"}}` + "\n"},
		{"data of another kind", `{"data":[{"a":1}]}{}`, `{"data":[{"a":1}]}` + "\n{}\n"},
		{"byte order marks", "\uFEFF[{\"a\":1}]\r\n\uFEFF[{\"a\":2}]", "{\"a\":1}\n{\"a\":2}\n"},
		{"empty lists", `{"records":[]}[]`, "{\"records\":[]}\n"},
		{"text between", "{\"a\":1}{\"a\":2}\nJan  5 text\n[ 12.345678] [UFW BLOCK] x\r\n{\"a\":3}\n\n, not JSON\n", "{\"a\":1}\n{\"a\":2}\nJan  5 text\n[ 12.345678] [UFW BLOCK] x\n{\"a\":3}\n, not JSON\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := documentText(t, tt.in)
			if err != nil || got != tt.want {
				t.Errorf("%v\n got %s\nwant %s", err, got, tt.want)
			}
			if got2, _ := documentText(t, got); got2 != got && tt.name != "strings" {
				t.Errorf("its lines read again are\n%s\nnot\n%s", got2, got)
			}
		})
	}
}

// What is damaged costs its own record, and the one it is glued to at most.
func TestDamagedDocuments(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		cut      bool
	}{
		{in: "[{\"a\":\"cut\n{\"b\":1},{\"c\":2}]", want: "{\"a\":\"cut\n{\"b\":1}\n{\"c\":2}\n"},
		{in: "[{\"a\":1,{\"b\":1}]", want: "{\"a\":1\n{\"b\":1}\n"},
		{in: "[{\"a\":[1}},\n{\"b\":1}]", want: "{\"a\":[1\n{\"b\":1}\n"},
		{in: `[{"a":1},{"b":`, want: "{\"a\":1}\n{\"b\":\n", cut: true},
		{in: `[{"a":1},{"b":"x`, want: "{\"a\":1}\n{\"b\":\"x\n", cut: true},
		{in: `[{"a":1},`, want: "{\"a\":1}\n", cut: true},
		{in: `{"logEvents":[{"a":1},{"b"`, want: "{\"a\":1}\n{\"b\"\n", cut: true},
	} {
		got, err := documentText(t, tt.in)
		if got != tt.want || tt.cut != errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q\n got %q %v\nwant %q", tt.in, got, err, tt.want)
		}
	}
}

// A record is cut at 1 MiB, and so is a line of text; the next one is whole.
func TestLongDocuments(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	for _, in := range []string{`[{"a":"` + long + `"},{"b":1}]`, `{"a":1}` + long + "\n" + `{"b":1}`, `[{"a":[` + strings.Repeat("1,", 2<<20) + `1]},{"b":1}]`} {
		got, err := io.ReadAll(documentLines(strings.NewReader(in)))
		if err != nil {
			t.Error(err)
		}
		lines := strings.SplitAfter(string(got), "\n")
		if len(lines) < 3 || lines[len(lines)-2] != "{\"b\":1}\n" {
			t.Fatalf("%d lines, the last is %.40q", len(lines), lines[len(lines)-2])
		}
		for _, l := range lines {
			if len(l) > maxRecord+2 {
				t.Errorf("a line of %d bytes", len(l))
			}
		}
	}
	deep := "[" + strings.Repeat(`{"a":`, 100_000) + "\n{\"b\":1}\n"
	if got, _ := io.ReadAll(documentLines(strings.NewReader(deep))); !strings.HasSuffix(string(got), "{\"b\":1}\n") {
		t.Errorf("%.60q", got)
	}
}

func TestIsDocuments(t *testing.T) {
	pad := strings.Repeat(`"k":"v",`, 600)
	for _, in := range []string{
		`[{"a":1}]`, "\uFEFF[\n{\"a\":1}", "[ {", "{\n \"a\": 1\n}", "{\"a\": 1,\n \"b\":2}", `{"a":1}{"b":2}`, `{"a":1} {"b":2}`, `{"logEvents":[{`,
		`{"owner":"1","logEvents": [ {"`, `{"streams":[{"stream":{}`, `{"stream":{"a":"b"},"values":[["1","x"]]}`, `{"Records":[{`, `{"records": [{`,
		`{"value":[{`, `{"took":1,"hits":{"total":1,"hits":[`, `{"events":[{`, `{"status":"success","data":{"resultType":"streams"`, `["a","b"]`, "[\n\"a\"\n]",
		`[["tag",1,{"log":"x"}]]`, "{\n",
	} {
		if in == "{\n" {
			in += `"a":1`
		}
		if !isDocuments([]byte(in)) {
			t.Errorf("%q is refused", in)
		}
	}
	for _, in := range []string{
		"", "{", "[", "x", `{"a":1}`, "{\"a\":1}\n{\"b\":2}", "{\"a\":1}\r\n{\"b\":2}", `{"message":"x","events":[{"a":1}]}`, `{"a":{"records":[{"b":1}]}}`,
		"[ 123.456789] [UFW BLOCK]", "[UFW BLOCK] IN=", `["tag",1767604272.5,{"log":"x"}]`, "[\"tag\",1,{}]\n[\"tag\",1,{}]", "{" + pad, `{"a":"` + pad,
		"{\"a\":\"cut\n{\"b\":1}", "{\"a\":1,\n{\"b\":1}", "Jan  5 10:11:12 x", `{"value":["a"]}`, `{"value":1}`, "[Mon Jan  5 10:11:12 2026] x", "[]",
	} {
		if isDocuments([]byte(in)) {
			t.Errorf("%.60q is taken", in)
		}
	}
}

func FuzzDocuments(f *testing.F) {
	for _, in := range []string{
		`[{"a":1},{"b":"x"}]`, "{\"a\":1}{\"a\":2}\ntext\n", `{"streams":[{"stream":{"host":"a"},"values":[["1","x"]]}]}`,
		`{"owner":"1","logEvents":[{"id":"1"}]}`, `{"hits":{"hits":[{"_source":{}}]}}`, "[{\"a\":\"cut\n{\"b\":1}]",
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		isDocuments([]byte(in))
		out, err := io.ReadAll(documentLines(strings.NewReader(in)))
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		if len(out) > 9000+40*len(in) { // labels go with each record
			t.Fatalf("%d bytes became %d", len(in), len(out))
		}
		// A sound document keeps what is in it.
		var records []map[string]any
		if json.Unmarshal([]byte(in), &records) != nil || strings.ContainsAny(in, "\x00\ufffd") {
			return
		}
		for _, r := range records {
			if len(r) == 0 {
				return
			}
			for k := range r {
				if recordKeys[strconv.Quote(k)] || k == "values" || k == "data" || contextKeys[strconv.Quote(k)] {
					return
				}
			}
		}
		lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		if len(records) > 0 && len(lines) != len(records) {
			t.Fatalf("%q: %d records became %d lines: %q", in, len(records), len(lines), out)
		}
		for i := range records {
			var got map[string]any
			if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
				t.Fatalf("%q: %q: %v", in, lines[i], err)
			}
		}
	})
}
