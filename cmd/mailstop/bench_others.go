package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"mailstop/internal/bench"
)

// installed returns a pair whose other side is a program, or says that the program is not installed.
func installed(program string, p bench.Pair) (maybePair, string) {
	path, err := exec.LookPath(program)
	if err != nil {
		return maybePair{Pair: p, Skipped: program + " is not installed"}, ""
	}
	return maybePair{Pair: p}, path
}

// gunzip is what a pipeline of shell commands would begin with.
func gunzip(ours bench.Command, zipped string, lines int64) maybePair {
	p, path := installed("gzip", bench.Pair{Name: "replay of .gz, against gzip -dc alone", A: ours, Lines: lines, Target: 1.2})
	p.B = bench.Command{Name: "gzip -dc", Args: []string{"/bin/sh", "-c", `exec "$0" -dc "$1" >/dev/null`, path, zipped}}
	return p
}

// lnav is what many would use to look for blocked mail in a log.
func lnav(ours bench.Command, log string, lines int64) maybePair {
	p, path := installed("lnav", bench.Pair{Name: "replay, against lnav counting mail ports", A: ours, Lines: lines})
	query := ";SELECT sum(log_body LIKE '%IN=%'), sum(log_body LIKE '%PROTO=TCP%' AND (log_body LIKE '%DPT=25 %' OR " +
		"log_body LIKE '%DPT=465 %' OR log_body LIKE '%DPT=587 %')) FROM syslog_log"
	p.B = bench.Command{Name: "lnav", Args: []string{path, "-n", "-q", "-c", query, "-c", ":write-csv-to -", log}, Counts: mailOnly(func(out []byte) (int64, error) {
		out = bytes.TrimSpace(out)
		c, err := bench.TSVCounts(0, 1, -1)(bytes.ReplaceAll(out[bytes.LastIndexByte(out, '\n')+1:], []byte(","), []byte("\t")))
		return c.Mail, err
	})}
	return p
}

// syslogNGConfig reads standard input, takes the lines apart with kv-parser, and writes a line for each mail packet.
const syslogNGConfig = `@version: current
options { stats-freq(0); log-fifo-size(100000); };
source s { stdin(flags(no-parse) log-iw-size(10000) log-fetch-limit(1000)); };
parser kv { kv-parser(prefix("nf.")); };
filter mail { "${nf.PROTO}" eq "TCP" and ("${nf.DPT}" eq "25" or "${nf.DPT}" eq "465" or "${nf.DPT}" eq "587") };
destination d { file("%s" template("${nf.SRC}\n")); };
log { source(s); parser(kv); filter(mail); destination(d); flags(flow-control); };
`

// syslogNG is what those would use whose logs go through it anyway.
func syslogNG(ours bench.Command, dir, log string, lines int64) maybePair {
	p, path := installed("syslog-ng", bench.Pair{Name: "replay, against syslog-ng picking out mail with kv-parser", A: ours, Lines: lines})
	if p.Skipped != "" {
		return p
	}
	conf, out := filepath.Join(dir, "syslog-ng.conf"), filepath.Join(dir, "syslog-ng.out")
	if err := os.WriteFile(conf, fmt.Appendf(nil, syslogNGConfig, out), 0o600); err != nil {
		p.Skipped = err.Error()
		return p
	}
	const script = `rm -f "$2" && cat "$1" | "$0" -F -f "$3" -R "$4/persist" -p "$4/pid" -c "$4/ctl" && wc -l < "$2"`
	p.B = bench.Command{Name: "syslog-ng", Args: []string{"/bin/sh", "-c", script, path, log, out, conf, dir}, Counts: mailOnly(func(out []byte) (int64, error) {
		var n int64
		_, err := fmt.Sscan(string(out), &n)
		return n, err
	})}
	return p
}

// psadLines is how much of the log psad gets: it reads some thousand lines a second.
const psadLines = 20_000

// psad is what many use to judge iptables logs. It finds scans, not mail, so there are no counts to compare.
func psad(ours bench.Command, log string, lines int64) maybePair {
	p, path := installed("psad", bench.Pair{Name: fmt.Sprintf("replay, against psad, of the first %d lines", lines), A: ours, Lines: lines})
	if p.Skipped == "" && os.Getuid() != 0 {
		p.Skipped = "psad runs as root only"
	}
	p.B = bench.Command{Name: "psad --Analyze-msgs", Args: []string{path, "-A", "-m", log, "--no-whois", "--no-rdns"}}
	return p
}

// mailOnly makes Counts of which only the mail is compared.
func mailOnly(mail func([]byte) (int64, error)) func([]byte) (bench.Counts, error) {
	return func(out []byte) (bench.Counts, error) {
		n, err := mail(out)
		return bench.Counts{Rows: bench.Uncounted, Mail: n}, err
	}
}

// headOf writes the first n lines of a log to a file in dir, and returns the file and how many lines there were.
func headOf(log, dir string, n int64) (path string, lines int64, err error) {
	in, err := os.Open(log)
	if err != nil {
		return "", 0, err
	}
	defer in.Close()
	path = filepath.Join(dir, "head.log")
	out, err := os.Create(path)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	r := bufio.NewReader(in)
	for ; lines < n; lines++ {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", 0, err
		}
		if _, err := out.Write(line); err != nil {
			return "", 0, err
		}
	}
	return path, lines, nil
}
