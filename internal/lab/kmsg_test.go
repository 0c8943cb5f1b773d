package lab

import (
	"testing"
	"time"
)

func TestParseRecord(t *testing.T) {
	for _, c := range []struct {
		record string
		want   Line
		ok     bool
	}{
		{"4,1273,712662910,-;[LAB] IN= OUT=eth0 \n", Line{712662910 * time.Microsecond, "[LAB] IN= OUT=eth0 "}, true},
		{"6,339,5140900,-,caller=T1;NET: a; b\n SUBSYSTEM=net\n DEVICE=+net:eth0\n", Line{5140900 * time.Microsecond, "NET: a; b"}, true},
		{"4,1,x,-;text\n", Line{}, false},
		{"no record", Line{}, false},
		{"", Line{}, false},
	} {
		if got, ok := parseRecord(c.record); got != c.want || ok != c.ok {
			t.Errorf("%q: got %v, %t; want %v, %t", c.record, got, ok, c.want, c.ok)
		}
	}
}
