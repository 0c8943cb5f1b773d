package envelope

import (
	"io"
	"strings"
	"testing"

	"mailstop/event"
	"mailstop/parse"
	"mailstop/parse/netfilter"
	"mailstop/parse/syslog"
)

const (
	packet  = `[UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:aa:bb:01:52:54:00:aa:bb:fe:08:00 SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=40221 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 `
	stamped = `Jan  5 10:11:12 mx1 kernel: [ 8123.456789] ` + packet
)

// shippers are records as they are on their way, each with the members that its shipper adds.
var shippers = []struct{ name, line string }{
	{"filebeat", `{"@timestamp":"2026-01-05T09:11:13.004Z","@metadata":{"beat":"filebeat","type":"_doc","version":"8.11.0"},"message":"` + stamped +
		`","log":{"offset":81234,"file":{"device_id":"64514","inode":"140027","path":"/var/log/kern.log"}},"input":{"type":"filestream"},"ecs":{"version":"8.0.0"},"host":{"name":"collector.example.com","hostname":"collector","architecture":"x86_64","os":{"family":"debian","kernel":"6.1.0-18-amd64","name":"Debian GNU/Linux","platform":"debian","version":"12 (bookworm)"},"containerized":false},"agent":{"id":"24f13539-7e02-46c0-bd78-a1d9212f93f3","name":"collector.example.com","type":"filebeat","version":"8.11.0","ephemeral_id":"8b30db57-a5ee-4a47-b998-3a0f45edd430"}}`},
	{"journald", `{"__CURSOR":"s=a54d;i=1a8b;b=2f1b03c3e2104787adb361b0dfd671fc;m=4fb2;t=58e2;x=4688","_MACHINE_ID":"00112233445566778899aabbccddeeff","__REALTIME_TIMESTAMP":"1767604272345678","__MONOTONIC_TIMESTAMP":"8123456789","_BOOT_ID":"00112233445566778899aabbccddeeff","_HOSTNAME":"mx1","_TRANSPORT":"kernel","SYSLOG_FACILITY":"0","SYSLOG_IDENTIFIER":"kernel","PRIORITY":"4","_SOURCE_MONOTONIC_TIMESTAMP":"8123456789","MESSAGE":"` + packet + `"}`},
	{"vector", `{"appname":"kernel","facility":"kern","host":"mx1","hostname":"mx1","message":"[ 8123.456789] ` + packet + `","procid":0,"severity":"warning","source_ip":"192.0.2.25","source_type":"syslog","timestamp":"2026-01-05T09:11:12Z"}`},
	{"fluent-bit", `{"date":1767604273.004,"log":"` + stamped + `\n"}`},
	{"logstash", `{"@timestamp":"2026-01-05T09:11:13.004Z","@version":"1","event":{"original":"<4>` + stamped + `"},"host":{"hostname":"mx1","ip":"192.0.2.25"},"tags":["_dateparsefailure"]}`},
	{"rsyslog", `{"msg":" [ 8123.456789] ` + packet + `","hostname":"mx1","fromhost-ip":"192.0.2.25","syslogtag":"kernel:","timereported":"2026-01-05T10:11:12+01:00","timegenerated":"2026-01-05T10:11:12.998877+01:00","pri":"4"}`},
	{"syslog-ng", `{"SOURCE":"s_net","PROGRAM":"kernel","PRIORITY":"warning","MESSAGE":"` + packet + `","LEGACY_MSGHDR":"kernel: ","HOST_FROM":"relay","HOST":"mx1","FACILITY":"kern","ISODATE":"2026-01-05T10:11:12+01:00"}`},
	{"splunk", `{"time":1767604273.004,"host":"mx1","source":"/var/log/kern.log","sourcetype":"syslog","index":"fw","event":"` + stamped + `"}`},
	{"gelf", `{"version":"1.1","host":"mx1","short_message":"` + packet + `","timestamp":1767604272.345,"level":4,"_facility":"kern"}`},
	{"docker", `{"log":"` + stamped + `\n","stream":"stderr","time":"2026-01-05T09:11:13.004123456Z"}`},
	{"kubernetes", `2026-01-05T09:11:13.004123456Z stderr F ` + stamped},
	{"cloudwatch", `{"id":"36","timestamp":1767604272345,"message":"` + stamped + `","owner":"123456789012","logGroup":"fw","logStream":"mx1"}`},
}

// BenchmarkSession reads a netfilter line in each envelope, from the bytes of the line to the entry.
func BenchmarkSession(b *testing.B) {
	for _, bb := range shippers {
		b.Run(bb.name, func(b *testing.B) {
			s := parse.NewSession(parse.Table{
				Layers: []parse.Layer{Layer(), syslog.Layer()}, Kinds: []parse.Kind{netfilter.Kind(nil)},
			}, event.FormatUnknown, "")
			var e event.Entry
			if s.Parse(bb.line, &e); e.Error != "" || !e.Src.IsValid() || e.TimeQuality == event.TimeNone {
				b.Fatalf("%+v", e)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(bb.line)))
			for b.Loop() {
				s.Parse(bb.line, &e)
			}
		})
	}
}

func BenchmarkUnwrap(b *testing.B) {
	for _, bb := range append(shippers, []struct{ name, line string }{
		{"no envelope", packet},
		{"other JSON", `{"timestamp":"2026-01-05T10:11:12.345678+0100","dvc":"Netfilter","oob.prefix":"smtp-in-drop","src_ip":"203.0.113.9"}`},
	}...) {
		b.Run(bb.name, func(b *testing.B) {
			var e event.Entry
			clock := parse.NewClock(parse.Hints{})
			u := New()
			b.ReportAllocs()
			b.SetBytes(int64(len(bb.line)))
			for b.Loop() {
				r := parse.Record{Entry: &e, Clock: &clock}
				u.Unwrap(bb.line, &r)
			}
		})
	}
}

func BenchmarkDocuments(b *testing.B) {
	text := "[\n" + strings.Repeat(strings.ReplaceAll(shippers[0].line, `,"`, ",\n  \"")+",\n", 1000) + "{}]"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := io.Copy(io.Discard, documentLines(strings.NewReader(text))); err != nil {
			b.Fatal(err)
		}
	}
}
