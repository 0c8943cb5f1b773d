package ulogd

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/internal/golden"
)

// The one object of ulogd in the corpus says the same when it is read as JSON.
func TestCorpus(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(golden.Corpus(t), "netfilter/text-index-excerpts/excerpts.log"))
	if err != nil {
		t.Fatal(err)
	}
	objects := 0
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, `"oob.prefix"`) {
			continue
		}
		objects++
		var want struct {
			Prefix  string     `json:"oob.prefix"`
			Sec     int64      `json:"oob.time.sec"`
			Usec    int64      `json:"oob.time.usec"`
			Hook    int        `json:"oob.hook"`
			Src     netip.Addr `json:"src_ip"`
			Dst     netip.Addr `json:"dest_ip"`
			Sport   uint16     `json:"src_port"`
			Dport   uint16     `json:"dest_port"`
			Proto   uint8      `json:"ip.protocol"`
			Payload uint32     `json:"ip6.payloadlen"`
			TTL     uint8      `json:"ip6.hoplimit"`
			Mark    uint32     `json:"oob.mark"`
			SYN     int        `json:"tcp.syn"`
			ACK     int        `json:"tcp.ack"`
			In      string     `json:"oob.in"`
			Out     string     `json:"oob.out"`
		}
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		var e event.Entry
		session().Parse(strings.TrimSuffix(line, "\n"), &e)
		flags := event.TCPFlags(want.SYN)<<1 | event.TCPFlags(want.ACK)<<4
		hooks := []event.Direction{event.In, event.In, event.Forward, event.Out}
		if e.Error != "" || e.Rule != want.Prefix || !e.When().Equal(time.Unix(want.Sec, want.Usec*1000)) || e.Direction != hooks[want.Hook] ||
			e.Src != want.Src || e.Dst != want.Dst || e.SrcPort != want.Sport || e.DstPort != want.Dport || e.Proto != want.Proto ||
			e.Length != want.Payload+40 || e.TTL != want.TTL || e.Mark != want.Mark || e.TCPFlags != flags || e.IfaceIn != want.In ||
			e.IfaceOut != want.Out {
			t.Errorf("%s\n%s", line, e.AppendJSON(nil))
		}
	}
	if objects != 1 {
		t.Errorf("%d objects, expected one", objects)
	}
}
