package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Problem is one thing wrong with a configuration file.
type Problem struct {
	File string
	Line int // 1-based; 0 if the problem has no place in the file
	Key  string
	Text string
	Hint string
}

func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Text)
	if p.Hint != "" {
		b.WriteString("\n  hint: " + p.Hint)
	}
	return b.String()
}

// Load reads a configuration file over the defaults. The error joins every Problem, in the order of the file.
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("configuration: %w\nhint: \"mailstop config reference > %s\" writes one with every setting", err, path)
	}
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, text, os.LookupEnv)
}

// Parse reads a configuration from text; name stands for the file in errors, env supplies ${NAME}.
func Parse(name string, text []byte, env func(string) (string, bool)) (Config, error) {
	cfg := Default()
	d := decoder{file: name, env: env, lines: make(map[string]int)}
	var docs []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			d.syntax(err)
			return cfg, d.err()
		}
		docs = append(docs, n.Content[0])
	}
	if len(docs) > 1 {
		d.add(docs[1].Line, "", "a second document", "keep one, without a --- line")
	}
	if len(docs) > 0 && docs[0].Tag != nullTag {
		d.value(docs[0], reflect.ValueOf(&cfg).Elem(), "")
	}
	d.validate(&cfg)
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
	cfg.given = d.lines
	return cfg, d.err()
}

// A decoder walks the file and the configuration side by side, so that it can report every error with its line.
type decoder struct {
	file     string
	env      func(string) (string, bool)
	lines    map[string]int // by key path
	problems []Problem
}

func (d *decoder) add(line int, key, text, hint string) {
	d.problems = append(d.problems, Problem{File: d.file, Line: line, Key: key, Text: text, Hint: hint})
}

func (d *decoder) err() error {
	errs := make([]error, len(d.problems))
	for i, p := range d.problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

const nullTag = "!!null"

var syntaxLine = regexp.MustCompile(`^yaml: line (\d+): `)

// syntax reports an error of the YAML library, which gives the line only in its text.
func (d *decoder) syntax(err error) {
	text, at := err.Error(), 0
	if m := syntaxLine.FindStringSubmatch(text); m != nil {
		at, _ = strconv.Atoi(m[1])
		text = strings.TrimPrefix(text, m[0])
	}
	d.add(at, "", strings.TrimPrefix(text, "yaml: "), "check indentation, brackets and quotes near this line")
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	d.lines[path] = n.Line
	if n.Tag == nullTag {
		d.null(n, v, path)
		return
	}
	if v.CanAddr() && v.Addr().Type().Implements(textType) {
		d.scalar(n, path, func(s string) error { return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)) })
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(fresh(v.Type().Elem()))
		}
		d.value(n, v.Elem(), path)
	case reflect.Struct:
		d.object(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	default:
		d.scalar(n, path, func(s string) error { return setScalar(v, s) })
	}
}

// null handles a key without a value: an object has its defaults, anything else is a slip.
func (d *decoder) null(n *yaml.Node, v reflect.Value, path string) {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		v.Set(fresh(v.Type().Elem()))
	case v.Kind() != reflect.Pointer && v.Kind() != reflect.Struct:
		d.add(n.Line, path, "has no value", "give one, or remove the key")
	}
}

// fresh returns a pointer to a new value of type t, with its defaults.
func fresh(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if d, ok := v.Interface().(defaulter); ok {
		d.setDefaults()
	}
	return v
}

func (d *decoder) object(n *yaml.Node, v reflect.Value, path string) {
	seen := make(map[string]bool)
	for _, kv := range pairs(n) {
		key := kv.key.Value
		field, ok := fieldByKey(v, key)
		full := join(path, key)
		switch {
		case !ok:
			d.add(kv.key.Line, full, "unknown key", suggest(key, v.Type()))
		case seen[key]:
			d.add(kv.key.Line, full, "given twice", "keep one")
		default:
			d.value(kv.value, field, full)
			d.lines[full] = kv.key.Line
		}
		seen[key] = true
	}
	if n.Kind != yaml.MappingNode {
		d.add(n.Line, path, "must hold keys, not a single value", "keys here: "+strings.Join(keys(v.Type()), ", "))
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.add(n.Line, path, "must hold keys, not a single value", "")
		return
	}
	m := reflect.MakeMap(v.Type())
	for _, kv := range pairs(n) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(kv.value, e, join(path, kv.key.Value))
		m.SetMapIndex(reflect.ValueOf(kv.key.Value), e)
	}
	v.Set(m)
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.add(n.Line, path, "must be a list", "write it as [a, b] or as lines that begin with -")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, out.Index(i), path+"["+strconv.Itoa(i)+"]")
	}
	v.Set(out)
}

func (d *decoder) scalar(n *yaml.Node, path string, set func(string) error) {
	if n.Kind != yaml.ScalarNode {
		d.add(n.Line, path, "must be a single value", "")
		return
	}
	s, err := d.expand(n.Value)
	if err == nil {
		err = set(s)
	}
	if err != nil {
		text, hint := inWords(s, err)
		d.add(n.Line, path, text, hint)
	}
}

// inWords says what is wrong with the value s, and how to write it.
func inWords(s string, err error) (text, hint string) {
	switch {
	case strings.HasPrefix(err.Error(), "ParseAddr"):
		return fmt.Sprintf("%q is not an address", s), "such as 192.0.2.25 or 2001:db8::25"
	case strings.HasPrefix(err.Error(), "netip.ParsePrefix"):
		return fmt.Sprintf("%q is not a range of addresses", s), "such as 192.0.2.0/24 or 2001:db8::/32"
	}
	return err.Error(), ""
}

// expand replaces ${NAME} by the environment's value. A variable that is not set is an error: an empty password would
// fail later, and further away.
func (d *decoder) expand(s string) (string, error) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "${")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return "", fmt.Errorf("${ without }")
		}
		v, ok := d.env(name)
		if !ok {
			return "", fmt.Errorf("environment variable %s is not set", name)
		}
		b.WriteString(v)
		s = after
	}
}

// A pair is a key and its value in a mapping.
type pair struct{ key, value *yaml.Node }

func pairs(n *yaml.Node) []pair {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	var out []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		value := n.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		out = append(out, pair{n.Content[i], value})
	}
	return out
}

func setScalar(v reflect.Value, s string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", s)
		}
		v.SetInt(int64(i))
	case reflect.Uint16:
		u, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a number from 0 to 65535", s)
		}
		v.SetUint(u)
	default:
		panic("configuration field of unsupported type " + v.Type().String())
	}
	return nil
}

func fieldByKey(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("yaml") == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func keys(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			out = append(out, f.Tag.Get("yaml"))
		}
	}
	return out
}

// suggest returns the nearest known key, or all of them.
func suggest(key string, t reflect.Type) string {
	best, at := 3, ""
	for _, k := range keys(t) {
		if n := distance(key, k); n < best {
			best, at = n, k
		}
	}
	if at != "" {
		return "did you mean " + at + "?"
	}
	return "keys here: " + strings.Join(keys(t), ", ")
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
