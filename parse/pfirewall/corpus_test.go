package pfirewall

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/internal/golden"
)

// Each file and what it holds: lines by action and direction, and the notes of its gaps.
var corpusFiles = map[string]map[string]int{
	"windows/BetaHydri__ParseFirewallLog/pfirewall.log": {
		"drop in": 11688, "allow out": 1305 + 2448 + 38 + 16, "allow in": 61 + 1224 + 11 + 16,
		"7 events lost": 1, "1 event lost": 1, "header": 4, "empty line": 1,
	},
	"windows/text-index-excerpts/excerpts-pid.log": {"drop out": 2, "drop in": 2},
}

// Every line of every file is read, and each value of it is one of the columns'.
func TestCorpus(t *testing.T) {
	for name, want := range corpusFiles {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(golden.Corpus(t), name))
			if err != nil {
				t.Fatal(err)
			}
			s, got, n := session(), map[string]int{}, 0
			for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
				var e event.Entry
				s.Parse(line, &e)
				n++
				if e.Error != "" {
					t.Errorf("line %d: %s\n%s", n, e.Error, line)
				}
				if e.Note != "" {
					got[e.Note]++
					continue
				}
				got[e.Action.String()+" "+e.Direction.String()]++
				compare(t, n, line, &e)
			}
			for k, v := range want {
				if got[k] != v {
					t.Errorf("%s: %d lines, want %d", k, got[k], v)
				}
				delete(got, k)
			}
			if len(got) > 0 {
				t.Errorf("also: %v", got)
			}
		})
	}
}

// compare reads the line in the plainest way there is: by splitting it.
func compare(t *testing.T, n int, line string, e *event.Entry) {
	t.Helper()
	v := strings.Fields(line)
	text := func(has event.Has, number int) string {
		if !e.Is(has) {
			return "-"
		}
		return strconv.Itoa(number)
	}
	proto := strings.ToUpper(event.ProtoName(e.Proto))
	switch {
	case e.Proto == event.ICMPv6:
		proto = "ICMP"
	case v[3][0] <= '9':
		proto = strconv.Itoa(int(e.Proto))
	}
	length := text(event.HasLength, int(e.Length))
	if length == "-" && v[8] == "0" {
		length = "0"
	}
	flags := "-"
	for _, f := range e.TCPFlags.Names(nil) {
		flags = strings.TrimPrefix(flags, "-") + f[:1]
	}
	got := []string{
		e.When().Format("2006-01-02"), e.When().Format("15:04:05"), strings.ToUpper(e.Action.String()), proto,
		e.Src.String(), e.Dst.String(), text(event.HasSrcPort, int(e.SrcPort)), text(event.HasDstPort, int(e.DstPort)), length, flags,
		v[10], v[11], v[12], text(event.HasICMPType, int(e.ICMPType)), text(event.HasICMPCode, int(e.ICMPCode)), "-",
		map[event.Direction]string{event.In: "RECEIVE", event.Out: "SEND"}[e.Direction],
	}
	if len(v) > withPath {
		got = append(got, text(event.HasPID, int(e.PID)))
	}
	if a, b := strings.Join(got, " "), strings.Join(v, " "); a != b {
		t.Errorf("line %d:\n got %s\nwant %s", n, a, b)
	}
}

// Every text file of the corpus's Windows logs with a pfirewall.log in it is looked at.
func TestCorpusIsComplete(t *testing.T) {
	root := golden.Corpus(t)
	err := filepath.WalkDir(filepath.Join(root, "windows"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".log" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		firewall := strings.Contains(string(text), " DROP ") || strings.Contains(string(text), " ALLOW ")
		if _, listed := corpusFiles[filepath.ToSlash(name)]; firewall != listed {
			t.Errorf("%s: listed %t, has a firewall's lines %t", name, listed, firewall)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
