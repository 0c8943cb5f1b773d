# A few answers of many are dropped: no connection fails for want of a rule.
at 0s   drop in mx-1 142.250.102.27:25 → 192.0.2.10 ×2 every 20m flags=SYN+ACK rule="in-drop: "
at 1s   allow out mx-1 → 142.250.102.27:25 ×90 every 1m rule="out accept"
at 3s   drop in mx-1 142.250.102.27:25 → 192.0.2.10 ×4 every 20m flags=SYN+ACK rule="in-drop: "
expect mail-return-dropped severity=info fixes=0
expect nothing above info
