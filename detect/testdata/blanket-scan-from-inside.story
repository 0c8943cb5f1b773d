# A scan of one machine's ports from inside is not a host that wants to work.
at 0s   drop forward gw 10.0.0.66 → 203.0.113.7:0 ×240 every 1s ports=1,7,9,13,19,21,22,23,25,37,49,53,67,69,79,80,81,88,106,110,111,113,119,135,139,143,144,179,199,389,427,443,444,445,465,513,514,515,543,544,548,554,587,631,646,873,990,993,995,1025,1026,1027,1028,1029,1110,1433,1720,1723,1755,1900 rule="final drop"
expect mail-out-blocked port=25 severity=low fixes=0 summary~"scans ports of others"
expect mail-out-blocked port=465 severity=low
expect mail-out-blocked port=587 severity=low
