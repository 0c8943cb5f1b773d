package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"mailstop/event"
	"mailstop/internal/config"
)

// A dialect writes lines as one format has them: local times, with or without a year.
type dialect struct {
	format event.Format
	stamp  string // layout of time.Format
	line   string // STAMP stands for the time
	year   bool
}

var dialects = []dialect{
	{event.Netfilter, time.Stamp, "STAMP fw kernel: [UFW BLOCK] IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=4 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 ", false},
	{event.Netfilter, "Mon Jan _2 15:04:05 2006", "STAMP kern.warn kernel: [12345.678901] reject wan in: IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=4 DF PROTO=TCP SPT=51234 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 ", true},
	{event.Ulogd, time.Stamp, "STAMP fw smtp-in-drop IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.25 LEN=60 TOS=00 PREC=0x00 TTL=51 ID=4 DF PROTO=TCP SPT=51234 DPT=25 SEQ=305419896 ACK=0 WINDOW=64240 SYN URGP=0 MARK=0 ", false},
	{event.Ulogd, "2006-01-02T15:04:05.000000", `{"timestamp":"STAMP","dvc":"Netfilter","oob.prefix":"x-drop","oob.in":"eth0","oob.out":"","oob.hook":1,"oob.family":2,"ip.protocol":6,"src_ip":"203.0.113.9","dest_ip":"192.0.2.25","src_port":51234,"dest_port":25}`, true},
	{event.MikroTik, time.Stamp, "STAMP rtr firewall,info DROP-IN input: in:ether1 out:(unknown 0), connection-state:new src-mac 52:54:00:aa:bb:fe, proto TCP (SYN), 203.0.113.9:51234->192.0.2.1:25, len 52", false},
	{event.Filterlog, time.Stamp, "STAMP pfs filterlog[40123]: 4,,,1000000103,em0,match,block,in,4,0x0,,51,40221,0,DF,6,tcp,60,203.0.113.9,192.0.2.25,51234,25,0,S,305419896,,64240,,mss", false},
	{event.PFText, "Jan 02 15:04:05.000000", "STAMP rule 4/(match) block in on em0: 203.0.113.9.51234 > 192.0.2.25.25: S 1:1(0) win 64240 <mss 1460> (DF)", false},
	{event.PFText, "2006-01-02 15:04:05.000000", "STAMP rule 4/0(match): block in on em0: 203.0.113.9.51234 > 192.0.2.25.25: Flags [S], seq 1, win 64240, length 0", true},
	{event.PFirewall, "2006-01-02 15:04:05", "STAMP DROP TCP 203.0.113.9 192.0.2.25 51234 25 52 S 305419896 0 8192 - - - RECEIVE 4", true},
	{event.WFP, "2006-01-02 15:04:05", `{"EventTime":"STAMP","Hostname":"mx1","Keywords":-9218868437227405312,"EventType":"AUDIT_FAILURE","EventID":5157,"SourceName":"Microsoft-Windows-Security-Auditing","Channel":"Security","Application":"x.exe","Direction":"%%14593","SourceAddress":"192.0.2.25","SourcePort":"61005","DestAddress":"203.0.113.19","DestPort":"25","Protocol":"6","FilterRTID":"110398","LayerName":"%%14611","LayerRTID":"48"}`, true},
	{event.CiscoASA, time.Stamp, `<164>STAMP asa1 : %ASA-4-106023: Deny tcp src outside:203.0.113.9/51234 dst dmz:192.0.2.25/25 by access-group "outside_in" [0x0, 0x0]`, false},
	{event.CiscoASA, "Jan 02 2006 15:04:05", `<164>STAMP: %ASA-4-106023: Deny tcp src outside:203.0.113.9/51234 dst dmz:192.0.2.25/25 by access-group "outside_in" [0x0, 0x0]`, true},
	{event.FortiGate, "date=2006-01-02 time=15:04:05", `STAMP logid="0000000013" type="traffic" subtype="forward" level="notice" srcip=203.0.113.9 srcport=51234 srcintf="wan1" dstip=192.0.2.25 dstport=25 dstintf="dmz" proto=6 action="deny" policyid=0`, true},
	{event.PANOS, "2006/01/02 15:04:05", `1,STAMP,0123456789,TRAFFIC,drop,2305,STAMP,203.0.113.9,192.0.2.25,0.0.0.0,0.0.0.0,deny-smtp,,,not-applicable,vsys1,untrust,dmz,ethernet1/1,,fwd,STAMP,0,1,51234,25,0,0,0x0,tcp,deny,66,66,0,1,STAMP,0,any,,991,0x0,US,10.0.0.0-10.255.255.255,,1,0,policy-deny`, true},
	{event.Postfix, time.Stamp, "STAMP mx1 postfix/smtp[2211]: connect to mx.example.com[203.0.113.19]:25: Connection timed out", false},
	{event.Sendmail, time.Stamp, "STAMP mx2 sm-mta[3311]: 6059BBqL003310: to=<@example.com>, delay=00:05:31, xdelay=00:05:00, mailer=esmtp, pri=120345, relay=mx.example.com. [203.0.113.19], dsn=4.0.0, stat=Deferred: Connection timed out with mx.example.com.", false},
	{event.Exim, "2006-01-02 15:04:05", "STAMP 1tUxyz-0001Ab-2C H=mx.example.com [203.0.113.19] Connection timed out", true},
	{event.OpenSMTPD, time.Stamp, `STAMP mx3 smtpd[1234]: 5a3b8d0b1b2c3d4e mta delivery evpid=0123456789abcdef from=<@example.net> to=<@example.com> rcpt=<-> source="192.0.2.25" relay="203.0.113.19 (mx.example.com)" delay=1s result="TempFail" stat="451 try later"`, false},
}

// times reads a file of a dialect and returns the UTC times with their qualities.
func (d dialect) times(t *testing.T, name string, modified time.Time, zone *time.Location, stamps []string) []string {
	t.Helper()
	var text strings.Builder
	for _, s := range stamps {
		at, err := time.Parse(time.DateTime, s) // as a clock on the wall: not in the zone, where it may not exist
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(strings.ReplaceAll(d.line, "STAMP", at.Format(d.stamp)) + "\n")
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := Options{Config: config.Default(), Paths: []string{path}, Zone: zone, Now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := Parse(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		var e struct {
			Time        time.Time
			TimeQuality string `json:"time_quality"`
			Format      string
			Error       string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Error != "" || e.Format != d.format.String() {
			t.Fatalf("read as %q, error %q:\n%s", e.Format, e.Error, line)
		}
		got = append(got, e.Time.Format("2006-01-02T15:04:05Z07:00")+" "+e.TimeQuality)
	}
	return got
}

// TestTimeOfEveryFormat holds the rules of time for all formats with local stamps alike.
func TestTimeOfEveryFormat(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	date := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	// Q stands for the quality of a good time: exact if the stamp has its year, else inferred_year.
	for _, tt := range []struct {
		name, file string
		modified   time.Time
		zone       *time.Location
		lines      []string // local stamp => UTC, quality
		ordered    bool     // only for stamps whose order moves the clock: those at the head of a line
	}{
		{"New Year", "fw.log", date("2026-01-02"), berlin, []string{
			"2025-12-31 23:59:58 => 2025-12-31T22:59:58Z Q",
			"2026-01-01 00:00:01 => 2025-12-31T23:00:01Z Q",
			"2026-01-01 09:00:00 => 2026-01-01T08:00:00Z Q",
		}, false},
		{"no zone", "fw.log", date("2026-01-02"), nil, []string{
			"2025-12-31 23:59:58 => 2025-12-31T23:59:58Z U",
			"2026-01-01 00:00:01 => 2026-01-01T00:00:01Z U",
		}, false},
		{"leap day", "fw.log", date("2024-03-02"), berlin, []string{
			"2024-02-28 10:00:00 => 2024-02-28T09:00:00Z Q",
			"2024-02-29 10:00:00 => 2024-02-29T09:00:00Z Q",
			"2024-03-01 10:00:00 => 2024-03-01T09:00:00Z Q",
		}, false},
		{"summer time begins", "fw.log", date("2026-03-30"), berlin, []string{
			"2026-03-29 01:59:59 => 2026-03-29T00:59:59Z Q",
			"2026-03-29 03:00:00 => 2026-03-29T01:00:00Z Q",
		}, false},
		{"an hour that does not exist", "fw.log", date("2026-03-30"), berlin, []string{
			"2026-03-29 02:30:00 => 2026-03-29T01:30:00Z estimated",
		}, false},
		{"summer time ends: one hour twice", "fw.log", date("2025-10-27"), berlin, []string{
			"2025-10-26 01:59:00 => 2025-10-25T23:59:00Z Q",
			"2025-10-26 02:20:00 => 2025-10-26T00:20:00Z Q",
			"2025-10-26 02:45:00 => 2025-10-26T00:45:00Z Q",
			"2025-10-26 02:10:00 => 2025-10-26T01:10:00Z Q",
			"2025-10-26 02:30:00 => 2025-10-26T01:30:00Z Q",
			"2025-10-26 03:00:00 => 2025-10-26T02:00:00Z Q",
		}, true},
		{"newest first", "fw.log", date("2026-01-02"), berlin, []string{
			"2026-01-01 00:00:01 => 2025-12-31T23:00:01Z Q",
			"2025-12-31 23:59:58 => 2025-12-31T22:59:58Z Q",
			"2025-12-31 23:00:00 => 2025-12-31T22:00:00Z Q",
			"2025-12-30 10:00:00 => 2025-12-30T09:00:00Z Q",
		}, false},
		{"a copy made years later, dated by its name", "messages-20260102", date("2029-06-01"), berlin, []string{
			"2025-12-31 23:59:58 => 2025-12-31T22:59:58Z Q",
			"2026-01-01 00:00:01 => 2025-12-31T23:00:01Z Q",
		}, false},
		{"several years in one file", "fw.log", date("2026-01-02"), berlin, []string{
			"2023-11-30 10:00:00 => 2023-11-30T09:00:00Z Q",
			"2024-03-01 10:00:00 => 2024-03-01T09:00:00Z Q",
			"2024-08-01 10:00:00 => 2024-08-01T08:00:00Z Q",
			"2025-01-10 10:00:00 => 2025-01-10T09:00:00Z Q",
			"2025-06-10 10:00:00 => 2025-06-10T08:00:00Z Q",
			"2025-11-10 10:00:00 => 2025-11-10T09:00:00Z Q",
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stamps, results []string
			for _, l := range tt.lines {
				stamp, result, _ := strings.Cut(l, " => ")
				stamps, results = append(stamps, stamp), append(results, result)
			}
			for _, d := range dialects {
				if tt.ordered && !d.atHead() {
					continue
				}
				good, unzoned := "exact", "assumed_zone"
				if !d.year {
					good, unzoned = "inferred_year", "inferred_year"
				}
				for i, got := range d.times(t, tt.file, tt.modified, tt.zone, stamps) {
					want := strings.NewReplacer(" Q", " "+good, " U", " "+unzoned).Replace(results[i])
					if got != want {
						t.Errorf("%s\n%s\n got %s\nwant %s", strings.ReplaceAll(d.line, "STAMP", d.stamp), stamps[i], got, want)
					}
				}
			}
		})
	}
}

// atHead reports whether the stamp is what a line starts with.
func (d dialect) atHead() bool {
	return strings.HasPrefix(d.line, "STAMP") && d.stamp[0] != 'd' || strings.HasPrefix(d.line, "<")
}
