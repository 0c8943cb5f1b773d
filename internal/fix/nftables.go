package fix

import (
	"strings"

	"mailstop/event"
)

// nftFind prints family, table, chain and handle of each rule whose log prefix is $P, blanks at its ends aside. The
// line of a log tells neither the table nor the chain: the prefix leads to them.
const nftFind = `awk '/^table /{f=$2;t=$3} /^[ \t]+chain /{c=$2} ` +
	`{i=index($0,"log prefix \"");if(!i)next;s=substr($0,i+12);sub(/^ +/,"",s);` +
	`if(index(s,ENVIRON["P"])==1&&substr(s,length(ENVIRON["P"])+1)~/^[ :]*"/)` +
	`{h=$0;sub(/.*# handle /,"",h);print f,t,c,h}}'`

// nftOwn prints family, table, chain and handle of each rule whose comment is $C.
const nftOwn = `awk '/^table /{f=$2;t=$3} /^[ \t]+chain /{c=$2} ` +
	`index($0,"comment \"" ENVIRON["C"] "\""){h=$0;sub(/.*# handle /,"",h);print f,t,c,h}'`

// appendNFTables adds a fix that inserts an accepting rule before the one that logs, unless that one has no prefix by
// which to find it, or one that cannot be typed.
func (w *What) appendNFTables(out []event.Fix) []event.Fix {
	prefix := strings.TrimRight(strings.TrimLeft(w.Rule, " "), " :")
	if prefix == "" || !printable(prefix) || strings.ContainsAny(prefix, `"\`) {
		return out
	}
	comment := "mailstop: " + w.title()
	return append(out, event.Fix{
		Platform: string(NFTables),
		Command: "sudo nft -a list ruleset | P=" + Quote(prefix) + " " + nftFind +
			` | while read -r f t c h; do sudo nft insert rule "$f" "$t" "$c" handle "$h" ` + w.nftMatch() +
			" accept comment " + Quote(`"`+comment+`"`) + "; done",
		Undo: "sudo nft -a list ruleset | C=" + Quote(comment) + " " + nftOwn +
			` | while read -r f t c h; do sudo nft delete rule "$f" "$t" "$c" handle "$h"; done`,
		Note: sentences("If your rules are kept by nftables and nft does not say that the table belongs to iptables-nft. The rule "+
			"goes before the one that logs "+Quote(prefix)+". Lost at the next start unless saved: sudo sh -c "+
			"'nft list ruleset > /etc/nftables.conf', with \"flush ruleset\" as that file's first line.", w.where()),
	})
}

func (w *What) nftMatch() string {
	if w.Return {
		return "ct state established,related"
	}
	s := ""
	if w.Client.IsValid() {
		s += nftFamily(w.Client.Is6()) + " saddr " + w.Client.String() + " "
	}
	if w.Server.IsValid() {
		s += nftFamily(w.Server.Is6()) + " daddr " + w.Server.String() + " "
	}
	return s + w.proto() + " dport " + w.port()
}

func nftFamily(v6 bool) string {
	if v6 {
		return "ip6"
	}
	return "ip"
}
