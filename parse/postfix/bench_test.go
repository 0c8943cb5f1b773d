package postfix

import (
	"testing"

	"mailstop/event"
	"mailstop/parse"
)

// benchBodies are what a relay with a little trouble writes.
var benchBodies = []string{
	"4F1C22A0B7: from=<user@example.net>, size=8523, nrcpt=1 (queue active)",
	"4F1C22A0B7: to=<user@example.com>, relay=mx.example.com[203.0.113.19]:25, delay=3.6, delays=0.2/0.02/0.04/3.3, dsn=2.0.0, " +
		"status=sent (250 2.0.0 Ok: queued as 153053D)",
	"4F1C22A0B7: removed",
	"connect to mx.example.com[203.0.113.19]:25: Connection timed out",
	"4F1C22A0B8: to=<user@example.com>, relay=none, delay=35, delays=4.8/0.02/0/30, dsn=4.4.1, " +
		"status=deferred (connect to mx.example.com[203.0.113.19]:25: Connection timed out)",
	"4F1C22A0B9: to=<user@example.org>, relay=mx.example.org[2001:db8:2::19]:25, delay=1.9, delays=0.1/0.01/0.8/1, dsn=4.7.1, " +
		"status=deferred (host mx.example.org[2001:db8:2::19]:25 said: 451 4.7.1 Greylisted, try later (in reply to RCPT TO command))",
}

func BenchmarkParse(b *testing.B) {
	run := func(name string, bodies []string) {
		b.Run(name, func(b *testing.B) {
			p := Kind().New()
			e := new(event.Entry)
			r := parse.Record{Entry: e, Program: "postfix/smtp"}
			size := 0
			for _, s := range bodies {
				size += len(s)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, s := range bodies {
					*e = event.Entry{Count: 1, Raw: s}
					if !p.Match(s, &r) {
						b.Fatal("not claimed")
					}
					_ = p.Parse(s, &r)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(bodies)), "ns/line")
		})
	}
	run("mix", benchBodies)
	run("sent", benchBodies[1:2])
	run("connect", benchBodies[3:4])
	run("timeout", benchBodies[4:5])
}

func BenchmarkSession(b *testing.B) {
	s := newSession()
	lines, size := make([]string, 0, len(benchBodies)), 0
	for _, body := range benchBodies {
		lines = append(lines, "Jan  5 10:11:42 mx1 postfix/smtp[2211]: "+body)
		size += len(lines[len(lines)-1]) + 1
	}
	e := new(event.Entry)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			s.Parse(line, e)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(lines)), "ns/line")
}

// A line of another format costs next to nothing.
func BenchmarkMatchOther(b *testing.B) {
	p := Kind().New()
	r := parse.Record{Program: "kernel"}
	const body = "[UFW BLOCK] IN= OUT=eth0 SRC=192.0.2.10 DST=203.0.113.19 LEN=60 PROTO=TCP SPT=40000 DPT=25"
	for b.Loop() {
		if p.Match(body, &r) {
			b.Fatal("claimed")
		}
	}
}
