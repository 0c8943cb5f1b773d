package envelope

import (
	"strings"
	"testing"
)

// No key means two things.
func TestKeysAreUnique(t *testing.T) {
	n := 0
	for _, keys := range meanings {
		n += len(strings.Fields(keys))
	}
	if n != len(known) {
		t.Errorf("%d keys are there twice", n-len(known))
	}
}

func TestClassify(t *testing.T) {
	for key, want := range map[string]class{
		"message": lineMessage, "root.message": nestedLine, "a.b.message": nestedLine, "error.message": none, "x.error.message": none,
		"winlog.event_data.SourceAddress": windowsData, "x.winlog.event_data.SourceAddress": nestedRecord, "oob.in": otherFormat,
		"data.oob.in": nestedRecord, "fw.src_ip": nestedRecord, "host.os.name": none, "event.timezone": zone, "ProviderId": powerShell, "x": none, "": none, ".": none, ".message": nestedLine,
	} {
		if got := classOf(key); got != want {
			t.Errorf("%q: %d, want %d", key, got, want)
		}
	}
}
