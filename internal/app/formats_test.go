package app

import (
	"bytes"
	"os"
	"testing"

	"mailstop/event"
	"mailstop/internal/config"
)

// Every format is documented by examples that it reads itself.
func TestFormatsAreDocumented(t *testing.T) {
	for _, k := range Table(config.Default()).Kinds {
		if k.Anchor == "" || k.Doc.Title == "" || len(k.Doc.Accepts) == 0 || len(k.Doc.Examples) == 0 || len(k.Doc.Sources) == 0 {
			t.Errorf("%s: anchor, title, what it accepts, examples and sources are not all there", k.Format)
		}
		for i, e := range ReadExamples(k.Doc.Examples) {
			if e.Error != "" || e.Format != k.Format && e.Note != event.NoteHeader {
				t.Errorf("%s: its example is read as %q, error %q:\n%s", k.Format, e.Format, e.Error, k.Doc.Examples[i])
			}
		}
	}
	table := Table(config.Default())
	for _, l := range table.Layers {
		if l.Doc.Title == "" || len(l.Doc.Accepts) == 0 {
			t.Errorf("layer %s: not documented", l.Name)
		}
	}
	for _, c := range table.Containers {
		if c.Doc.Title == "" || len(c.Doc.Accepts) == 0 {
			t.Errorf("container %s: not documented", c.Name)
		}
	}
}

func TestFormatsPage(t *testing.T) {
	var page bytes.Buffer
	if err := WriteFormatsMarkdown(&page); err != nil {
		t.Fatal(err)
	}
	const path = "../../docs/formats.md"
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, page.Bytes()) {
		t.Error("docs/formats.md is not what the parsers' tables say: run make generate")
	}
}

// Every format of the design is read, and by one kind alone.
func TestEveryFormatHasAKind(t *testing.T) {
	kinds := map[event.Format]int{}
	for _, k := range Table(config.Default()).Kinds {
		kinds[k.Format]++
	}
	for _, f := range event.Formats()[1:] {
		if kinds[f] != 1 {
			t.Errorf("%s: %d kinds", f, kinds[f])
		}
	}
}
