package azureflow

import (
	"strings"
	"testing"

	"mailstop/parse"
	"mailstop/parse/envelope"
	"mailstop/parse/parsetest"
	"mailstop/parse/syslog"
)

// session has the envelopes, too: they must leave flow records alone.
func session() *parse.Session { return parsetest.Session(Kind(), envelope.Layer(), syslog.Layer()) }

func TestGolden(t *testing.T) { parsetest.Golden(t, Kind(), envelope.Layer(), syslog.Layer()) }

func TestDoc(t *testing.T) { parsetest.Documented(t, Kind(), envelope.Layer(), syslog.Layer()) }

func TestMatch(t *testing.T) {
	parsetest.Match(t, Kind(), map[string]bool{
		`{"time":"","resource":"","mac":"","rule":"","version":"","tuple":""}`: true,
		`{"records":[{"flowTuples":[]}]}`:                                      true,
		`{"time":"","tuple":""}`:                                               false,
		`{"time":"","resource":"x","message":"tuple"}`:                         false,
		`{"message":"{\"flowTuples\":[]}"}`:                                    false,
		`[{"flowTuples":[]}]`:                                                  false,
		``:                                                                     false,
	})
}

func TestCutLine(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		if strings.HasPrefix(line, lineHead) {
			lines = append(lines, line)
		}
	}
	parsetest.Cut(t, Kind(), session, lines)
}

func TestParseDoesNotAllocate(t *testing.T) {
	parsetest.NoAllocations(t, session(), Kind().Doc.Examples)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(), envelope.Layer(), syslog.Layer()) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, session(), Kind().Doc.Examples[0]) }
