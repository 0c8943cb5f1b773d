package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The tests that docs/bad-input.md names exist.
func TestBadInputIsTested(t *testing.T) {
	page, err := os.ReadFile("../../docs/bad-input.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z/]+): ((?:Test|Fuzz)[A-Za-z]+)`").FindAllSubmatch(page, -1)
	if len(named) < 10 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, n := range named {
		folder, name := string(n[1]), string(n[2])
		found := false
		for _, f := range files(t, filepath.Join("../..", folder), "*_test.go") {
			found = found || f.Scope.Lookup(name) != nil
		}
		if !found {
			t.Errorf("%s has no test %s", folder, name)
		}
	}
	for _, s := range regexp.MustCompile("`((?:in|out|return|blanket|quiet)-[a-z0-9-]+)`").FindAllSubmatch(page, -1) {
		if _, err := os.Stat("../../detect/testdata/" + string(s[1]) + ".story"); err != nil {
			t.Error(err)
		}
	}
}
