package deploy_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailstop/internal/golden"
)

// exposure is the highest rating of the unit that is accepted, in tenths; systemd's scale ends at 10.
const exposure = "15"

// systemd understands every line of the unit, and finds that it exposes little.
func TestUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		golden.Skip(t, "systemd-analyze is missing (Debian, Ubuntu: apt-get install systemd)")
	}
	unit := strings.ReplaceAll(readFile(t, "systemd/mailstop.service"), "/usr/bin/mailstop", mailstop(t))
	path := writeFile(t, filepath.Join(t.TempDir(), "mailstop.service"), unit)
	if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", path).CombinedOutput(); err != nil || strings.Contains(string(out), "mailstop.service") {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold="+exposure, path).CombinedOutput()
	if err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
	if !regexp.MustCompile(`Overall exposure level for mailstop\.service: \d`).Match(out) {
		t.Errorf("no rating: %s", out)
	}
}

// A line that systemd does not know is found: it would otherwise be ignored when the service starts.
func TestUnitIsReallyVerified(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		golden.Skip(t, "systemd-analyze is missing (Debian, Ubuntu: apt-get install systemd)")
	}
	unit := strings.Replace(readFile(t, "systemd/mailstop.service"), "ProtectSystem=", "ProtectSystm=", 1)
	path := writeFile(t, filepath.Join(t.TempDir(), "mailstop.service"), strings.ReplaceAll(unit, "/usr/bin/mailstop", mailstop(t)))
	if out, _ := exec.CommandContext(t.Context(), "systemd-analyze", "verify", path).CombinedOutput(); !strings.Contains(string(out), "ProtectSystm") {
		t.Errorf("not found: %s", out)
	}
	if err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=1", path).Run(); err == nil {
		t.Error("the threshold does not hold")
	}
}

// The user that the unit names is the one that sysusers.d makes.
func TestUser(t *testing.T) {
	user := regexp.MustCompile(`(?m)^User=(\w+)$`).FindStringSubmatch(readFile(t, "systemd/mailstop.service"))
	made := regexp.MustCompile(`(?m)^u (\w+) - "[^"]+" /var/lib/mailstop$`).FindStringSubmatch(readFile(t, "systemd/mailstop.sysusers"))
	if user == nil || made == nil || user[1] != made[1] {
		t.Errorf("unit: %q, sysusers.d: %q", user, made)
	}
	root := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "systemd-sysusers", "--root="+root, "--dry-run", mustAbs(t, "systemd/mailstop.sysusers")).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-sysusers: %v\n%s", err, out)
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
