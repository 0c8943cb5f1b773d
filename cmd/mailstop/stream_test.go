package main

import (
	"bufio"
	"strings"
	"testing"
)

// "tail -f kern.log | mailstop parse" must print each line as it comes, not when the log ends.
func TestParsePrintsAsLinesCome(t *testing.T) {
	cmd := mailstop(t, "parse")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for _, source := range []string{"203.0.113.1", "203.0.113.2"} {
		const line = "Jan  5 10:11:12 mx1 kernel: DROP: IN=eth0 OUT= SRC=%s DST=192.0.2.25 LEN=40 TOS=0x00 PREC=0x00 TTL=51 ID=1 " +
			"PROTO=TCP SPT=51234 DPT=25 WINDOW=1024 RES=0x00 SYN URGP=0 \n"
		if _, err := in.Write([]byte(strings.Replace(line, "%s", source, 1))); err != nil {
			t.Fatal(err)
		}
		got, err := lines.ReadString('\n') // hangs, until the test times out, if nothing comes
		if err != nil || !strings.Contains(got, source) {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}
