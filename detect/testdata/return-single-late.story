# One answer that came late, or twice: the connection had worked.
at 0s   allow out mx-1 → 142.250.102.27:25 ×9 every 1m rule="out accept"
at 5m   drop in mx-1 142.250.102.27:25 → 192.0.2.10 flags=SYN+ACK rule="in-drop: "
expect nothing
