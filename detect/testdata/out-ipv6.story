# IPv6 has a firewall of its own, often forgotten.
at 0s   drop out mx-1 2001:db8:1::25 → [2a00:1450:4013:c00::1b]:25 ×5 every 1m rule="ip6 smtp drop"
expect mail-out-blocked port=25 top=2a00:1450:4013:c00::1b fix~"ip6tables -I OUTPUT" check~"nc -vz -w 5 2a00:1450:4013:c00::1b 25"
