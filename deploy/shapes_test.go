package deploy_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// The programs of these configurations are not in Debian, and are not started here. Their files are read as what they are, and
// hold the settings without which lines are lost.
func TestConfigurationsOfOthers(t *testing.T) {
	for _, c := range []struct {
		file string
		want []string // a path, a space, its value
	}{
		{"fluent-bit/fluent-bit.yaml", []string{
			"service.storage.path /var/lib/fluent-bit/storage", "pipeline.inputs.0.db /var/lib/fluent-bit/mailstop.db", "pipeline.inputs.0.storage.type filesystem",
			"pipeline.inputs.0.skip_long_lines off", "pipeline.outputs.0.retry_limit no_limits", "pipeline.outputs.0.rdkafka.request.required.acks -1",
			"pipeline.outputs.0.rdkafka.enable.idempotence true", "pipeline.outputs.0.queue_full_retries 0", "pipeline.outputs.0.topics firewall",
		}},
		{"vector/vector.yaml", []string{
			"data_dir /var/lib/vector", "sources.firewall_files.read_from beginning", "sinks.mailstop_kafka.inputs.0 firewall_files",
			"sinks.mailstop_kafka.acknowledgements.enabled true", "sinks.mailstop_kafka.buffer.when_full block", "sinks.mailstop_kafka.librdkafka_options.request.required.acks -1",
			"sinks.mailstop_kafka.librdkafka_options.enable.idempotence true", "sinks.mailstop_kafka.topic firewall", "sinks.mailstop_kafka.encoding.codec json",
		}},
		{"filebeat/filebeat.yml", []string{
			"filebeat.inputs.0.type filestream", "filebeat.inputs.0.close.on_state_change.renamed false", "filebeat.inputs.0.close.on_state_change.removed false",
			"output.kafka.required_acks -1", "output.kafka.topic firewall", "output.kafka.partition.hash.reachable_only false",
		}},
		{"winlogbeat/winlogbeat.yml", []string{
			"winlogbeat.event_logs.0.name Security", "winlogbeat.event_logs.0.event_id 5152-5159", "output.kafka.required_acks -1", "output.kafka.topic firewall",
		}},
	} {
		t.Run(c.file, func(t *testing.T) {
			text := readFile(t, "shippers/"+c.file)
			for _, text := range []string{text, uncommented(text)} {
				var root any
				if err := yaml.Unmarshal([]byte(text), &root); err != nil {
					t.Fatal(err)
				}
				got := flat(nil, "", root)
				for _, want := range c.want {
					if !slices.Contains(got, want) {
						t.Errorf("lacks %q; has %s", want, strings.Join(got, "; "))
					}
				}
			}
		})
	}
}

// flat returns the values of a document with their paths.
func flat(out []string, path string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		for key, e := range v {
			out = flat(out, strings.TrimPrefix(path+"."+key, "."), e)
		}
		return out
	case []any:
		for i, e := range v {
			out = flat(out, fmt.Sprintf("%s.%d", path, i), e)
		}
		return out
	}
	return append(out, fmt.Sprintf("%s %v", path, v))
}

// uncommented returns a text with the alternatives in it that are set as comments: lines that read as YAML below a comment that
// ends in a colon.
func uncommented(text string) string {
	var b strings.Builder
	setting := regexp.MustCompile(`^( +)# ((?:- | *)[a-z_]+:(?: .*)?)$`)
	for line := range strings.Lines(text) {
		b.WriteString(setting.ReplaceAllString(strings.TrimSuffix(line, "\n"), "$1$2") + "\n")
	}
	return b.String()
}

// NXLog's blocks are closed, and its route names what there is.
func TestNXLog(t *testing.T) {
	var open []string
	names := map[string]bool{}
	route := ""
	for line := range strings.Lines(readFile(t, "shippers/nxlog/nxlog.conf")) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "</"):
			if len(open) == 0 || line != "</"+open[len(open)-1]+">" {
				t.Fatalf("%s closes %q", line, open)
			}
			open = open[:len(open)-1]
		case strings.HasPrefix(line, "<"):
			kind, name, _ := strings.Cut(strings.Trim(line, "<>"), " ")
			open = append(open, kind)
			names[name] = true
		case strings.HasPrefix(line, "Path "):
			route = strings.TrimPrefix(line, "Path ")
		}
	}
	if len(open) > 0 || route == "" {
		t.Errorf("not closed: %q; route %q", open, route)
	}
	for name := range strings.SplitSeq(route, "=>") {
		if !names[strings.TrimSpace(name)] {
			t.Errorf("the route names %q", name)
		}
	}
}

// Messages as these shippers make them with these configurations are read with the right host and time.
func TestMessagesOfOthers(t *testing.T) {
	type sample struct {
		Shipper, Host, Message string
		Time                   time.Time
		DstPort                int `json:"dst_port"`
	}
	seen := map[string]bool{}
	for line := range strings.Lines(readFile(t, "testdata/messages.jsonl")) {
		var s sample
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		seen[s.Shipper] = true
		if e := parsed(t, []string{s.Message})[0]; e.Error != "" || e.Host != s.Host || !e.Time.Equal(s.Time) || e.DstPort != s.DstPort || e.Action != "deny" && e.Action != "drop" {
			t.Errorf("%s: read as %+v\nwant %+v", s.Shipper, e, s)
		}
		if !exists("shippers/" + s.Shipper) {
			t.Errorf("no configuration of %s", s.Shipper)
		}
	}
	if len(seen) != 5 {
		t.Errorf("messages of %v", seen)
	}
}

// What the comments say that Mailstop needs is a good configuration.
func TestWhatMailstopNeeds(t *testing.T) {
	files, err := filepath.Glob("shippers/*/*")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	need := regexp.MustCompile(`(?m)^# Mailstop needs:  (sources: \[\{.*\}\])`)
	for _, file := range files {
		m := need.FindStringSubmatch(readFile(t, file))
		if m == nil {
			t.Errorf("%s does not say what Mailstop needs", file)
			continue
		}
		path := writeFile(t, filepath.Join(t.TempDir(), "mailstop.yaml"), m[1]+"\n")
		if out, err := exec.CommandContext(t.Context(), mailstop(t), "check", "-c", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}

// The configurations in docs/deploy.md are good, and the files that it names are there.
func TestDocumentation(t *testing.T) {
	page := readFile(t, "../docs/deploy.md")
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) == 0 {
		t.Error("no configuration")
	}
	for _, b := range blocks {
		path := writeFile(t, filepath.Join(t.TempDir(), "mailstop.yaml"), b[1])
		if out, err := exec.CommandContext(t.Context(), mailstop(t), "check", "-c", path).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, out, b[1])
		}
	}
	for _, name := range regexp.MustCompile(`deploy/[a-zA-Z./-]+[a-zA-Z]`).FindAllString(page, -1) {
		if !exists(filepath.Join("..", name)) {
			t.Errorf("%s is not there", name)
		}
	}
}
