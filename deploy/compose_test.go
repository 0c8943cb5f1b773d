package deploy_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// composition is what the tests look at in compose.yaml.
type composition struct {
	Name     string
	Services map[string]struct {
		Image      string
		Restart    string
		Build      *struct{ Context, Dockerfile string }
		Depends    map[string]struct{ Condition string } `yaml:"depends_on"`
		Env        map[string]string                     `yaml:"environment"`
		Ports      []string
		Volumes    []string
		Networks   []string
		Secrets    []string
		Command    []string
		Tmpfs      []string
		ReadOnly   bool     `yaml:"read_only"`
		CapDrop    []string `yaml:"cap_drop"`
		Security   []string `yaml:"security_opt"`
		Grace      string   `yaml:"stop_grace_period"`
		MemLimit   string   `yaml:"mem_limit"`
		PidsLimit  int      `yaml:"pids_limit"`
		Ulimits    map[string]struct{ Soft, Hard int }
		Extensions map[string]any `yaml:",inline"`
		Health     *struct {
			Test              []string
			Interval, Timeout string
			StartPeriod       string `yaml:"start_period"`
			Retries           int
		} `yaml:"healthcheck"`
	}
	Volumes  map[string]any
	Networks map[string]any
	Secrets  map[string]struct{ File string }
}

func readComposition(t *testing.T) composition {
	t.Helper()
	var c composition
	in := yaml.NewDecoder(strings.NewReader(readFile(t, "compose/compose.yaml")))
	in.KnownFields(true) // a key that is misspelt would otherwise be left out
	if err := in.Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// What a service names is there, what it waits for can be waited for, and nothing is open but to this machine.
func TestCompose(t *testing.T) {
	c := readComposition(t)
	if len(c.Services) != 4 {
		t.Errorf("%d services", len(c.Services))
	}
	for name, s := range c.Services {
		if len(s.Extensions) > 0 {
			t.Errorf("%s: unknown keys %v", name, s.Extensions)
		}
		if s.Build == nil && !regexp.MustCompile(`^[a-z/-]+:\d+\.\d+(\.\d+)*$`).MatchString(s.Image) {
			t.Errorf("%s: %s is not pinned", name, s.Image)
		}
		if s.Build != nil && (!exists(filepath.Join("compose", s.Build.Context, s.Build.Dockerfile)) || !exists(filepath.Join("compose", s.Build.Context, "go.mod"))) {
			t.Errorf("%s: nothing to build at %+v", name, *s.Build)
		}
		for other, d := range s.Depends {
			o, ok := c.Services[other]
			if !ok || d.Condition == "service_healthy" && o.Health == nil || d.Condition == "service_completed_successfully" && o.Restart != "on-failure" {
				t.Errorf("%s waits for %s to be %q", name, other, d.Condition)
			}
		}
		for _, p := range s.Ports {
			if host, _, err := net.SplitHostPort(p[:strings.LastIndexByte(p, ':')]); err != nil || host != "127.0.0.1" {
				t.Errorf("%s: port %s is open to others (%v)", name, p, err)
			}
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, named := c.Volumes[from]; !named && (!strings.HasPrefix(from, "./") || !exists(filepath.Join("compose", from))) {
				t.Errorf("%s: no volume %s", name, from)
			}
		}
		for _, n := range s.Networks {
			if _, ok := c.Networks[n]; !ok {
				t.Errorf("%s: no network %s", name, n)
			}
		}
		for _, secret := range s.Secrets {
			if c.Secrets[secret].File == "" {
				t.Errorf("%s: no secret %s", name, secret)
			}
		}
		for key, value := range s.Env {
			if strings.Contains(key, "PASSWORD") && !strings.HasPrefix(value, "/run/secrets/") {
				t.Errorf("%s: %s is not given by file", name, key)
			}
		}
	}
	if m := c.Services["mailstop"]; !m.ReadOnly || strings.Join(m.CapDrop, "") != "ALL" || len(m.Security) == 0 {
		t.Errorf("mailstop may do more than it needs: %+v", m)
	}
}

// The configuration beside it is good, and what it names is what the services have.
func TestComposeConfiguration(t *testing.T) {
	dir := t.TempDir()
	if err := exec.CommandContext(t.Context(), "cp", "compose/secrets.sh", dir).Run(); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "secrets.sh")).CombinedOutput(); err != nil {
		t.Fatalf("secrets.sh: %v\n%s", err, out)
	}
	c := readComposition(t)
	for name, s := range c.Secrets {
		if !exists(filepath.Join(dir, s.File)) {
			t.Errorf("secrets.sh makes no %s", name)
		}
	}
	password, dsn := readFile(t, filepath.Join(dir, "secrets/clickhouse_password")), readFile(t, filepath.Join(dir, "secrets/clickhouse_dsn"))
	if len(password) != 48 || dsn != "clickhouse://mailstop:"+password+"@clickhouse:9000/mailstop\n" {
		t.Errorf("password %q, address %q", password, dsn)
	}
	if err := exec.CommandContext(t.Context(), filepath.Join(dir, "secrets.sh")).Run(); err != nil || readFile(t, filepath.Join(dir, "secrets/clickhouse_dsn")) != dsn {
		t.Errorf("secrets.sh made new ones (%v)", err)
	}

	text := shipped(t, "compose/mailstop.yaml", "/run/secrets/", filepath.Join(dir, "secrets")+"/")
	out, err := exec.CommandContext(t.Context(), mailstop(t), "check", "-c", writeFile(t, filepath.Join(dir, "mailstop.yaml"), text)).CombinedOutput()
	if err != nil {
		t.Errorf("mailstop check: %v\n%s", err, out)
	}
	kafka := c.Services["kafka"].Env["KAFKA_ADVERTISED_LISTENERS"]
	if broker := regexp.MustCompile(`brokers: \["([^"]+)"\]`).FindStringSubmatch(text); broker == nil || !strings.Contains(kafka, "INSIDE://"+broker[1]+",") {
		t.Errorf("brokers %q, Kafka tells %s", broker, kafka)
	}
	if topics := regexp.MustCompile(`topics: \[(\w+)\]`).FindStringSubmatch(text); topics == nil || !strings.Contains(strings.Join(c.Services["topic"].Command, " "), "--topic "+topics[1]+" ") {
		t.Errorf("topics %q", topics)
	}
	for _, port := range []string{"9310", "5514"} {
		if !strings.Contains(text, `"0.0.0.0:`+port+`"`) || !strings.Contains(strings.Join(c.Services["mailstop"].Ports, " "), "127.0.0.1:"+port+":"+port) {
			t.Errorf("port %s is not the same in both", port)
		}
	}
}
