package app

import (
	"mailstop/detect"
	"mailstop/detect/blanket"
	"mailstop/detect/mailin"
	"mailstop/detect/mailout"
	"mailstop/detect/mailreturn"
	"mailstop/event"
	"mailstop/internal/config"
	"mailstop/internal/nftext"
	"mailstop/parse"
	"mailstop/parse/awsvpc"
	"mailstop/parse/azureflow"
	"mailstop/parse/cef"
	"mailstop/parse/ciscoasa"
	"mailstop/parse/ebtables"
	"mailstop/parse/ecs"
	"mailstop/parse/envelope"
	"mailstop/parse/eventxml"
	"mailstop/parse/evtx"
	"mailstop/parse/exchange"
	"mailstop/parse/exim"
	"mailstop/parse/filterlog"
	"mailstop/parse/fortigate"
	"mailstop/parse/gcpfirewall"
	"mailstop/parse/mikrotik"
	"mailstop/parse/netfilter"
	"mailstop/parse/opensmtpd"
	"mailstop/parse/panos"
	"mailstop/parse/pfirewall"
	"mailstop/parse/pflog"
	"mailstop/parse/pftext"
	"mailstop/parse/postfix"
	"mailstop/parse/proxmox"
	"mailstop/parse/sendmail"
	"mailstop/parse/syslog"
	"mailstop/parse/ulogd"
	"mailstop/parse/utf16text"
	"mailstop/parse/wfp"
)

// Table returns every layer and format, in the order in which they are tried. Adding a format is a folder and a line
// here.
func Table(cfg config.Config) parse.Table {
	prefixes := rules(cfg.Prefixes)
	return parse.Table{
		Containers: []parse.Container{evtx.Container(), utf16text.Container(), wfp.TextContainer(), eventxml.Container(), azureflow.Container(), envelope.Documents(), envelope.JournalExport(), pflog.Container(), pftext.Container()},
		Layers:     []parse.Layer{envelope.Layer(), syslog.Layer()},
		Kinds: []parse.Kind{
			netfilter.Kind(prefixes),
			ulogd.Kind(prefixes),
			proxmox.Kind(prefixes),
			mikrotik.Kind(prefixes),
			ebtables.Kind(prefixes),
			filterlog.Kind(),
			pftext.Kind(),
			pflog.Kind(),
			pfirewall.Kind(),
			wfp.Kind(),
			awsvpc.Kind(),
			ciscoasa.Kind(),
			fortigate.Kind(),
			panos.Kind(),
			azureflow.Kind(),
			gcpfirewall.Kind(),
			cef.Kind(),
			ecs.Kind(),
			exim.Kind(),
			sendmail.Kind(),
			exchange.Kind(),
			opensmtpd.Kind(),
			postfix.Kind(),
		},
	}
}

// Formats returns the words of the formats that this version reads.
func Formats() []string {
	var out []string
	for _, k := range Table(config.Default()).Kinds {
		out = append(out, k.Format.String())
	}
	return out
}

// FindingKinds returns the words of the findings that this version makes.
func FindingKinds() []string {
	return []string{detect.BlanketDeny, detect.MailInBlocked, detect.MailOutBlocked, detect.MailReturnDropped, detect.SourceSilent}
}

// rules turns the configuration's prefix table, which is already validated, into the parser's.
func rules(prefixes []config.Prefix) []nftext.Rule {
	var out []nftext.Rule
	for _, p := range prefixes {
		action, _ := event.ParseAction(p.Action)
		direction, _ := event.ParseDirection(p.Direction)
		out = append(out, nftext.Rule{Match: p.Match, Action: action, Direction: direction, Rule: p.Rule})
	}
	return out
}

// Site returns whose addresses are ours and which ports are mail.
func Site(cfg config.Config) detect.Site {
	return detect.Site{Ports: cfg.Mail.Ports, Servers: cfg.Mail.Servers, Networks: cfg.Mail.Networks}
}

// Group returns the function that makes the detectors of a shard. Adding a detector is a folder and a line here.
func Group(site detect.Site) func(shard uint8, count bool) *detect.Group {
	return func(shard uint8, count bool) *detect.Group {
		return detect.NewGroup(shard, []detect.Detector{
			blanket.New(site),
			mailout.New(site),
			mailreturn.New(site),
			mailin.New(site),
		}, site, count)
	}
}
