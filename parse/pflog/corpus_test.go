package pflog

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
)

// Two captures of OpenBSD, of a packet each. What is in them was read off their bytes.
func TestCorpus(t *testing.T) {
	const folder = "pf/elastic__beats/packetbeat/tests/system/pcaps/"
	for name, want := range map[string]event.Entry{
		"pf_block_inbound_tcp.pcap": {
			Action: event.Deny, Direction: event.In, IfaceIn: "vio0", Rule: "10", Proto: event.TCP, SrcPort: 46926, DstPort: 80,
			TCPFlags: event.SYN, TTL: 64, Length: 60, Time: time.Date(2023, 4, 30, 17, 5, 21, 823994000, time.UTC).UnixNano(),
		},
		"pf_pass_outbound_icmp.pcap": {
			Action: event.Allow, Direction: event.Out, IfaceOut: "vio0", Rule: "13", Proto: event.ICMP, ICMPType: 8, TTL: 255, Length: 84,
			Time: time.Date(2023, 4, 30, 17, 4, 31, 838197000, time.UTC).UnixNano(),
		},
	} {
		file, err := os.ReadFile(filepath.Join(golden.Corpus(t), folder, name))
		if err != nil {
			t.Fatal(err)
		}
		lines, err := text(t, file)
		if err != nil {
			t.Fatal(err)
		}
		got := entries(t, lines, Kind())
		if len(got) != 1 {
			t.Fatalf("%s: %d entries", name, len(got))
		}
		e := got[0]
		host, peer := "192.168.121.241", "192.168.121.1"
		if want.Direction == event.In {
			host, peer = peer, host
		}
		if e.Src.String() != host || e.Dst.String() != peer || e.Reason != "match" || e.Error != "" || e.TimeQuality != event.TimeExact ||
			e.Is(event.HasUID) {
			t.Errorf("%s: %+v", name, e)
		}
		same := event.Entry{
			Action: e.Action, Direction: e.Direction, IfaceIn: e.IfaceIn, IfaceOut: e.IfaceOut, Rule: e.Rule, Proto: e.Proto, SrcPort: e.SrcPort,
			DstPort: e.DstPort, TCPFlags: e.TCPFlags, ICMPType: e.ICMPType, TTL: e.TTL, Length: e.Length, Time: e.Time,
		}
		if same != want {
			t.Errorf("%s: %+v\nwant %+v", name, same, want)
		}
	}
}
