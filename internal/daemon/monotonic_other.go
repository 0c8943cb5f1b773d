//go:build !linux

package daemon

// monotonic has nothing to return: systemd runs on Linux only.
func monotonic() (int64, bool) { return 0, false }
