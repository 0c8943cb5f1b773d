package panos

import (
	"strings"
	"testing"

	"mailstop/parse"
	"mailstop/parse/parsetest"
	"mailstop/parse/syslog"
)

func session() *parse.Session { return parsetest.Session(Kind(), syslog.Layer()) }

func TestGolden(t *testing.T) { parsetest.Golden(t, Kind(), syslog.Layer()) }

func TestDoc(t *testing.T) { parsetest.Documented(t, Kind(), syslog.Layer()) }

func TestMatch(t *testing.T) {
	parsetest.Match(t, Kind(), map[string]bool{
		`1,2026/01/05 10:11:12,0123456789,TRAFFIC,drop,2305`:     true,
		`,2026/01/05 10:11:12,0123456789,TRAFFIC,drop,2305`:      true,
		`1,2026/01/05 10:11:12,0123456789,THREAT,url,2305`:       true,
		`"1","2026/01/05 10:11:12","0123456789","TRAFFIC","end"`: true,
		`1,2026/01/05 10:11:12,0123456789,TRAFFIC`:               false,
		`1,2026/01/05 10:11:12,0123456789,OTHER,drop,2305`:       false,
		`1,2026/01/05 10:11:12`:                                  false,
		`5,,,1000000103,em0,match,block,in,4,0x0,,64,0,0,DF,6`:   false,
		`a,2026/01/05 10:11:12,b`:                                false,
		exportHeader + `Threat/Content Type,Config Version`:      true,
		``: false,
	})
}

func TestCutLine(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		// Whether there are ports is known by the protocol, which stands behind them.
		if strings.Count(line, ",") >= oldestFields && !strings.Contains(line, ",gre,") {
			lines = append(lines, line)
		}
	}
	parsetest.Cut(t, Kind(), session, lines)
}

func TestParseDoesNotAllocate(t *testing.T) {
	parsetest.NoAllocations(t, session(), Kind().Doc.Examples)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(), syslog.Layer()) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, session(), Kind().Doc.Examples[0]) }

func BenchmarkSyslog(b *testing.B) { parsetest.Bench(b, session(), Kind().Doc.Examples[1]) }
