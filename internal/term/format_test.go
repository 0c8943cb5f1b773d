package term

import (
	"math"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	same := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	same(Number(0), "0")
	same(Number(999), "999")
	same(Number(1000), "1,000")
	same(Number(1234567), "1,234,567")
	same(Number(-1234), "-1,234")
	same(Number(int64(math.MinInt64)), "-9,223,372,036,854,775,808")
	same(Number(uint64(math.MaxUint64)), "18,446,744,073,709,551,615")

	same(Bytes(-1), "0 B")
	same(Bytes(812), "812 B")
	same(Bytes(1000), "1.0 kB")
	same(Bytes(4_200_000), "4.2 MB")
	same(Bytes(999_999), "1.0 MB")
	same(Bytes(12_345_678_901), "12 GB")
	same(Bytes(math.MaxInt64), "9.2 EB")

	same(Rate(1_204_551, 410*time.Millisecond, "lines"), "2.9 M lines/s")
	same(Rate(600, time.Second, "lines"), "600 lines/s")
	same(Rate(uint64(27_000), time.Second, "lines"), "27 k lines/s")
	same(Rate(5, 0, "lines"), "")

	same(Duration(-time.Second), "0 s")
	same(Duration(3*time.Second), "3 s")
	same(Duration(1500*time.Microsecond), "1.5 ms")
	same(Duration(410*time.Millisecond), "0.41 s")
	same(Duration(9990*time.Millisecond), "10 s")
	same(Duration(59700*time.Millisecond), "1 min")
	same(Duration(200*time.Second), "3 min 20 s")
	same(Duration(time.Hour-time.Millisecond), "1 h")
	same(Duration(48*time.Hour-time.Second), "2 d")
	same(Duration(125*time.Minute), "2 h 5 min")
	same(Duration(76*time.Hour), "3 d 4 h")
}
