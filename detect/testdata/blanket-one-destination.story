# Five services at one destination are enough.
at 0s   drop out web-1 → 203.0.113.7:0 ×30 every 20s ports=22,25,80,443,389,636 rule="final drop"
expect blanket-deny severity=high dests=1
