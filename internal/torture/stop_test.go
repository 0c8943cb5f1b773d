package torture

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Stopped under load, it stores what it has read, ends with 0, and goes on there.
func TestStopUnderLoad(t *testing.T) {
	needStore(t)
	f := newField(t)
	f.configure()
	stop := f.load(size(10_000, 20_000))
	for i := range size(3, 20) {
		f.must(f.launch())
		time.Sleep(time.Duration(i%4) * 700 * time.Millisecond)
		begin := time.Now()
		f.stop()
		t.Logf("stopping took %v", time.Since(begin).Round(time.Millisecond))
	}
	stop()
	f.must(f.launch())
	f.settle()
	f.stop()
	f.verify()
}

// reload sends HUP and waits for what the daemon says of it.
func (w *world) reload(says string) {
	w.t.Helper()
	d := w.daemon()
	before := len(d.said())
	d.signal(syscall.SIGHUP)
	eventually(w.t, "the daemon says "+says, func() bool { return strings.Contains(d.said()[before:], says) })
}

// Reloaded under load: what is valid is applied, what is not changes nothing, and no line is lost.
func TestReloadUnderLoad(t *testing.T) {
	needStore(t)
	f := newField(t)
	f.start()
	stop := f.load(size(10_000, 20_000))
	x := f.writer("late", "logs", "late.log")
	x.more(3000)
	f.file(x.path)
	f.configure()
	f.reload("mailstop: running")
	x.more(3000)

	valid, err := os.ReadFile(f.path("mailstop.yaml"))
	f.must(err)
	write(t, f.path("mailstop.yaml"), string(valid)+"nonsense: 1\n")
	f.reload("nonsense")
	if said := f.daemon().said(); !strings.Contains(said, "the one that runs stays") {
		t.Errorf("it does not say that the configuration stays:\n%s", said)
	}
	f.ready(true, "")
	x.more(3000)

	for i := range size(2, 20) {
		f.servers = "192.0.2.25, 192.0.2." + itoa(100+i)
		f.configure()
		f.reload("mailstop: running")
		x.more(1000)
	}
	stop()
	f.settle()
	f.stop()
	f.verify()
}
