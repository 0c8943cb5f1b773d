package replay

import (
	"cmp"
	"slices"

	"mailstop/internal/rotated"
)

// sortFiles puts sets in natural order, the members of each in the order of time, and streams last, as they came.
func sortFiles(files []File) {
	slices.SortStableFunc(files, func(a, b File) int {
		if a.isStream() || b.isStream() {
			return compareBool(a.isStream(), b.isStream())
		}
		return cmp.Or(rotated.CompareNatural(a.member.Set, b.member.Set), rotated.Compare(a.member, b.member), rotated.CompareNatural(a.Path, b.Path))
	})
	for i := 0; i < len(files); {
		j := i + 1
		for j < len(files) && files[j].member.Set == files[i].member.Set && !files[j].isStream() {
			j++
		}
		mergeStyles(files[i:j])
		i = j
	}
}

// mergeStyles merges the dated and the numbered members of a set, which are there together when the settings of the
// rotation were changed. Names do not tell which came first; the times of the files do.
func mergeStyles(set []File) {
	first := slices.IndexFunc(set, func(f File) bool { return f.member.Date.IsZero() })
	last := slices.IndexFunc(set, func(f File) bool { return f.member.Date.IsZero() && f.member.Number < 0 })
	if last < 0 {
		last = len(set)
	}
	if first <= 0 || first == last {
		return
	}
	dates, numbers := slices.Clone(set[:first]), slices.Clone(set[first:last])
	for i := range set[:last] {
		if len(numbers) == 0 || len(dates) > 0 && !numbers[0].info.ModTime().Before(dates[0].info.ModTime()) {
			set[i], dates = dates[0], dates[1:]
		} else {
			set[i], numbers = numbers[0], numbers[1:]
		}
	}
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
