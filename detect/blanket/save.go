package blanket

import (
	"errors"

	"mailstop/event"
)

var errState = errors.New("rules are missing")

// CheckState implements state.Checker: bytes that nothing here has written must not break what reads them later.
func (d *Detector) CheckState() error {
	if d.scope == nil || d.book == nil || d.index == nil {
		return errState
	}
	for _, r := range d.rules {
		if r == nil {
			return errState
		}
	}
	for _, r := range d.index {
		if r == nil {
			return errState
		}
	}
	return nil
}

// CheckState implements state.Checker.
func (k *key) CheckState() error {
	if k.direction > event.Forward {
		return errState
	}
	return nil
}
