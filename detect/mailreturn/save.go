package mailreturn

import (
	"errors"

	"mailstop/event"
)

var errState = errors.New("flows are missing")

// CheckState implements state.Checker: bytes that nothing here has written must not break what reads them later.
func (d *Detector) CheckState() error {
	if d.scope == nil || d.rules == nil || d.index == nil {
		return errState
	}
	for _, f := range d.flows {
		if f == nil {
			return errState
		}
	}
	for _, f := range d.index {
		if f == nil {
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
