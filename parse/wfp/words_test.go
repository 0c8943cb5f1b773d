package wfp

import (
	"strings"
	"testing"
	"time"

	"mailstop/event"
	"mailstop/parse"
)

func TestDirections(t *testing.T) {
	for word, want := range map[string]event.Direction{
		"%%14592": event.In, "%%14593": event.Out, "%%14594": event.Forward, "%%14595": event.DirectionUnknown,
		"Inbound": event.In, "outbound": event.Out, "Forward": event.Forward, "Bidirectional": event.DirectionUnknown,
		"EINGEHEND": event.In, "Sortant": event.Out, "Salida": event.Out, "ВХОДЯЩИЙ": event.In, "": event.DirectionUnknown,
	} {
		x := record{}
		x.values[fDirection] = word
		if got := x.direction(); got != want || x.err != nil {
			t.Errorf("%q: %v, %v, want %v", word, got, x.err, want)
		}
	}
	x := record{}
	x.values[fDirection] = "%%14599"
	if got := x.direction(); got != event.DirectionUnknown || x.err == nil {
		t.Errorf("a layer's token: %v, %v", got, x.err)
	}
	seen := map[string]event.Direction{}
	for _, w := range translated {
		word := strings.ToLower(w.word)
		if _, twice := seen[word]; twice {
			t.Errorf("%s is listed twice", w.word)
		}
		seen[word] = w.direction
	}
}

// The reference has two public tables that disagree; this is the one that several sources confirm.
func TestLayers(t *testing.T) {
	for token, want := range map[string]string{
		"%%14597": "Transport", "%%14608": "Resource Assignment", "%%14609": "Listen", "%%14610": "Receive/Accept", "%%14611": "Connect",
		"%%14601": "ICMP Error", "%%14624": "Stream Packet", "%%14605": "%%14605", "Connect": "Connect", "Verbinden": "Connect",
		"Empfangen/Akzeptieren": "Receive/Accept", "something": "something", "": "",
	} {
		x := record{}
		x.values[fLayer] = token
		if got := x.layer(); got != want {
			t.Errorf("%q: %q, want %q", token, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for text, want := range map[string]int{
		"The Windows Filtering Platform has blocked a packet.":                                                          5152,
		"The Windows Filtering Platform blocked a packet.":                                                              5152,
		"A more restrictive Windows Filtering Platform filter has blocked a packet.":                                    5153,
		"The Windows Filtering Platform has permitted an application or service to listen on a port for incoming con":   5154,
		"The Windows Filtering Platform has blocked an application or service from listening on a port for incoming co": 5155,
		"The Windows Filtering Platform has allowed a connection.":                                                      5156,
		"The Windows Filtering Platform has permitted a connection.":                                                    5156,
		"The Windows Filtering Platform has blocked a connection.":                                                      5157,
		"The Windows Filtering Platform has permitted a bind to a local port.":                                          5158,
		"The Windows Filtering Platform has blocked a bind to a local port.":                                            5159,
		"The Windows Firewall Service blocked an application from accepting incoming connections on the network.":       5031,
		"A Windows Filtering Platform filter has been changed.":                                                         0,
		"A change has been made to the Windows Filtering Platform":                                                      0,
		"The Windows Filtering Platform has permitted a packet.":                                                        0,
	} {
		if got := sentence(text); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		text, want, quality string
		utc                 bool
	}{
		{"2026-01-05T09:11:12.345678900Z", "2026-01-05T09:11:12.3456789Z", "exact", true},
		{"2026-01-05T09:11:12.3456789Z", "2026-01-05T09:11:12.3456789Z", "exact", true},
		{"2026-01-05 09:11:12.345678", "2026-01-05T09:11:12.345678Z", "exact", true},
		{"2026-01-05 10:11:12", "2026-01-05T09:11:12Z", "exact", false},
		{"2026-01-05 10:11:12 +0100", "2026-01-05T09:11:12Z", "exact", false},
		{"1767604272", "2026-01-05T09:11:12Z", "exact", false},
		{"1767604272.5", "2026-01-05T09:11:12.5Z", "exact", false},
		{"/Date(1767604272345)/", "2026-01-05T09:11:12.345Z", "exact", false},
		{"/Date(1767604272345+0100)/", "2026-01-05T09:11:12.345Z", "exact", false},
		{"Mon Jan 05 10:11:12 2026", "2026-01-05T09:11:12Z", "exact", false},
		{"Mon Jan  5 10:11:12 2026", "2026-01-05T09:11:12Z", "exact", false},
		{"2026 Jan 05 10:11:12", "2026-01-05T09:11:12Z", "exact", false},
		{"05.01.2026 10:11:12", "2026-01-05T09:11:12Z", "exact", false},
		{"25/1/2026 10:11:12", "2026-01-25T09:11:12Z", "exact", false},
		{"1/25/2026 10:11:12 PM", "2026-01-25T21:11:12Z", "exact", false},
		{"5/5/2026 12:11:12 AM", "2026-05-04T22:11:12Z", "exact", false},
		{"1/5/2026 12:11:12 PM", "2026-01-05T11:11:12Z", "estimated", false},
		{"1/5/2026, 10:11:12.345 AM", "2026-01-05T09:11:12.345Z", "estimated", false},
		{"5/1/2026 10:11:12", "2026-01-05T09:11:12Z", "estimated", false},
		{"25/25/2026 10:11:12", "", "", false},
		{"1/5/2026 13:11:12 PM", "", "", false},
		{"30.02.2026 10:11:12", "", "", false},
		{"yesterday", "", "", false},
		{"2025 Feb 29 10:11:12", "", "", false},
	} {
		clock := parse.NewClock(parse.Hints{Zone: zone})
		var e event.Entry
		x := record{time: tt.text, timeUTC: tt.utc}
		x.setTime(&parse.Record{Entry: &e, Clock: &clock})
		got := ""
		if !e.When().IsZero() {
			got = e.When().Format(time.RFC3339Nano)
		}
		if got != tt.want || e.TimeQuality.String() != tt.quality {
			t.Errorf("%s: %s %s, want %s %s", tt.text, got, e.TimeQuality, tt.want, tt.quality)
		}
	}
}

// The event's own time wins over an envelope's; when the shipper got it tells the zone that the event's own lacks.
func TestTimeOfShipper(t *testing.T) {
	clock := parse.NewClock(parse.Hints{})
	for _, tt := range []struct{ own, received, want, quality string }{
		{"2026-01-05 04:11:12", "2026-01-05T09:11:14.617Z", "2026-01-05T09:11:12Z", "estimated"},
		{"2026-01-05 04:11:12", "2026-01-05T09:31:14.617Z", "2026-01-05T04:11:12Z", "assumed_zone"},
		{"", "2026-01-05T09:11:14.617Z", "2026-01-05T08:00:00Z", "received"},
		{"rubbish", "2026-01-05T09:11:14.617Z", "2026-01-05T08:00:00Z", "received"},
		{"2026-01-05T09:11:12Z", "", "2026-01-05T09:11:12Z", "exact"},
	} {
		e := event.Entry{Time: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC).UnixNano(), TimeQuality: event.TimeReceived}
		r := parse.Record{Entry: &e, Clock: &clock}
		x := record{time: tt.own, received: tt.received}
		x.setTime(&r)
		if got := e.When().Format(time.RFC3339); got != tt.want || e.TimeQuality.String() != tt.quality || r.Reference != 0 {
			t.Errorf("%s, received %s: %s %s, want %s %s", tt.own, tt.received, got, e.TimeQuality, tt.want, tt.quality)
		}
	}
}
