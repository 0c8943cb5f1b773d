package detect

import (
	"strconv"
	"strings"
)

// Thousands returns n with separators: 7,702.
func Thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural returns "1 attempt" or "3 attempts".
func Plural(n uint64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	if strings.HasSuffix(word, "s") {
		return Thousands(n) + " " + word + "es"
	}
	return Thousands(n) + " " + word + "s"
}

// Join returns "a", "a and b" or "a, b and c".
func Join(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// Port returns "587 (submission)", or the number alone where no mail service is known for it.
func Port(p uint16) string {
	if s := Service(p); s != "" {
		return strconv.Itoa(int(p)) + " (" + s + ")"
	}
	return strconv.Itoa(int(p))
}

// AndMore returns the first address of best and how many there are besides: "52.98.1.7 and 2 more".
func (s *Top) AndMore() string {
	best := s.Best(1)
	if len(best) == 0 {
		return "nobody"
	}
	text := best[0].Addr.String()
	n, exact := s.Distinct.Count()
	switch {
	case n == 2:
		return text + " and 1 more"
	case n > 2 && exact:
		return text + " and " + Thousands(n-1) + " more"
	case n > 2:
		return text + " and " + s.Distinct.String() + " more"
	}
	return text
}

// Rule returns a rule's name for people: the log prefix, or "a rule that the log does not name".
func Rule(rule string) string {
	rule = strings.Trim(Clean(rule), " :")
	if rule == "" {
		return "a rule that the log does not name"
	}
	return rule
}
