package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"mailstop/event"
	"mailstop/ingest"
	"mailstop/ingest/file"
	"mailstop/ingest/journald"
	"mailstop/ingest/kafka"
	"mailstop/ingest/syslog"
	"mailstop/internal/config"
	"mailstop/internal/extent"
)

// sources are the live sources by name. A name is made of what the source reads, so that it is the same after a restart.
type sources map[string]ingest.Live

// runners returns those that work beside being read.
func (s sources) runners() map[string]ingest.Runner {
	out := map[string]ingest.Runner{}
	for name, src := range s {
		if r, ok := src.(ingest.Runner); ok {
			out[name] = r
		}
	}
	return out
}

// sourceName is how a configured source is called in messages, metrics and the checkpoint.
func sourceName(s config.Source) string {
	switch {
	case s.Kafka != nil:
		return "kafka:" + strings.Join(s.Kafka.Topics, ",")
	case s.Syslog != nil:
		return "syslog:" + strings.Join(addresses(s.Syslog), ",")
	case s.Journald != nil:
		what := append(append([]string{}, s.Journald.Units...), s.Journald.Matches...)
		if s.Journald.Directory != "" {
			what = append(what, s.Journald.Directory)
		}
		return "journald:" + strings.Join(what, ",")
	}
	return strings.Join(s.File.Paths, ",")
}

// addresses are where a syslog source listens.
func addresses(c *config.Syslog) []string {
	var out []string
	for _, a := range []struct{ kind, at string }{{"udp", c.UDP}, {"tcp", c.TCP}, {"tls", c.TLS.Listen}, {"unix", c.Unix}, {"unix-stream", c.UnixStream}} {
		if a.at != "" {
			out = append(out, a.kind+"="+a.at)
		}
	}
	if c.Stdin {
		out = append(out, "stdin")
	}
	return out
}

// messages reports whether what a source lags behind is counted in messages, not in bytes.
func messages(name string) bool { return strings.HasPrefix(name, "kafka:") }

// openSources makes the configured sources. None does anything yet.
func (g *generation) openSources() (sources, error) {
	var ledger extent.Ledger
	if g.store != nil {
		ledger = g.after
	}
	out := sources{}
	var errs []error
	for i, c := range g.config.Sources {
		name := sourceName(c)
		src, err := g.openSource(c, name, ledger)
		if err != nil {
			errs = append(errs, fmt.Errorf("sources[%d], %s: %w", i, name, err))
			continue
		}
		if out[name] != nil {
			errs = append(errs, fmt.Errorf("sources[%d], %s: there is another one that reads the same", i, name))
		}
		out[name] = src
	}
	return out, errors.Join(errs...)
}

// after asks the store for extents, and notes whether it answers: while it does not, sources give nothing that it could
// refuse.
func (g *generation) after(ctx context.Context, parent string) ([]event.Extent, error) {
	out, err := g.store.After(ctx, parent)
	switch {
	case err == nil:
		if g.status.answered(nil) {
			g.voice.Over("ledger")
			g.silence.retried(nil, time.Now())
		}
	case ctx.Err() == nil:
		g.status.answered(err)
		g.voice.Problem("ledger", "the store does not answer; reading waits", err)
		g.silence.retried(err, time.Now())
	}
	return out, err
}

func (g *generation) openSource(c config.Source, name string, ledger extent.Ledger) (ingest.Live, error) {
	log := slog.Default()
	switch {
	case c.File != nil:
		o := file.Default()
		o.Paths, o.Host, o.Format, o.Zone, o.Poll = c.File.Paths, c.File.Host, format(c.File.Format), c.File.Timezone.Location, c.File.Poll
		o.Start = file.Start(c.File.Start)
		o.Ledger, o.Checkpoint, o.Log = ledger, g.streams.Checkpoint, log
		return file.New(o)
	case c.Kafka != nil:
		return g.openKafka(c.Kafka, ledger, log)
	case c.Syslog != nil:
		return g.openSyslog(c.Syslog, name, ledger, log)
	case c.Journald != nil:
		o := journald.Default()
		o.Matches, o.Units, o.Directory, o.Host = c.Journald.Matches, c.Journald.Units, c.Journald.Directory, c.Journald.Host
		o.Start = c.Journald.Start
		o.Ledger, o.Checkpoint, o.Log = ledger, g.streams.Checkpoint, log
		return journald.New(o)
	}
	return nil, errors.New("no kind of source")
}

func (g *generation) openKafka(c *config.Kafka, ledger extent.Ledger, log *slog.Logger) (ingest.Live, error) {
	o := kafka.Default()
	o.Brokers, o.Topics, o.Group, o.ClientID, o.Start, o.OutOfRange = c.Brokers, c.Topics, c.Group, c.ClientID, c.Start, c.OutOfRange
	if c.TLS.On() {
		o.TLS = kafka.TLS{
			Enabled: true, CA: c.TLS.CAFile, Cert: c.TLS.CertFile, Key: c.TLS.KeyFile, ServerName: c.TLS.ServerName,
			Insecure: c.TLS.InsecureSkipVerify,
		}
	}
	if c.SASL.On() {
		o.SASL = kafka.SASL{Mechanism: c.SASL.Mechanism, User: c.SASL.Username, Password: c.SASL.Password.Reveal()}
	}
	o.Host, o.Format, o.Zone = c.Host, format(c.Format), c.Timezone.Location
	o.Ledger, o.Checkpoint, o.Log = ledger, g.streams.Checkpoint, log
	return kafka.New(o)
}

func (g *generation) openSyslog(c *config.Syslog, name string, ledger extent.Ledger, log *slog.Logger) (ingest.Live, error) {
	o := syslog.Default()
	o.UDP, o.TCP, o.Unix, o.UnixStream = c.UDP, c.TCP, c.Unix, c.UnixStream
	o.TLS = syslog.TLS{Listen: c.TLS.Listen, Cert: c.TLS.CertFile, Key: c.TLS.KeyFile, ClientCA: c.TLS.ClientCAFile}
	if c.Stdin {
		o.Stdin = g.options.Stdin
	}
	o.Name, o.Host, o.Format, o.Zone = name, c.Host, format(c.Format), c.Timezone.Location
	o.MaxConnections, o.SpoolLimit = c.MaxConnections, int64(c.SpoolLimit)
	o.SpoolDir = filepath.Join(g.config.StateDir, "spool", folderName(name))
	o.Ledger, o.Checkpoint, o.Log = ledger, g.streams.Checkpoint, log
	return syslog.New(o)
}

// folderName makes a name of a folder of a source's name.
func folderName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, name)
}

// format returns the format of a configured word, which is valid; auto and nothing are FormatUnknown.
func format(word string) event.Format {
	f, _ := event.ParseFormat(word)
	return f
}

// silentAfter is the limit and the host that the configuration gives a source; never reports that it is not watched.
func silentAfter(s config.Source) (limit time.Duration, host string, never bool) {
	var after config.Silence
	switch {
	case s.Kafka != nil:
		after, host = s.Kafka.SilentAfter, s.Kafka.Host
	case s.Syslog != nil:
		after, host = s.Syslog.SilentAfter, s.Syslog.Host
	case s.Journald != nil:
		after, host = s.Journald.SilentAfter, s.Journald.Host
	default:
		after, host = s.File.SilentAfter, s.File.Host
	}
	return time.Duration(after), host, after == config.Never
}
