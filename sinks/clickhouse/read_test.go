package clickhouse

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/sinks"
)

func findings() []event.Finding {
	at := time.Date(2026, 1, 5, 10, 2, 0, 123456789, time.UTC)
	return []event.Finding{
		{
			ID: "f1", Kind: "mail-out-blocked", Severity: event.High, Host: "web-1", Direction: event.Out, Proto: "tcp", Port: 587,
			Service: "submission", Rule: "[UFW BLOCK] '\\\n\n\x00", Provider: "Microsoft 365", Destinations: []string{"192.0.2.1", "mx'.example"},
			Attempts: 132, Packets: 396, First: at, Last: at.Add(time.Hour), Summary: "no mail; \xff",
			Cause: event.Cause{Code: event.CauseDefaultDenyOut, Text: "x", Confidence: event.Likely, Missing: []string{"y"}},
			Queue: &event.Queue{Messages: 0, Oldest: at},
			Fix: []event.Fix{
				{Platform: "ufw", Command: "sudo ufw 'a'", Undo: "b", Check: "c", Note: "d"},
				{Platform: "nft", Command: "e"},
			},
			Evidence: []string{"line 1", "line\x002"}, Where: []string{"ufw.log:1", "ufw.log:2"}, LowerBound: true, MoreTargets: 7,
		},
		{ID: "f2", Kind: "mail-spike", Severity: event.Info, State: event.Resolved, Host: "mx-1", Queue: &event.Queue{Messages: 3}},
		{ID: "f3", Kind: "mail-in-blocked", Severity: event.Medium, Host: "mx-1", Last: at},
	}
}

func TestFindings(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	want := findings()
	write(t, s, &sinks.Batch{Findings: want})
	write(t, s, &sinks.Batch{Findings: want[1:2]}) // the same again
	for _, w := range want {
		got, err := s.Finding(t.Context(), w.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("%s\n got %+v\nwant %+v", w.ID, got, w)
		}
	}
	ids := func(f Filter) string {
		t.Helper()
		fs, err := s.Findings(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range fs {
			out = append(out, f.ID)
		}
		return strings.Join(out, " ")
	}
	for _, x := range []struct {
		f    Filter
		want string
	}{
		{Filter{}, "f1 f3 f2"},
		{Filter{Limit: 2}, "f1 f3"},
		{Filter{OpenOnly: true}, "f1 f3"},
		{Filter{MinSeverity: event.Medium}, "f1 f3"},
		{Filter{Host: "mx-1"}, "f3 f2"},
		{Filter{Host: "mx-1' OR '1"}, ""},
		{Filter{Kinds: []string{"mail-spike", "mail-out-blocked"}}, "f1 f2"},
		{Filter{Since: want[0].Last}, "f1"},
	} {
		if got := ids(x.f); got != x.want {
			t.Errorf("%+v: got %q, want %q", x.f, got, x.want)
		}
	}
	if _, err := s.Finding(t.Context(), "f4"); !errors.Is(err, ErrNoFinding) {
		t.Errorf("got %v", err)
	}

	s = reopen(t, s)
	newer := want[0]
	newer.State, newer.Attempts, newer.Queue = event.Resolved, 133, nil
	known := extent("p", "t", 0, 1)
	known.Stored = true // findings are stored even if the entries were before
	write(t, s, &sinks.Batch{Extent: known, Findings: []event.Finding{newer}})
	if got, err := s.Finding(t.Context(), "f1"); err != nil || !reflect.DeepEqual(got, newer) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := ids(Filter{}); got != "f1 f3 f2" {
		t.Errorf("got %q", got)
	}
}

func TestQueryIsReadOnly(t *testing.T) {
	dir := t.TempDir()
	s := open(t, embedded(dir))
	secret := filepath.Join(dir, "secret.txt")
	if err := os.WriteFile(secret, []byte("token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.txt")
	for _, sql := range []string{
		"", ";", "-- nothing", "DROP TABLE entries", "/* SELECT */ TRUNCATE TABLE entries",
		"INSERT INTO migrations (number) VALUES (99)", "SELECT 1; DROP TABLE entries", "SELECT 1; SET readonly = DEFAULT; DROP TABLE entries",
		"SET readonly = DEFAULT", "SYSTEM STOP MERGES", "KILL QUERY WHERE 1", "CREATE TEMPORARY TABLE x (a UInt8)", "USE system",
		"SELECT 1 INTO OUTFILE '" + out + "'", "SELECT 1 INTO/**/OUTFILE '" + out + "'", "(SELECT 1) INTO OUTFILE '" + out + "'",
		"SELECT * FROM file('" + secret + "', LineAsString)", "SELECT * FROM file('" + secret + "', LineAsString) SETTINGS readonly = DEFAULT",
		"SELECT * FROM file('" + secret + "', LineAsString) SETTINGS readonly = 0",
		"SELECT * FROM file('" + secret + "', LineAsString) SETTINGS profile = 'default'",
		"SELECT * FROM (SELECT * FROM file('" + secret + "', LineAsString) SETTINGS readonly/**/=DEFAULT)",
		"EXPLAIN PLAN SELECT 1 INTO OUTFILE '" + out + "'",
		"INSERT INTO FUNCTION file('" + out + "', CSV, 'a UInt8') SELECT 1", "SELECT * FROM url('http://192.0.2.1/', LineAsString)",
		"SELECT 1 FORMAT TSV", "SELEC 1", "SELECT 'unclosed",
	} {
		err := s.Query(t.Context(), sql, func(_ []string, row []any) error {
			t.Errorf("%s: gave %v", sql, row)
			return nil
		})
		if err == nil {
			t.Errorf("%s: no error", sql)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a file was written")
	}
	for sql, want := range map[string]string{
		"SELECT ';', '= DEFAULT', 'INTO OUTFILE', `x` FROM (SELECT 'a''b\\'' AS x) -- ; DROP": ";|= DEFAULT|INTO OUTFILE|a'b'",
		"WITH 1 AS x SELECT x, NULL, [1, 2], toDate('2026-01-05') ;":                          "1|<nil>|[1 2]|2026-01-05 00:00:00 +0000 UTC",
		"SHOW TABLES LIKE 'rollup_1_'":                                                        "rollup_1h\nrollup_1m",
		"EXISTS TABLE entries":                                                                "1",
		"SELECT count() FROM migrations":                                                      "5",
		"(SELECT 1) UNION ALL (SELECT 1)":                                                     "1\n1",
		"SELECT format FROM entries LIMIT 1":                                                  "",
		"SELECT count() FROM numbers(1000) ?":                                                 "",
	} {
		if strings.HasSuffix(sql, "?") { // a sign that must not be taken for a parameter
			if err := s.Query(t.Context(), sql, nil); err == nil {
				t.Errorf("%s: no error", sql)
			}
			continue
		}
		expect(t, s, sql, want)
	}
	expect(t, s, "SELECT sum(number), count() FROM numbers(3000000)", "4499998500000|3000000")
	n := 0
	stop := errors.New("enough")
	err := s.Query(t.Context(), "SELECT number FROM numbers(100000000)", func([]string, []any) error {
		if n++; n == 100_000 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || n != 100_000 {
		t.Errorf("got %v after %d rows", err, n)
	}
	expect(t, s, "SELECT 1", "1") // the connection is usable afterwards
	write(t, s, batch(s, extent("p", "t", 0, 1), generate(10, 1), 5))
	expect(t, s, sums, "10|10|10|10|10")
}

func TestVersion(t *testing.T) {
	s := open(t, embedded(t.TempDir()))
	v, err := s.Version(t.Context())
	if err != nil || !strings.HasPrefix(v, "ClickHouse 26.") || !strings.Contains(v, "libchdb") {
		t.Errorf("%q, %v", v, err)
	}
}
