package main

import (
	"io"
	"log/slog"
	"os"
	"time"

	"mailstop/internal/app"
	"mailstop/internal/term"
)

// show prints a report as text or json.
func show(out io.Writer, r *app.Report, format string) error {
	if format == "json" {
		return r.JSON(out)
	}
	return r.Text(out, textOptions(out))
}

// textOptions fits text to where it goes: colours and the full width only on a terminal.
func textOptions(out io.Writer) app.TextOptions {
	f, ok := out.(*os.File)
	if !ok {
		return app.TextOptions{}
	}
	return app.TextOptions{Color: term.Colored(f, term.Auto), Width: term.Width(f)}
}

// startProgress draws a progress line on stderr while a replay runs, if that is a terminal. Messages go above it.
func startProgress(m app.Meter) (stop func()) {
	if !term.IsTerminal(os.Stderr) {
		return func() {}
	}
	line := term.NewProgress(os.Stderr)
	before := slog.Default()
	if _, text := before.Handler().(*textHandler); text {
		slog.SetDefault(slog.New(newTextHandler(line.Writer())))
	}
	stopLine := line.Start()
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			read, total, file := m.Progress()
			line.Update(term.Mark{File: file, Read: read, Total: total, Lines: m.Lines()})
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		stopLine()
		slog.SetDefault(before)
	}
}
