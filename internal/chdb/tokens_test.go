package chdb

import (
	"os"
	"path/filepath"
	"testing"
)

// Killed after it noted an insert's token and before the insert's part counted, the engine must take the insert when it
// comes again; and none of those that it did finish, merged or not.
func TestTokenOfALostInsert(t *testing.T) {
	dir := t.TempDir()
	insert := func(db *DB, token, month string) {
		t.Helper()
		err := db.Exec(t.Context(), "INSERT INTO d.t SETTINGS insert_deduplicate = 1, insert_deduplication_token = '"+token+
			"' SELECT toDate('2026-"+month+"-01'), '"+token+"'")
		if err != nil {
			t.Fatal(err)
		}
	}
	count := func(db *DB) (n string) {
		t.Helper()
		err := db.Query(t.Context(), "SELECT arrayStringConcat(arraySort(groupArray(token)), ' ') FROM d.t", "TSVRaw", func(b []byte) error {
			n += string(b)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	all := func(db *DB) {
		t.Helper()
		for _, token := range []string{"a", "b", "c", "e"} {
			insert(db, token, "10")
		}
		insert(db, "d", "11")
	}

	t.Run("begin", func(t *testing.T) {
		db := open(t, dir)
		if err := db.Exec(t.Context(), "CREATE TABLE d.t (day Date, token String) ENGINE = MergeTree ORDER BY day"+
			" PARTITION BY toYYYYMM(day) SETTINGS non_replicated_deduplication_window = 100, old_parts_lifetime = 0"); err != nil {
			t.Fatal(err)
		}
		insert(db, "a", "10")
		insert(db, "b", "10")
		if err := db.Exec(t.Context(), "OPTIMIZE TABLE d.t FINAL"); err != nil {
			t.Fatal(err)
		}
		insert(db, "c", "10")
		insert(db, "d", "11")
		insert(db, "e", "10")
	})
	for _, name := range []string{"202611_4_4_0", "202610_5_5_0"} {
		parts, err := filepath.Glob(filepath.Join(dir, "store", "*", "*", name))
		if err != nil || len(parts) != 1 {
			t.Fatal(parts, err)
		}
		// As a kill leaves it: the part has not got its name yet.
		if err := os.Rename(parts[0], filepath.Join(filepath.Dir(parts[0]), "tmp_insert_"+name)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // and what has come again counts from then on
		t.Run("again", func(t *testing.T) {
			db := open(t, dir)
			all(db)
			if got := count(db); got != "a b c d e\n" {
				t.Errorf("got %s", got)
			}
		})
	}
}
