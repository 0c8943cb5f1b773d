package lab_test

import (
	"os"
	"strings"
	"testing"

	"mailstop/internal/lab"
)

// A laboratory leaves the machine as it found it, and does not see what was logged before it.
func TestLabCleansUp(t *testing.T) {
	l := lab.New(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("/run/netns")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), l.Tag) {
			t.Errorf("namespace %s is left", e.Name())
		}
	}
	second := lab.New(t) // would wait for the first one's lock, were it still held
	lines, err := second.KernelLog(l.Tag, 0)
	if err != nil || len(lines) != 0 {
		t.Errorf("lines of another laboratory: %v, %v", lines, err)
	}
}

func TestCommandErrorSaysWhatItPrinted(t *testing.T) {
	l := lab.New(t)
	if err := l.Inner.NFT("add table inet\n"); err == nil || !strings.Contains(err.Error(), "syntax error") {
		t.Errorf("got %v, want nft's own words", err)
	}
}
