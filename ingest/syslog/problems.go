package syslog

import (
	"slices"
	"strings"
	"sync"
)

// problems are what is wrong at the moment, by what it hinders.
type problems struct {
	mu   sync.Mutex
	now  map[string]string
	said map[string]string
}

// set notes an error, or, with nil, that there is none.
func (p *problems) set(what string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		delete(p.now, what)
		return
	}
	if p.now == nil {
		p.now = map[string]string{}
	}
	p.now[what] = err.Error()
}

// fresh reports whether a text is another than the last about the same.
func (p *problems) fresh(what, text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said[what] == text {
		return false
	}
	if p.said == nil {
		p.said = map[string]string{}
	}
	p.said[what] = text
	return true
}

func (p *problems) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, t := range p.now {
		out = append(out, t)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "; ")
}
