package daemon

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// A metric is one family; docs/metrics.md is made of these.
type metric struct {
	name   string
	kind   prometheus.ValueType
	labels []string
	help   string
}

const prefix = "mailstop_"

func counter(name, help string, labels ...string) *metric {
	return &metric{prefix + name, prometheus.CounterValue, labels, help}
}

func gauge(name, help string, labels ...string) *metric {
	return &metric{prefix + name, prometheus.GaugeValue, labels, help}
}

var (
	linesTotal       = counter("lines_total", "Lines read.", "source")
	entriesTotal     = counter("entries_total", "Lines that tell of a packet, a connection or a delivery.", "source")
	unparsedTotal    = counter("unparsed_lines_total", "Lines that could not be read; they are kept with the reason.", "source")
	bytesTotal       = counter("bytes_total", "Bytes of lines read.", "source")
	lagBytes         = gauge("source_lag_bytes", "Bytes that are there and not read yet.", "source", "part")
	lagMessages      = gauge("source_lag_messages", "Messages that are there and not read yet.", "source", "part")
	lagSeconds       = gauge("source_lag_seconds", "Age of the oldest of what is not read yet; 0 if nothing is.", "source", "part")
	droppedTotal     = counter("source_dropped_total", "Messages lost for good, such as datagrams that the kernel had no room for.", "source")
	sourceProblem    = gauge("source_problem", "1 if nothing comes from the source, or from a part of it, for a reason that the log tells.", "source")
	batchesTotal     = counter("batches_total", "Batches read and acknowledged.")
	extentsTotal     = counter("extents_stored_total", "Extents stored; what the store already had is not counted.")
	retriesTotal     = counter("store_retries_total", "Times that the store refused something for the time being.")
	deadLettersTotal = counter("dead_letters_total", "Lines that the store refused for good; they are in the dead-letter file.")
	findingsTotal    = counter("findings_total", "Changes of findings: opened, worse, better, resolved.", "kind", "severity")
	findingsOpen     = gauge("findings_open", "Findings that are open.", "kind")
	detectorBytes    = gauge("detector_state_bytes", "Memory of the detectors' state, as written with the last checkpoint.")
	checkpointAge    = gauge("checkpoint_age_seconds", "Time since the last checkpoint was written; absent before the first.")
	checkpointErrors = counter("checkpoint_errors_total", "Checkpoints that could not be written.")
	storeUp          = gauge("store_up", "1 if the store took what it was sent last; absent without a store.")
	buildInfo        = gauge("build_info", "Always 1.", "version", "commit", "goversion")
)

// metrics has all of them, in the order of the documentation.
var metrics = []*metric{
	linesTotal, entriesTotal, unparsedTotal, bytesTotal, lagBytes, lagMessages, lagSeconds, droppedTotal, sourceProblem,
	batchesTotal, extentsTotal, retriesTotal, deadLettersTotal, findingsTotal, findingsOpen, detectorBytes,
	checkpointAge, checkpointErrors, storeUp, buildInfo,
}

// NewRegistry returns a registry with the daemon's metrics and those of the Go runtime and the process. snapshot is called
// for each scrape.
func NewRegistry(snapshot func() Snapshot, b Build) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newCollector(snapshot, b))
	return r
}

// A collector turns snapshots into metrics. What it needs of earlier snapshots is which names have labels of their own.
type collector struct {
	snapshot func() Snapshot
	build    Build
	descs    map[*metric]*prometheus.Desc

	mu      sync.Mutex // scrapes may overlap
	sources bounded
	parts   bounded
	rest    Source            // the sum of the sources without labels of their own
	last    map[string]Source // what each of those had
}

func newCollector(snapshot func() Snapshot, b Build) *collector {
	c := &collector{snapshot: snapshot, build: b, descs: make(map[*metric]*prometheus.Desc), last: make(map[string]Source)}
	for _, m := range metrics {
		c.descs[m] = prometheus.NewDesc(m.name, m.help, m.labels, nil)
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range metrics {
		out <- c.descs[m]
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.snapshot()
	put := func(m *metric, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(c.descs[m], m.kind, v, labels...)
	}
	c.mu.Lock()
	sources, parts := c.bySource(s.Sources), c.byPart(s.Sources)
	c.mu.Unlock()
	for _, s := range sources {
		put(linesTotal, float64(s.Lines), s.Name)
		put(entriesTotal, float64(s.Entries), s.Name)
		put(unparsedTotal, float64(s.Unparsed), s.Name)
		put(bytesTotal, float64(s.Bytes), s.Name)
		put(droppedTotal, float64(s.Dropped), s.Name)
		put(sourceProblem, truth(s.Problem), s.Name)
	}
	now := time.Now()
	for _, p := range parts {
		if p.hasBytes {
			put(lagBytes, float64(p.bytes), p.source, p.part)
		}
		if p.hasMessages {
			put(lagMessages, float64(p.messages), p.source, p.part)
		}
		put(lagSeconds, since(now, p.behind), p.source, p.part)
	}
	put(batchesTotal, float64(s.Batches))
	put(extentsTotal, float64(s.Extents))
	put(retriesTotal, float64(s.StoreRetries))
	put(deadLettersTotal, float64(s.DeadLetters))
	findings(s, put)
	put(detectorBytes, float64(s.DetectorBytes))
	if !s.Checkpoint.IsZero() {
		put(checkpointAge, since(now, s.Checkpoint))
	}
	put(checkpointErrors, float64(s.CheckpointErrors))
	if s.HasStore {
		put(storeUp, truth(s.StoreUp))
	}
	put(buildInfo, 1, label(c.build.Version), label(c.build.Commit), label(c.build.Go))
}

// findings adds up what has the same labels: a family with two equal ones would make the whole scrape fail.
func findings(s Snapshot, put func(m *metric, v float64, labels ...string)) {
	changes := make(map[[2]string]uint64)
	for _, f := range s.Changes {
		changes[[2]string{label(f.Kind), label(f.Severity)}] += f.Count
	}
	for k, n := range changes {
		put(findingsTotal, float64(n), k[0], k[1])
	}
	open := make(map[string]int)
	for _, f := range s.Open {
		open[label(f.Kind)] += f.Count
	}
	for k, n := range open {
		put(findingsOpen, float64(n), k)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// since returns the seconds from t to now; 0 if t is zero or, by a clock that is wrong, ahead.
func since(now, t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(now.Sub(t), 0).Seconds()
}

// maxLabel is the longest value of a label, in bytes.
const maxLabel = 200

// label makes a valid value of a label: paths and topics may be no UTF-8, and long.
func label(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) > maxLabel {
		s = strings.ToValidUTF8(s[:maxLabel-len("…")], "") + "…"
	}
	return s
}
