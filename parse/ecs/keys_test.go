package ecs

import (
	"strings"
	"testing"
)

// No key means two things.
func TestKeysAreUnique(t *testing.T) {
	n := 0
	for _, keys := range meanings {
		n += len(strings.Fields(keys))
	}
	if n != len(known) {
		t.Errorf("%d keys are there twice", n-len(known))
	}
}
