package fortigate

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
		`date=2026-01-05 time=10:11:12 logid="0000000013" type="traffic" subtype="forward"`:                                     true,
		`fgt1: date=2026-01-05 time=10:11:12 logid="0000000013" type="traffic"`:                                                 true,
		`itime=1767604272 date=2026-01-05 time=10:11:12 log_id=1 type=traffic vd=root`:                                          true,
		`date=2026-01-05 time=10:11:12 type="traffic"`:                                                                          false,
		`time=10:11:12 devname="fgt1" logid="0000000013" type="traffic"`:                                                        true,
		`date=2026-01-05 time=10:11:12 timezone="CET" device_id=1 log_id=010101600001 log_type="Firewall" log_subtype="Denied"`: false,
		`date=2026-01-05 time=10:11:12 device_id=1 log_id=0003007072 type=event subtype=smtp pri=information`:                   false,
		`time=2026-01-05T10:11:12Z level=info msg=x catalogid=1 logtype=traffic`:                                                false,
		`date=2026-01-05`: false,
		`id=firewall sn=1 time="2026-01-05 10:11:12" fw=192.0.2.1 logid=1 type=traffic`: false,
		`IN=eth0 OUT= SRC=192.0.2.1 logid= type=traffic`:                                false,
		``: false,
	})
}

func TestCutLine(t *testing.T) {
	var lines []string
	for _, line := range parsetest.Lines(t) {
		if !strings.Contains(line, `utmaction="`) { // which turns the verdict of the policy round
			lines = append(lines, line)
		}
	}
	parsetest.Cut(t, Kind(), session, lines)
}

func TestParseDoesNotAllocate(t *testing.T) {
	parsetest.NoAllocations(t, session(), append(parsetest.Lines(t), Kind().Doc.Examples...))
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Kind(), syslog.Layer()) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, session(), Kind().Doc.Examples[0]) }

func BenchmarkSyslog(b *testing.B) {
	parsetest.Bench(b, session(), "<189>Jan  5 10:11:12 192.0.2.1 "+Kind().Doc.Examples[0])
}
