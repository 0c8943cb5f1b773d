package syslog

import (
	"bufio"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
)

// Each packet of the corpus that stands under a header gets its time, and the prefix is what follows the header.
func TestCorpus(t *testing.T) {
	total, read := 0, 0
	err := filepath.WalkDir(filepath.Join(golden.Corpus(t), "netfilter"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		var in io.Reader = f
		if strings.HasSuffix(path, ".gz") {
			if in, err = gzip.NewReader(f); err != nil {
				return err
			}
		}
		s := newSession(t, "UTC")
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			line := lines.Text()
			if !strings.Contains(line, " OUT=") || !hasHeader(line) {
				continue
			}
			total++
			var e event.Entry
			s.Parse(line, &e)
			prefix, _, ok := strings.Cut(e.Rule, "IN=")
			switch {
			case e.TimeQuality == event.TimeNone:
				t.Errorf("%s:%d: no time: %.100s", path, n, line)
			case e.Host == "" && !strings.Contains(line, " DENY: IN="):
				t.Errorf("%s:%d: no host: %.100s", path, n, line)
			case !ok || strings.Contains(prefix, "kernel:") || strings.Contains(prefix, e.Host) && e.Host != "":
				if !strings.Contains(line, " XX=") {
					t.Errorf("%s:%d: the prefix is %q: %.100s", path, n, prefix, line)
				}
			default:
				read++
			}
		}
		return lines.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if total < 200_000 {
		t.Errorf("only %d packets were found", total)
	}
	t.Logf("%d of %d headers were read", read, total)
}

// hasHeader reports whether a line of the corpus is a log line with a header: not one of JSON, of a raw kernel ring, of a
// test's description, or of a search's result.
func hasHeader(line string) bool {
	return line[0] != '{' && line[0] != '[' && line[0] != ' ' && line[0] != '"' && !strings.HasPrefix(line, "log ") &&
		!strings.HasPrefix(line, "MESSAGE=") && !strings.HasPrefix(line, "ipv6_tcp_connect") && !strings.HasPrefix(line, "results[")
}
