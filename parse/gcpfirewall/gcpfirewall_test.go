package gcpfirewall

import (
	"testing"

	"mailstop/parse"
	"mailstop/parse/envelope"
	"mailstop/parse/parsetest"
	"mailstop/parse/syslog"
)

// session has the envelopes, too: they must leave log entries alone.
func session() *parse.Session { return parsetest.Session(Kind(), envelope.Layer(), syslog.Layer()) }

func TestGolden(t *testing.T) { parsetest.Golden(t, Kind(), envelope.Layer(), syslog.Layer()) }

func TestDoc(t *testing.T) { parsetest.Documented(t, Kind(), envelope.Layer(), syslog.Layer()) }

func TestMatch(t *testing.T) {
	parsetest.Match(t, Kind(), map[string]bool{
		`{"jsonPayload":{"connection":{},"disposition":"DENIED"}}`:   true,
		`{"jsonPayload":{"connection":{},"reporter":"SRC"}}`:         false,
		`{"disposition":"DENIED"}`:                                   false,
		`[{"jsonPayload":{"connection":{},"disposition":"DENIED"}}]`: false,
		`x {"jsonPayload":{"connection":{},"disposition":"DENIED"}}`: false,
		`{"message":"jsonPayload connection disposition"}`:           false,
		``: false,
	})
}

func TestCutLine(t *testing.T) { parsetest.Cut(t, Kind(), session, parsetest.Lines(t)) }

func TestParseDoesNotAllocate(t *testing.T) {
	parsetest.NoAllocations(t, session(), Kind().Doc.Examples)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(), envelope.Layer(), syslog.Layer()) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, session(), Kind().Doc.Examples...) }
