package mailin

import (
	"errors"

	"mailstop/event"
)

var errState = errors.New("targets are missing")

// CheckState implements state.Checker: bytes that nothing here has written must not break what reads them later.
func (d *Detector) CheckState() error {
	if d.scope == nil || d.rules == nil || d.index == nil || d.alive == nil || d.byHost == nil {
		return errState
	}
	for _, t := range d.targets {
		if t == nil {
			return errState
		}
	}
	for _, t := range d.index {
		if t == nil {
			return errState
		}
	}
	for _, s := range d.alive {
		if s == nil || s.ports == nil {
			return errState
		}
		for _, a := range s.ports {
			if a == nil {
				return errState
			}
		}
	}
	for _, p := range d.hosts {
		if p == nil {
			return errState
		}
	}
	for _, p := range d.byHost {
		if p == nil {
			return errState
		}
	}
	return nil
}

// CheckState implements state.Checker.
func (s *senders) CheckState() error {
	if len(s.list) > maxSenders || s.hand < 0 || s.hand >= maxSenders {
		return errState
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
