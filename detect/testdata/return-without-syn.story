# Nobody logs what is allowed, but the same server answers again and again.
at 0s   drop in web-1 52.98.1.1:587 → 192.0.2.10 ×9 every 1m flags=SYN+ACK rule="in-drop: " retry=3
expect mail-return-dropped severity=high cause=stateless-return/likely missing~"allowed traffic is not logged"
