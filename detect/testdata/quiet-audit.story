# [UFW AUDIT] is written before the decision: no verdict, no finding.
at 0s   observe out web-1 → 52.98.1.1:587 ×50 every 1m rule="[UFW AUDIT]"
at 0s   observe in web-1 203.0.113.9 → 192.0.2.10:25 ×50 every 1m rule="[UFW AUDIT]"
at 0s   unknown out web-1 → 52.98.1.1:25 ×50 every 1m rule="OUTG CONN TCP:"
expect nothing
