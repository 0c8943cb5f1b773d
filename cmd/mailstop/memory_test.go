package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"mailstop/internal/bench"
)

const mib = 1 << 20

// replayStream replays what write gives through standard input, without a store, and returns the report as JSON and the
// peak memory.
func replayStream(t *testing.T, write func(io.Writer) error) (reportJSON, int64) {
	t.Helper()
	cmd := measure(t, "replay", "--store", "none", "-o", "json", "-")
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriterSize(w, mib)
		err := write(b)
		if err == nil {
			err = b.Flush()
		}
		w.CloseWithError(err)
	}()
	cmd.Stdin = r
	got := do(t, cmd.Cmd)
	if got.code != 0 {
		t.Fatalf("exit code %d\n%s", got.code, got.stderr)
	}
	return readReport(t, got.stdout), cmd.peak(t)
}

// reportJSON is what the tests need of "replay -o json".
type reportJSON struct {
	Findings []map[string]any
	Totals   struct {
		Lines, Entries, Unparsed, Packets uint64
		First, Last                       string
		Formats                           map[string]uint64
		TimesSetAside                     uint64                                                  `json:"times_set_aside"`
		MailPorts                         map[string]map[string]struct{ Blocked, Allowed uint64 } `json:"mail_ports"`
		UnparsedReasons                   []struct {
			Reason string
			Count  uint64
		} `json:"unparsed_reasons"`
	}
	Sources []struct {
		Path, Problem            string
		Lines, Entries, Unparsed uint64
	}
}

func readReport(t *testing.T, text string) reportJSON {
	t.Helper()
	var r reportJSON
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return r
}

// The memory of a replay does not depend on how much it reads.
func TestMemoryDoesNotGrow(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 1.5 GB")
	}
	var text bytes.Buffer
	const lines = 200_000
	if err := bench.Generate(&text, lines); err != nil {
		t.Fatal(err)
	}
	peaks := map[int]int64{}
	for _, size := range []int{300 << 20, 1200 << 20} {
		times := size/text.Len() + 1
		report, peak := replayStream(t, func(w io.Writer) error {
			for range times {
				if _, err := w.Write(text.Bytes()); err != nil {
					return err
				}
			}
			return nil
		})
		if got := report.Totals; got.Lines != uint64(times)*lines || got.Unparsed != 0 {
			t.Errorf("%d lines, %d not read; want %d", got.Lines, got.Unparsed, times*lines)
		}
		if len(report.Findings) == 0 {
			t.Error("no findings")
		}
		t.Logf("%d MB: peak %.1f MiB", size>>20, float64(peak)/mib)
		if peak > 64*mib {
			t.Errorf("%d MB take %d MiB", size>>20, peak/mib)
		}
		peaks[size] = peak
	}
	if small, big := peaks[300<<20], peaks[1200<<20]; big > small+8*mib {
		t.Errorf("four times as much takes %d MiB instead of %d MiB", big/mib, small/mib)
	}
}

const (
	stopped = "2026-01-05T10:%02d:00+00:00 web-1 kernel: [UFW BLOCK] IN= OUT=eth0 SRC=192.0.2.10 DST=203.0.113.9 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=%d DPT=587 WINDOW=64240 RES=0x00 SYN URGP=0\n"
	probe   = "2026-01-05T%02d:%02d:%02d+00:00 mx-1 kernel: DROP: IN=eth0 OUT= SRC=%d.%d.%d.%d DST=192.0.2.25 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=%d DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0\n"
)

// A line of 100 MB costs no more memory than any other, and its neighbours are read.
func TestHugeLineThroughStdin(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100 MB")
	}
	report, peak := replayStream(t, func(w io.Writer) error {
		fmt.Fprintf(w, stopped, 1, 41000)
		junk := bytes.Repeat([]byte("SRC=192.0.2.10 "), 1<<16)
		for n := 0; n < 100_000_000; n += len(junk) {
			if _, err := w.Write(junk); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(w, "\n"+stopped, 9, 41001)
		return err
	})
	t.Logf("peak %.1f MiB", float64(peak)/mib)
	if got := report.Totals; got.Lines != 3 || got.Entries != 2 || got.Unparsed != 1 {
		t.Errorf("%+v", got)
	}
	if peak > 96*mib {
		t.Errorf("peak %d MiB", peak/mib)
	}
}

// A million sources, each seen once: bounded memory, exact totals, and what matters is found beside them.
func TestMillionSpoofedSources(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a million lines")
	}
	const sources = 1_000_000
	report, peak := replayStream(t, func(w io.Writer) error {
		for i := range uint32(sources) {
			if i%(sources/10) == 0 {
				fmt.Fprintf(w, stopped, i/(sources/10), 41000+i/(sources/10))
			}
			at := i / (sources / 3600)
			a := 0x0b000000 + i*13 // distinct, none of a private or reserved range
			if _, err := fmt.Fprintf(w, probe, 10, at/60%60, at%60, a>>24, a>>16&255, a>>8&255, a&255, 1024+i%60000); err != nil {
				return err
			}
		}
		return nil
	})
	t.Logf("peak %.1f MiB", float64(peak)/mib)
	if peak > 100*mib {
		t.Errorf("peak %d MiB", peak/mib)
	}
	if got := report.Totals; got.Lines != sources+10 || got.Entries != sources+10 || got.MailPorts["in"]["25"].Blocked != sources {
		t.Errorf("totals %+v", got)
	}
	kinds := map[string]map[string]any{}
	for _, f := range report.Findings {
		kinds[fmt.Sprint(f["kind"], " ", f["host"])] = f
	}
	if f := kinds["mail-out-blocked web-1"]; f == nil || f["attempts"] != 10.0 {
		t.Errorf("the blocked host is not found: %v", f)
	}
	if f := kinds["mail-in-blocked mx-1"]; f == nil || f["packets"] != float64(sources) || !strings.Contains(fmt.Sprint(f["summary"]), "1,000,000 probes") {
		t.Errorf("the probes are not counted right: %v", f)
	}
}
