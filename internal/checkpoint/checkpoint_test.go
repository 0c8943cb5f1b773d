package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func sample(n int) Checkpoint {
	return Checkpoint{
		Time: time.Date(2026, 1, 5, 10, 0, n, 0, time.UTC), Version: "1.2.3",
		Positions: map[string]json.RawMessage{"file": json.RawMessage(`{"a":1}`), "kafka": json.RawMessage(`[2]`)},
		States:    map[string][]byte{"engine": bytes.Repeat([]byte{1, 0}, 1000), "silent": {}, "x": []byte("y")},
	}
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	if c, err := Load(path); c != nil || err != nil {
		t.Fatalf("nothing there: %v, %v", c, err)
	}
	for n := range 3 {
		if err := Save(path, sample(n)); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		if err != nil || !reflect.DeepEqual(*c, sample(n)) {
			t.Fatalf("loaded %+v, %v", c, err)
		}
	}
	files, _ := os.ReadDir(filepath.Dir(path))
	if len(files) != 2 {
		t.Errorf("files left: %v", files)
	}
}

// Whatever byte of the file is lost or changed, the one before it is taken, and the loss is said.
func TestDamagedIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	for n := range 2 {
		if err := Save(path, sample(n)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 0x55
		for _, b := range [][]byte{b, whole[:i]} {
			put(b)
			if c, err := Load(path); !errors.Is(err, ErrDamaged) || c == nil || c.Time.Second() != 0 {
				t.Fatalf("byte %d of %d: %+v, %v", i, len(whole), c, err)
			}
		}
	}
	// Killed between the two renames.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(path); err != nil || c == nil {
		t.Errorf("the one before: %v, %v", c, err)
	}
	// Both damaged.
	put([]byte("x"))
	if err := os.WriteFile(previous(path), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(path); c != nil || !errors.Is(err, ErrDamaged) {
		t.Errorf("both damaged: %v, %v", c, err)
	}
	if to, err := SetAside(path, time.Unix(0, 0)); err != nil || filepath.Base(to) != "checkpoint.damaged-19700101T000000" {
		t.Error(to, err)
	}
}

func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	if err := Save(filepath.Join(dir, "none", "checkpoint"), sample(0)); err == nil {
		t.Error("written into a folder that is not there")
	}
	path := filepath.Join(dir, "checkpoint")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Save(path, sample(0)); err != nil {
		t.Errorf("a folder in its place is moved away: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	b, err := encode(sample(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = decode(b) })
}
