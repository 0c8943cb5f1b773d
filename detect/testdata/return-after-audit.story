# An audit line is as good a witness of the way out.
at 0s   observe out web-1 → 52.98.1.1:587 rule="[UFW AUDIT]"
at 50ms drop in web-1 52.98.1.1:587 → 192.0.2.10 flags=SYN+ACK rule="[UFW BLOCK]" retry=3
expect mail-return-dropped severity=medium cause=stateless-return/certain fix~"ufw-before-input"
