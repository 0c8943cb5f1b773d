package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Reference returns all settings with their defaults, as a commented YAML file. What has no default is commented out.
func Reference() string {
	w := refWriter{}
	w.b.WriteString("# Every setting of Mailstop with its default. What has no default is commented out.\n" +
		"# ${NAME} in a value is replaced by the environment variable. Unknown keys are errors.\n" +
		"# Written by \"mailstop config reference\".\n")
	w.object(reflect.ValueOf(Default()), "", "")
	return w.b.String()
}

// A refWriter writes lines. off is what stands before a line that is commented out: some blanks and "# ".
type refWriter struct{ b strings.Builder }

// object writes the keys of a struct. item, if not empty, replaces the indent of the first key: "  - ".
func (w *refWriter) object(v reflect.Value, off, indent string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		if off+indent == "" {
			w.b.WriteByte('\n')
		}
		fmt.Fprintf(&w.b, "%s%s# %s\n", off, indent, f.Tag.Get("doc"))
		w.value(f.Tag.Get("yaml"), v.Field(i), off, indent)
	}
}

func (w *refWriter) value(key string, v reflect.Value, off, indent string) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			w.nested(key, fresh(v.Type().Elem()).Elem(), off, indent)
			return
		}
		v = v.Elem()
	}
	text, none := "", false
	switch s, isText := v.Interface().(fmt.Stringer); {
	case isText:
		text, none = s.String(), s.String() == ""
	case v.Kind() == reflect.Struct:
		fmt.Fprintf(&w.b, "%s%s%s:\n", off, indent, key)
		w.object(v, off, indent+"  ")
		return
	case v.Kind() == reflect.Slice && isObject(v.Type().Elem()):
		w.items(key, v.Type().Elem(), off, indent)
		return
	case v.Kind() == reflect.Slice:
		words := strings.Fields(strings.Trim(fmt.Sprint(v.Interface()), "[]"))
		text, none = "["+strings.Join(words, ", ")+"]", v.Len() == 0
	case v.Kind() == reflect.Map:
		text, none = "{}", true
	default:
		text, none = fmt.Sprint(v.Interface()), v.IsZero()
	}
	if text == "" {
		text = `""`
	}
	if none && off == "" {
		off, indent = indent+"# ", ""
	}
	fmt.Fprintf(&w.b, "%s%s%s: %s\n", off, indent, key, text)
}

// nested writes an object that is not set, commented out.
func (w *refWriter) nested(key string, v reflect.Value, off, indent string) {
	if off == "" {
		off, indent = indent+"# ", ""
	}
	fmt.Fprintf(&w.b, "%s%s%s:\n", off, indent, key)
	w.object(v, off, indent+"  ")
}

// items writes a list of objects that is empty by default, with one item commented out to show its keys.
func (w *refWriter) items(key string, item reflect.Type, off, indent string) {
	if off == "" {
		off, indent = indent+"# ", ""
	}
	fmt.Fprintf(&w.b, "%s%s%s:\n%s%s  -\n", off, indent, key, off, indent)
	w.object(fresh(item).Elem(), off, indent+"    ")
}

func isObject(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !t.Implements(reflect.TypeFor[fmt.Stringer]())
}
