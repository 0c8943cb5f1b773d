// Command record writes the sample logs of testdata/sample: it lets real firewalls drop and log real packets in a
// laboratory, and lays what the kernel wrote out over two days. It needs root and the packages nftables, iptables and
// ufw. The text of each line is the kernel's; the header in front of it, time included, is written here.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// The first day of the story; the second is the day on which mail breaks.
var firstDay = time.Date(2026, time.January, 4, 0, 0, 0, 0, time.UTC)

func main() {
	out := flag.String("o", "testdata/sample", "folder to write to")
	flag.Parse()
	if err := record(*out); err != nil {
		slog.Error("recording", "error", err)
		os.Exit(1)
	}
}

func record(dir string) error {
	web, err := recordWeb()
	if err != nil {
		return fmt.Errorf("web-1: %w", err)
	}
	mx, err := recordMX()
	if err != nil {
		return fmt.Errorf("mx-1: %w", err)
	}
	midnight := firstDay.AddDate(0, 0, 1)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	yesterday, today := web.split(midnight)
	rotated, err := compress(yesterday.render(), midnight.Add(7*time.Second))
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"web-1.ufw.log.1.gz": rotated,
		"web-1.ufw.log":      damage(today.render()),
		"mx-1.kern.log":      mx.render(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compress makes what logrotate's gzip makes: the time stamp in its header is when the file was last written to.
func compress(data []byte, last time.Time) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w.Name, w.ModTime = "ufw.log.1", last
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// damage adds what real files hold besides firewall lines: a message of another part of the kernel, the NUL bytes that
// a power cut leaves, and a line whose end was lost.
func damage(log []byte) []byte {
	lines := bytes.SplitAfter(log, []byte("\n"))
	third := len(lines) / 3
	usb := bytes.Clone(lines[third])
	usb = append(usb[:bytes.Index(usb, []byte("] "))+2], "usb 1-1: new high-speed USB device number 4 using xhci_hcd\n"...)
	half := bytes.Clone(lines[2*third][:140])
	half = append(half, '\n')
	out := bytes.Join(lines[:third], nil)
	out = append(out, usb...)
	out = append(out, bytes.Join(lines[third:2*third], nil)...)
	out = append(out, half...)
	out = append(out, append(make([]byte, 48), '\n')...)
	return append(out, bytes.Join(lines[2*third+1:], nil)...)
}
