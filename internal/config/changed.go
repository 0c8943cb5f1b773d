package config

import (
	"fmt"
	"reflect"
)

// Changed returns the top-level keys in which two configurations differ, in the order of the file: what a reload has to
// act on. It compares what the keys mean, secrets that were read from files included, not how they are written.
func Changed(before, after Config) []string {
	var out []string
	a, b := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range a.NumField() {
		if f := a.Type().Field(i); f.IsExported() && !same(a.Field(i), b.Field(i)) {
			out = append(out, f.Tag.Get("yaml"))
		}
	}
	return out
}

// same compares two values of one type. An empty list or map is the same as none.
func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
		return same(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for _, k := range a.MapKeys() {
			if v := b.MapIndex(k); !v.IsValid() || !same(a.MapIndex(k), v) {
				return false
			}
		}
		return true
	case reflect.Struct:
		switch v := a.Interface().(type) {
		case Secret:
			return v == b.Interface()
		case fmt.Stringer: // addresses; zones, which hold what depends on when they were loaded
			return v.String() == b.Interface().(fmt.Stringer).String()
		}
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}
