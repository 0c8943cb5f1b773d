//go:build !linux

package bench

// pinVariable tells a child which cores it may use.
const pinVariable = "MAILSTOP_BENCH_CPUS"

// Pin does nothing here: only Linux lets a process choose its cores.
func Pin() error { return nil }
