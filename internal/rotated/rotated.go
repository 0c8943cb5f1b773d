// Package rotated reads the names that rotation gives to logs.
package rotated

import (
	"cmp"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Member is what a file's name says of its place in a rotated set.
type Member struct {
	Set    string    // folder and name, without what rotation adds
	Date   time.Time // the rotation's date, or the day it holds; zero if there is none
	Exact  bool      // Date is an instant, not a day
	Number int       // the higher, the older; -1 without a number
	Packed bool
}

var (
	packedName = regexp.MustCompile(`(?i)\.(gz|zst|zstd|bz2|xz)$`)
	// Up to three digits: four are a year.
	numbered = regexp.MustCompile(`^(.+)\.(\d{1,3})$`)
	dated    = regexp.MustCompile(`(?:^|[-._])(\d{4})[-._]?(\d\d)[-._]?(\d\d)(?:[-T_.]?([01]\d|2[0-3])[-:]?([0-5]\d)?[-:]?([0-5]\d)?Z?)?(?:$|[-._])`)
	epoch    = regexp.MustCompile(`[-._](\d{10})(?:$|[-._])`)
)

// Of reads names as logrotate (NAME.1, NAME.2.gz; with dateext NAME-20260105, NAME-1704067200), newsyslog
// (NAME.0.bz2), OPNsense (NAME_20260105.log), syslog-ng and rsyslog templates (NAME.2026-01-05) and Windows
// (NAME.old) write them.
func Of(path string) Member {
	dir, name := filepath.Split(path)
	m := Member{Number: -1}
	if s := packedName.FindString(name); s != "" && len(s) < len(name) {
		m.Packed = true
		name = strings.TrimSuffix(name, s)
	}
	if base, ok := cutSuffixFold(name, ".old"); ok && base != "" {
		name, m.Number = base, 1
	} else if f := numbered.FindStringSubmatch(name); f != nil {
		name = f[1]
		m.Number, _ = strconv.Atoi(f[2])
	}
	if base, when, ok := cutDate(name); ok {
		name, m.Date = base, when
	} else if base, when, ok := cutEpoch(name); ok {
		name, m.Date, m.Exact = base, when, true
	}
	m.Set = dir + name
	return m
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if n := len(s) - len(suffix); n >= 0 && strings.EqualFold(s[n:], suffix) {
		return s[:n], true
	}
	return s, false
}

func cutDate(name string) (rest string, when time.Time, ok bool) {
	f := dated.FindStringSubmatchIndex(name)
	if f == nil {
		return name, when, false
	}
	n := func(group int) int {
		if f[2*group] < 0 {
			return 0
		}
		v, _ := strconv.Atoi(name[f[2*group]:f[2*group+1]])
		return v
	}
	when = time.Date(n(1), time.Month(n(2)), n(3), n(4), n(5), n(6), 0, time.UTC)
	if n(1) < 1990 || n(1) > 2199 || int(when.Month()) != n(2) || when.Day() != n(3) {
		return name, time.Time{}, false
	}
	return without(name, f[0], f[1]), when, true
}

func cutEpoch(name string) (rest string, when time.Time, ok bool) {
	f := epoch.FindStringSubmatchIndex(name)
	if f == nil {
		return name, when, false
	}
	seconds, _ := strconv.ParseInt(name[f[2]:f[3]], 10, 64)
	return without(name, f[0], f[1]), time.Unix(seconds, 0).UTC(), true
}

// without takes name[i:j] out, but leaves the separator that ends it if a word follows.
func without(name string, i, j int) string {
	if j < len(name) {
		j--
	}
	return name[:i] + name[j:]
}

// Compare orders one set: dated ones first, oldest first; then numbered ones, highest number first; then
// the file without either, which is still written.
func Compare(a, b Member) int {
	style := func(m Member) int {
		switch {
		case !m.Date.IsZero():
			return 0
		case m.Number >= 0:
			return 1
		}
		return 2
	}
	return cmp.Or(
		cmp.Compare(style(a), style(b)), a.Date.Compare(b.Date), cmp.Compare(b.Number, a.Number), compareBool(b.Packed, a.Packed),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// CompareNatural compares digits as numbers: "fw2" comes before "fw10".
func CompareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		if !isDigit(x[0]) || !isDigit(y[0]) {
			if x[0] != y[0] {
				return cmp.Compare(x[0], y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		m, restX := cutNumber(x)
		n, restY := cutNumber(y)
		if c := cmp.Or(cmp.Compare(len(m), len(n)), cmp.Compare(m, n)); c != 0 {
			return c
		}
		x, y = restX, restY
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// cutNumber splits off the digits that s starts with, without leading zeros.
func cutNumber(s string) (digits, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return strings.TrimLeft(s[:i], "0"), s[i:]
}
