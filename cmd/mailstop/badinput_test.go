package main

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// writeFile writes a file of a test's folder and returns its path.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// outage is ten lines of a host that cannot send mail.
func outage() string {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, stopped, i, 41000+i)
	}
	return b.String()
}

// Broken lines are counted and kept as they are, and the lines around them are read.
func TestBrokenLines(t *testing.T) {
	good := strings.SplitAfter(outage(), "\n")
	broken := []string{
		good[0][:70] + "\n",                 // a half line, the rest never came
		strings.Repeat("\x00", 4096) + "\n", // what a power cut leaves
		"\xff\xfe\x80 \xc3\x28 not UTF-8\n",
		"SRC=192.0.2.10 DST=203.0.113.9 out of nowhere\n",
		strings.Repeat("A", 200_000) + "\n", // too long
		"2026-01-05T10:00:00+00:00 web-1 kernel: usb 1-1: new high-speed USB device\r\n",
	}
	var text strings.Builder
	for i, line := range broken {
		text.WriteString(good[i] + line)
	}
	text.WriteString(good[len(broken)])
	text.WriteString(good[len(broken)+1][:90]) // the file ends within a line
	path := writeFile(t, "kern.log", text.String())

	got := do(t, mailstop(t, "replay", "-o", "json", path))
	r := readReport(t, got.stdout)
	entries, unread := uint64(len(broken)+1), uint64(len(broken)+1)
	if got.code != 0 || r.Totals.Entries != entries || r.Totals.Unparsed != unread {
		t.Errorf("exit code %d, %d entries, %d not read; want %d and %d", got.code, r.Totals.Entries, r.Totals.Unparsed, entries, unread)
	}
	if len(r.Findings) != 1 || r.Findings[0]["attempts"] != float64(entries) {
		t.Errorf("findings %v", r.Findings)
	}

	parsed := do(t, mailstop(t, "parse", path))
	lines := strings.Split(strings.TrimSuffix(parsed.stdout, "\n"), "\n")
	if len(lines) != int(entries+unread) {
		t.Fatalf("%d entries for %d lines", len(lines), entries+unread)
	}
	for i, line := range lines {
		var e struct{ Raw, Error string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		bad := i%2 == 1
		if (e.Error != "") != bad {
			t.Errorf("line %d: error %q", i, e.Error)
		}
		if bad && i/2 < len(broken) {
			want := strings.TrimSuffix(broken[i/2], "\n")
			if len(want) > 64<<10 {
				want = want[:64<<10]
			}
			if utf8.ValidString(want) && e.Raw != want {
				t.Errorf("line %d: the raw text is not the line: %.80q", i, e.Raw)
			}
		}
	}
}

// A log of a format that is not known is counted, and what was looked for is said. It is a failure only if nothing else
// could be read.
func TestUnknownFormat(t *testing.T) {
	unknown := writeFile(t, "app.log", strings.Repeat("GET /index.html 200\n", 50))
	got := do(t, mailstop(t, "replay", unknown))
	if got.code != 1 {
		t.Errorf("exit code %d", got.code)
	}
	for _, want := range []string{"nothing could be read: 50 lines", "looked for:\n  netfilter: IN=", "a line that would be read:", "50 lines not read: not a firewall entry"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("the report lacks %q:\n%s", want, got.stdout)
		}
	}
	if !strings.Contains(got.stderr, "no line could be read as a firewall entry") {
		t.Errorf("stderr: %s", got.stderr)
	}
	got = do(t, mailstop(t, "replay", unknown, writeFile(t, "kern.log", outage())))
	if got.code != 0 || !strings.Contains(got.stdout, "web-1 cannot send mail") || !strings.Contains(unwrap(got.stdout), "nothing of its 50 lines could be read") {
		t.Errorf("exit code %d\n%s", got.code, got.stdout)
	}
}

// unwrap undoes line breaks within sentences.
func unwrap(s string) string { return strings.Join(strings.Fields(s), " ") }

// What can be read of a damaged archive is read; the report names the file and the offset.
func TestDamagedArchive(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 500 {
		if _, err := z.Write([]byte(outage())); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	cut := packed.Len() - 100
	path := writeFile(t, "kern.log.1.gz", packed.String()[:cut])
	got := do(t, mailstop(t, "replay", "-o", "json", path))
	r := readReport(t, got.stdout)
	if got.code != 0 || r.Totals.Entries < 4000 || r.Totals.Entries >= 5000 || len(r.Findings) != 1 {
		t.Errorf("exit code %d, %d entries, findings %v", got.code, r.Totals.Entries, r.Findings)
	}
	want := fmt.Sprintf("%s: offset %d: unexpected end of file", path, cut)
	if len(r.Sources) != 1 || !strings.HasPrefix(r.Sources[0].Problem, want) {
		t.Errorf("sources %+v, want %q", r.Sources, want)
	}
	if got = do(t, mailstop(t, "replay", path)); got.code != 0 || !strings.Contains(got.stdout, "\nnot read to its end: ") {
		t.Errorf("exit code %d\n%s", got.code, got.stdout)
	}
	if got = do(t, mailstop(t, "replay", writeFile(t, "kern.log.gz", packed.String()[:15]))); got.code != 1 {
		t.Errorf("nothing could be read, yet the exit code is %d\n%s", got.code, got.stdout)
	}
}

// A capture that breaks off, and one with a record of a wrong length, are read as far as they go; the files beside them are
// read, too.
func TestDamagedCapture(t *testing.T) {
	const (
		head   = "d4c3b2a1020004000000000000000000ffff000075000000"
		record = "507e5b69000000006800000068000000" // 2026-01-05 09:11:12, 104 bytes of 104
		frame  = "3d020100656e30000000000000000000000000000000000000000000000000000000000000000004ffffffffffffff7fffffffff000000000000000001000000" +
			"450000289d1d40003306ac8fcb007109c0000219c822001912345678000000005002faf085e60000"
	)
	capture, err := hex.DecodeString(head + strings.Repeat(record+frame, 10))
	if err != nil {
		t.Fatal(err)
	}
	wrong := bytes.Clone(capture)
	copy(wrong[24+5*120+8:], "\xff\xff\xff\x7f") // the sixth says that it is 2 GiB long
	log := writeFile(t, "kern.log", outage())
	for name, data := range map[string][]byte{"cut.pcap": capture[:len(capture)-30], "wrong.pcap": wrong} {
		path := writeFile(t, name, string(data))
		got := do(t, mailstop(t, "replay", "-o", "json", path, log))
		r := readReport(t, got.stdout)
		packets := r.Totals.Formats["pflog"]
		if got.code != 0 || packets < 5 || packets > 9 || len(r.Findings) == 0 || r.Totals.Formats["netfilter"] == 0 {
			t.Errorf("%s: exit code %d, %d packets, %d findings\n%s", name, got.code, packets, len(r.Findings), got.stderr)
		}
		problem := ""
		for _, s := range r.Sources {
			problem += s.Problem
		}
		if !strings.HasPrefix(problem, path+": offset ") {
			t.Errorf("%s: problem %q names no file and offset", name, problem)
		}
	}
}

// A clock in 2099 or 1970 is kept and set aside. It changes nobody's findings: not those of its own host, where it says
// that mail was allowed long after, and not those of others.
func TestWrongClocks(t *testing.T) {
	var wrong strings.Builder
	for _, host := range []string{"web-1", "other"} {
		for _, at := range []string{"2099-01-01T00:00:00", "1970-01-01T00:00:10"} {
			fmt.Fprintf(&wrong, "%s+00:00 %s kernel: [UFW ALLOW] IN= OUT=eth0 SRC=192.0.2.10 DST=203.0.113.9 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=51000 DPT=587 WINDOW=64240 RES=0x00 SYN URGP=0\n", at, host)
		}
	}
	lines := outage()
	half := strings.Index(lines[len(lines)/2:], "\n") + len(lines)/2 + 1
	mixed := writeFile(t, "mixed.log", lines[:half]+wrong.String()+lines[half:])
	clean := readReport(t, do(t, mailstop(t, "replay", "-o", "json", writeFile(t, "mixed.log", lines))).stdout)
	r := readReport(t, do(t, mailstop(t, "replay", "-o", "json", mixed)).stdout)
	if r.Totals.Entries != 14 || r.Totals.TimesSetAside != 4 || r.Totals.First != clean.Totals.First || r.Totals.Last != clean.Totals.Last {
		t.Errorf("totals %+v", r.Totals)
	}
	if len(r.Findings) != 1 || len(clean.Findings) != 1 {
		t.Fatalf("findings %v", r.Findings)
	}
	for _, key := range []string{"id", "severity", "state", "attempts", "packets", "first", "last", "fix"} {
		if got, want := r.Findings[0][key], clean.Findings[0][key]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, without the wrong clocks %v", key, got, want)
		}
	}
	if text := do(t, mailstop(t, "replay", mixed)).stdout; !strings.Contains(text, "set aside") {
		t.Errorf("the report does not say that times are set aside:\n%s", text)
	}
}

// hostile are log prefixes as an attacker, or a careless administrator, could write them; nft takes 127 characters.
var hostile = []string{
	"$(reboot)", "`reboot`", "'; reboot; '", `"; reboot; "`, "x | reboot", "x && reboot #", "$HOME ${IFS}",
	"\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "\u202egnp.exe", "\u2066\u200bhidden", "\x9b31m",
	"' OR 1=1; DROP TABLE entries --", `\'; DROP TABLE findings; --`, "<script>alert(1)</script>", "<!channel> *bold* <http://192.0.2.1|x>",
	"-j LOG --help", "%s%n%d", `\x41\n`, "\xff\xfe\x80",
}

func hostileLog() string {
	var b strings.Builder
	for i, prefix := range hostile {
		for j := range 12 {
			fmt.Fprintf(&b, "2026-01-05T10:%02d:00+00:00 fw-%02d kernel: %s DROP IN= OUT=eth0 SRC=192.0.2.10 DST=203.0.113.9 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=%d DPT=587 WINDOW=64240 RES=0x00 SYN URGP=0\n", j, i, prefix, 41000+j)
		}
	}
	return b.String()
}

// checkPrintable fails on anything in a text that a terminal would act on.
func checkPrintable(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s is not UTF-8", what)
	}
	for i, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("%s has %U: %q", what, r, text[max(i-20, 0):min(i+20, len(text))])
			return
		}
	}
}

// Text from a log reaches no terminal and no shell unescaped.
func TestHostileText(t *testing.T) {
	path := writeFile(t, "kern.log", hostileLog())
	checkPrintable(t, "the text report", do(t, mailstop(t, "replay", path)).stdout)
	got := do(t, mailstop(t, "replay", "-o", "json", path))
	checkPrintable(t, "the JSON report", got.stdout)
	r := readReport(t, got.stdout)
	if int(r.Totals.Entries) != 12*len(hostile) {
		t.Errorf("%d entries", r.Totals.Entries)
	}
	hosts := map[any]bool{}
	var commands []string
	for _, f := range r.Findings {
		hosts[f["host"]] = true
		fixes, _ := f["fix"].([]any)
		for _, fix := range fixes {
			for _, key := range []string{"command", "undo", "check"} {
				if command, _ := fix.(map[string]any)[key].(string); command != "" {
					commands = append(commands, command)
				}
			}
		}
	}
	if len(hosts) != len(hostile) || len(commands) < len(hostile) {
		t.Errorf("findings for %d hosts, %d commands", len(hosts), len(commands))
	}
	runHarmless(t, commands)
	checkPrintable(t, "what parse prints", do(t, mailstop(t, "parse", path)).stdout)
	explained := do(t, mailstop(t, "explain", strings.SplitAfter(hostileLog(), "\n")[7*12]))
	checkPrintable(t, "the explanation", explained.stdout)
}

// runHarmless lets the shell run commands with nothing but stand-ins on its path: the one for reboot must not be called,
// and the log prefix that awk is told to look for must be one of those of the log, whole.
func runHarmless(t *testing.T, commands []string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range map[string]string{
		"sudo": "exit 0", "nc": "exit 0", "reboot": `echo >>"$LOG/rebooted"`, "awk": `printf '%s\n' "$P" >>"$LOG/prefixes"`, "cat": "exit 0",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range commands {
		for _, args := range [][]string{{"-n", "-c", command}, {"-c", command}} {
			sh := shell(t, args...)
			sh.Env = []string{"PATH=" + dir, "LOG=" + dir, "HOME=/home/somebody"}
			if got := do(t, sh); got.code != 0 {
				t.Errorf("exit code %d from %s\n%s", got.code, command, got.stderr)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "rebooted")); err == nil {
		t.Error("text from the log was run as a command")
	}
	seen, err := os.ReadFile(filepath.Join(dir, "prefixes"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for p := range strings.SplitSeq(strings.TrimSpace(string(seen)), "\n") {
		if p != "" {
			found[p] = true
		}
	}
	for p := range found {
		if !slices.ContainsFunc(hostile, func(h string) bool { return strings.TrimSpace(h)+" DROP" == p }) {
			t.Errorf("a command looks for %q, which is no prefix of the log", p)
		}
	}
	if len(found) < 5 {
		t.Errorf("only these prefixes reached a command: %q", slices.Collect(maps.Keys(found)))
	}
}

// Text from a log comes out of the store as it went in, and is escaped only where it is shown.
func TestHostileTextInStore(t *testing.T) {
	needLibrary(t)
	store := filepath.Join(t.TempDir(), "store")
	path := writeFile(t, "kern.log", hostileLog())
	if got := do(t, mailstop(t, "replay", "--store", store, path)); got.code != 0 {
		t.Fatal(got.stderr)
	}
	got := do(t, mailstop(t, "query", "--store", store, "-o", "csv", "SELECT hex(raw) FROM entries ORDER BY pos"))
	rows := strings.Fields(got.stdout)
	lines := strings.Split(strings.TrimSuffix(hostileLog(), "\n"), "\n")
	if len(rows) != len(lines)+1 {
		t.Fatalf("%d rows: %s", len(rows)-1, got.stderr)
	}
	for i, line := range lines {
		if want := fmt.Sprintf("%X", line); rows[i+1] != want {
			t.Errorf("line %d comes back as %s, want %s", i, rows[i+1], want)
		}
	}
	for _, args := range [][]string{
		{"findings"}, {"findings", "-o", "json"}, {"query", "SELECT raw, rule FROM entries"}, {"query", "-o", "json", "SELECT host, summary FROM findings FINAL"},
	} {
		shown := do(t, mailstop(t, append(args, "--store", store)...))
		if shown.code != 0 || len(shown.stdout) < 100 {
			t.Errorf("%v: exit code %d: %s", args, shown.code, shown.stderr)
		}
		checkPrintable(t, fmt.Sprint(args), shown.stdout)
	}
}
